//! Socket.IO <-> use cases: the legacy `send_message`, and everything that connected users are told.
//!
//! | event | direction | payload |
//! | --- | --- | --- |
//! | `send_message` | in, acknowledged | `{conversation_id, file_data, file_name?, type?, content?, reply_to?, client_message_id?}` |
//! | `join_conversation`, `leave_conversation` | in, acknowledged | `{conversation_id}` |
//! | `new_message` | out | the bare message |
//! | `message_error` | out, to the sender | `{detail, client_message_id}` |
//! | `upload_started`, `upload_progress`, `upload_finished`, `upload_cancelled` | out | `{upload_id, conversation_id, sender, file_name, offset, length, percent}`, a finished one with `message_id` |
//!
//! An acknowledgement is `{"success":true}`, with `message` for `send_message`, or
//! `{"success":false,"detail":"…"}`.
//!
//! A connection belongs to the user of its token and is in one room, that user's. Announcements go to users, so
//! that a connection hears all of its user's conversations, each message once, whether it joined them or not.
//! The token is judged when the connection begins; one that expires later does not end it.
//!
//! Below INFO the libraries underneath log what goes over the wire, tokens included: tungstenite at TRACE, and
//! socketioxide and engineioxide at DEBUG once any crate of the build turns their `tracing` feature on. The log
//! filter has to cap all three at INFO.

mod announcements;
mod answer;
mod base64;
mod connect;
mod field;
#[cfg(fuzzing)]
mod fuzz;
mod line;
mod membership;
mod open;
mod request;
mod send;
mod text;
mod token;

#[cfg(test)]
mod tests;

pub use announcements::SocketAnnouncements;
pub use connect::{State, serve};
#[cfg(fuzzing)]
pub use fuzz::fuzz_event;
pub use open::{Engine, PATH, Settings, close, open};

//! Socket.IO <-> use cases: the legacy `send_message`, and everything that connected users are told.
//!
//! | event | direction | payload |
//! | --- | --- | --- |
//! | `send_message` | in, acknowledged | `{conversation_id, file_data, file_name?, type?, content?, reply_to?, client_message_id?}` |
//! | `join_conversation`, `leave_conversation` | in, acknowledged | `{conversation_id}` |
//! | `new_message` | out | the bare message |
//! | `message_error` | out, to the sender | `{detail, code, client_message_id}`, with `event` if that makes no message |
//! | `caught_up` | out, if `auth.after` was given | `{after, complete}`, and `{detail, code}` of what went wrong |
//! | `upload_started`, `upload_progress`, `upload_paused`, `upload_finished`, `upload_cancelled` | out | `{upload_id, conversation_id, sender, own, file_name, mime_type, type, offset, length, percent}`, a finished one with `message_id` |
//!
//! An acknowledgement is `{"success":true}`, with `message` for `send_message`, or
//! `{"success":false,"detail":"…","code":"…"}`: [codes](crate::docs::errors).
//!
//! The handshake's `auth` is `{token, after?}`, and `after` the `_id` of the last message that the client knows.
//!
//! A connection belongs to the user of its token and is in one room, that user's. Announcements go to users, so
//! that a connection hears all of its user's conversations, each message once, whether it joined them or not.
//! When its token expires, its transport is closed, so that the client connects again with a fresh one; what it asks
//! for afterwards is refused. An event of any other name is answered as a failure.
//!
//! `own` tells the sender's connections from all others. An upload is finished after its `new_message`, whatever way it
//! came. A connection that begins is told of every upload that runs, as `upload_started`, and `upload_paused` if nothing
//! comes; what it knew before counts no more.
//!
//! A connection that names the last message it knows is sent every newer one of all its user's conversations, oldest
//! first, and then `caught_up`; what happens meanwhile follows, each message once. In that message's own conversation
//! nothing is sent that is not newer. In the others, what was made in the minute before it may come again, under the
//! `_id` that the client knows: ids are given a little before messages stand, and one that stands late is not to be
//! missed. `complete: false` says that there may be more, to be read page by page over HTTP: there were more than a
//! thousand, so much happened meanwhile that it could not wait any longer, or, with a `code`, `after` is no message
//! that this user may know, whether there is one or not. If it has a time, what is newer is sent all the same.
//!
//! A connection that reads too slowly for what it is told is ended, and one user has no more than a share of what there
//! is for all: sessions, bytes that are being read or wait, turns.
//!
//! What a crash left unannounced is told to a connection right when it begins, before anything that it sends is
//! looked at. The server cannot know whom the process before it had told: nobody is taken for told, and members who
//! connect within some seconds of a start hear of it, whether they had been connected before or not.
//!
//! Below INFO the libraries underneath log what goes over the wire, tokens included: tungstenite at TRACE, and
//! socketioxide and engineioxide at DEBUG once any crate of the build turns their `tracing` feature on. The log
//! filter has to cap all three at INFO.

mod announcements;
mod answer;
mod backlog;
mod base64;
mod catch_up;
mod connect;
mod event;
mod expiry;
mod field;
#[cfg(fuzzing)]
mod fuzz;
mod gate;
mod leftovers;
mod line;
mod membership;
mod names;
mod open;
mod presented;
mod request;
mod send;
mod session;
mod settings;
mod text;
mod transport;
mod unknown;
mod watch;
mod work;

#[cfg(test)]
mod tests;

pub use announcements::SocketAnnouncements;
pub use connect::serve;
#[cfg(fuzzing)]
pub use fuzz::fuzz_event;
pub use open::{Engine, close, finish, open};
pub use session::State;
pub use settings::{PATH, Settings};
pub use transport::Transports;

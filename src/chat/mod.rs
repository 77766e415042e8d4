//! Socket.IO <-> use cases: the legacy `send_message`, and all events for connected users.
//!
//! | event | direction | payload |
//! | --- | --- | --- |
//! | `send_message` | in, acknowledged | `{conversation_id, file_data, file_name?, type?, content?, reply_to?, client_message_id?}` |
//! | `join_conversation`, `leave_conversation` | in, acknowledged | `{conversation_id}` |
//! | `new_message` | out | the bare message |
//! | `message_error` | out, to the sender | `{detail, code, client_message_id}`, with `event` if the failed event makes no message |
//! | `caught_up` | out, if `auth.after` was given | `{after, complete}`, and `{detail, code}` if something went wrong |
//! | `upload_started`, `upload_progress`, `upload_paused`, `upload_finished`, `upload_cancelled` | out | `{upload_id, conversation_id, sender, own, file_name, mime_type, type, offset, length, percent}`, a finished one with `message_id` |
//!
//! An acknowledgement is `{"success":true}`, with `message` for `send_message`, or
//! `{"success":false,"detail":"…","code":"…"}`: [codes](crate::docs::errors).
//!
//! The handshake's `auth` is `{token, after?}`; `after` is the `_id` of the last message that the client
//! knows.
//!
//! A connection belongs to the user of its token and is in one room, that user's. Announcements go to users,
//! so a connection gets the events of all its user's conversations, each message once, whether it joined them
//! or not. When its token expires, its transport is closed, so that the client connects again with a fresh
//! one; what it asks for later is refused. An event of any other name is answered as a failure.
//!
//! `own` tells the sender's connections from all others. `upload_finished` follows the `new_message` of its
//! upload, whichever way the file came. A connection that begins is told of every running upload, by
//! `upload_started`, and by `upload_paused` if no bytes come; this replaces what the client knew before.
//!
//! A client that names the last message it knows is sent every newer one of all its user's conversations,
//! oldest first, and then `caught_up`; what happens meanwhile follows, each message once. In that message's
//! own conversation only newer messages are sent. In the others, messages made in the minute before it may
//! come again, under the `_id` that the client knows: an id is given a little before its message is
//! committed, and a late commit must not be missed. `complete: false` says that there may be more, to be read
//! page by page over HTTP: there were more than a thousand, or so much happened meanwhile that it could not
//! wait any longer, or, with a `code`, `after` is no message that this user may know, whether it exists or
//! not. If that `after` contains a time, newer messages are sent all the same.
//!
//! A connection that reads too slowly is ended. One user has at most a share of what there is for all:
//! sessions, bytes that are being read or wait, permits to work on messages.
//!
//! A message that a crash left unannounced is told to a connection right when it begins, before any event
//! from it is looked at. The server cannot know which clients the previous process had told, and takes none
//! for told: members who connect within some seconds of a start are told, whether they had been connected
//! before or not.
//!
//! Below INFO the libraries underneath log what goes over the wire, tokens included: tungstenite at TRACE,
//! and socketioxide and engineioxide at DEBUG once any crate of the build turns their `tracing` feature on.
//! The log filter has to cap all three at INFO.

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
mod relay;
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
pub use relay::{RelayedAnnouncements, Relays};
pub use session::State;
pub use settings::{PATH, Settings};
pub use transport::Transports;

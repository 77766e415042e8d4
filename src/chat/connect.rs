//! Who may connect, and what a connection may then do.

use std::fmt;
use std::sync::Arc;

use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, SocketRef};
use socketioxide::handler::ConnectHandler;

use super::line::{Hall, Line};
use super::open::Engine;
use super::text::EventText;
use super::token::PresentedToken;
use super::{membership, send};
use crate::auth::Verifier;
use crate::chats::Chats;
use crate::message::UserId;
use crate::time::Timestamp;
use crate::uploads::Uploads;

/// The only namespace.
pub(super) const NAMESPACE: &str = "/";

/// What the events need.
#[derive(Clone)]
pub struct State {
    /// Makes messages of files.
    pub uploads: Arc<Uploads>,
    /// Knows who is in which conversation.
    pub chats: Arc<Chats>,
    /// Knows whose token it is.
    pub verifier: Arc<Verifier>,
    /// The most bytes of a file sent by `send_message`.
    pub max_size: u64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("max_size", &self.max_size).finish_non_exhaustive()
    }
}

/// A connection and whose it is.
pub(super) struct Session {
    state: Arc<State>,
    user: UserId,
    line: Line,
}

impl Session {
    /// What the events need.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The user of the token.
    pub(super) fn user(&self) -> &UserId {
        &self.user
    }
}

/// The refusal that a client sees as the message of `connect_error`, whatever the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Unauthorized;

impl fmt::Display for Unauthorized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unauthorized")
    }
}

/// The room of all connections of a user.
pub(super) fn room_of(user: &UserId) -> String {
    format!("user:{user}")
}

/// Lets users connect. From here on announcements are handed over, and until [`close`](super::close).
pub fn serve(engine: &Engine, state: State) {
    let state = Arc::new(state);
    let hall = Hall::new();
    // Everything is set up before the client hears that it is connected. The library runs a connect handler
    // afterwards: what came in before its first line would be lost, and so would be what was announced.
    let connect = async move |socket: SocketRef, token: PresentedToken| {
        let user = verify(&state, token)?;
        let session = Session { state, line: hall.line(), user };
        admit(&socket, session);
        Ok::<(), Unauthorized>(())
    };
    engine.io.ns(NAMESPACE, { async || () }.with(connect));
    hold_late_comers(&engine.io);
}

/// Closing takes the namespace away, and who then asks for it would be told that there is none, which to clients
/// means to stay away. The library falls back on this one, which says nothing until the transport is closed.
fn hold_late_comers(io: &SocketIo) {
    let hold = async |_: SocketRef| std::future::pending::<Result<(), Unauthorized>>().await;
    io.dyn_ns(NAMESPACE, { async || () }.with(hold)).expect("a path without parameters");
}

fn verify(state: &State, token: PresentedToken) -> Result<UserId, Unauthorized> {
    let token = token.0.ok_or(Unauthorized)?;
    match state.verifier.verify(&token, Timestamp::now()) {
        Ok(identity) => Ok(identity.user),
        Err(error) => {
            tracing::debug!(%error, "a connection was refused");
            Err(Unauthorized)
        }
    }
}

/// Events first, then the room.
fn admit(socket: &SocketRef, session: Session) {
    let room = room_of(&session.user);
    let session = Arc::new(session);
    for event in membership::EVENTS {
        let session = Arc::clone(&session);
        socket.on(event, async move |ack: AckSender, EventText(text): EventText| {
            membership::handle(&session, ack, text).await;
        });
    }
    socket.on(send::EVENT, move |socket: SocketRef, ack: AckSender, EventText(text): EventText| {
        // Still in the task that reads the connection: here is the order of events.
        let place = session.line.enter(text.len());
        async move { send::handle(&session, &socket, ack, text, place).await }
    });
    socket.join(room);
}

//! Connecting: which clients may, and what their connections may then do.

use std::sync::Arc;

use socketioxide::SocketIo;
use socketioxide::extract::SocketRef;
use socketioxide::handler::ConnectHandler;
use tokio_util::sync::CancellationToken;

use super::catch_up::CatchingUp;
use super::event::Ack;
use super::expiry::Expiry;
use super::gate::Gate;
use super::line::{Hall, Line, TooManySessions};
use super::open::Engine;
use super::presented::{After, Presented};
use super::session::{NAMESPACE, Session, State, room_of};
use super::text::EventText;
use super::transport::{Guest, TOO_MANY_SESSIONS, UNAUTHORIZED};
use super::watch::watch;
use super::work::Work;
use super::{announcements, membership, send, unknown};
use crate::auth::{AuthError, Identity};
use crate::message::UserId;
use crate::refusals;
use crate::time::Timestamp;

/// The refusal of a connection, which the client sees as the message of `connect_error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    /// The token is missing or invalid, or belongs to another user than the session.
    #[error("{UNAUTHORIZED}")]
    Unauthorized,
    /// The user has the most sessions allowed.
    #[error("{TOO_MANY_SESSIONS}")]
    TooManySessions(#[from] TooManySessions),
}

/// Lets users connect. From here on, until [`close`](super::close), announcements are handed over.
pub fn serve(engine: &Engine, state: State) {
    let (state, hall) = (Arc::new(state), Hall::new());
    let (leftovers, engine_of) = (Arc::clone(&engine.leftovers), engine.clone());
    let catching_up = Arc::new(CatchingUp::new());
    // The library calls this, up to its future, in the step that tells the client that it is connected.
    let greet = move |socket: SocketRef| {
        let session = socket.extensions.get::<Arc<Session>>();
        if let Some(session) = &session {
            leftovers.greet(&session.user, &socket);
            if session.after == After::Nothing {
                session.gate.open(&socket, Ok(()), &[]);
            }
        }
        let catching_up = Arc::clone(&catching_up);
        async move {
            if let Some(session) = session {
                tell(&session, &socket, &catching_up).await;
            }
        }
    };
    // Everything is set up before the client hears that it is connected. The library runs a connect handler
    // only afterwards: events and announcements that came before its first line would be lost.
    let connect = async move |socket: SocketRef, presented: Presented| {
        let identity = verify(&state, presented.token).await?;
        let line = line_of(&hall, &socket, &identity.user)?;
        let expiry = Expiry(identity.expires_at);
        let session = Session {
            state,
            user: identity.user,
            presenter: engine_of.presenter.clone(),
            line,
            expiry,
            after: presented.after,
            gate: Arc::new(Gate::held(&presented.after)),
            greeted: CancellationToken::new(),
            gone: CancellationToken::new(),
            work: Work::among(&engine_of.work),
            _watch: watch(&engine_of, socket.id, Guest::of(&socket), expiry),
        };
        admit(&socket, session);
        Ok::<(), Refusal>(())
    };
    engine.io.ns(NAMESPACE, greet.with(connect));
    hold_late_comers(&engine.io);
}

/// Tells a connection which uploads run, before any event from it is looked at, and then what it missed.
async fn tell(session: &Session, socket: &SocketRef, catching_up: &CatchingUp) {
    match session.state.uploads.sending_to(&session.user).await {
        Ok(sending) => announcements::tell_sending(socket, &session.user, &sending),
        Err(error) => tracing::error!(%error, "a connection is not told of what is being sent"),
    }
    session.greeted.cancel();
    session.gone.run_until_cancelled(catching_up.catch_up(session, socket)).await;
}

/// Holds connections that come while the engine closes. Closing removes the namespace, and clients that then
/// ask for it would be told that there is none, which means to stay away. The library falls back on this one,
/// which says nothing until the transport is closed.
fn hold_late_comers(io: &SocketIo) {
    let hold = async |_: SocketRef| std::future::pending::<Result<(), Refusal>>().await;
    io.dyn_ns(NAMESPACE, { async || () }.with(hold)).expect("a path without parameters");
}

/// Verifies the token. While there are no keys a client waits: told that it is unauthorized, it would stay
/// away.
async fn verify(state: &State, token: Option<String>) -> Result<Identity, Refusal> {
    let verified = match token {
        Some(token) => {
            state.keyring.filled().await;
            state.keyring.verify(&token, Timestamp::now()).await
        }
        None => Err(AuthError::Missing),
    };
    verified.map_err(|error| {
        refusals::event("connect", &error.to_string());
        Refusal::Unauthorized
    })
}

/// The queue of the user's messages in this session. It stays the same as long as the session: a user who
/// leaves the namespace and comes back is counted once, and another user is refused.
fn line_of(hall: &Arc<Hall>, socket: &SocketRef, user: &UserId) -> Result<Arc<Line>, Refusal> {
    match Guest::of(socket).and_then(|guest| guest.line()) {
        Some(line) if line.user() == user => Ok(Arc::clone(line)),
        Some(_) => Err(Refusal::Unauthorized),
        None => hall.line(user).map(Arc::new).map_err(|error| {
            refusals::event("connect", &error.to_string());
            error.into()
        }),
    }
}

/// Registers the event handlers first, and then joins the user's room.
fn admit(socket: &SocketRef, session: Session) {
    let room = room_of(&session.user);
    let session = Arc::new(session);
    for event in membership::EVENTS {
        let session = Arc::clone(&session);
        socket.on(event, async move |socket: SocketRef, ack: Ack, EventText(text): EventText| {
            membership::handle(&session, event, &socket, ack, text).await;
        });
    }
    socket.on_fallback(async |socket: SocketRef, ack: Ack, EventText(text): EventText| {
        unknown::handle(&socket, ack, &text);
    });
    if let Some(guest) = Guest::of(socket) {
        guest.admit(Arc::clone(&session.line));
    }
    socket.extensions.insert(Arc::clone(&session));
    socket.extensions.insert(Arc::clone(&session.gate));
    let gone = session.gone.clone();
    socket.on_disconnect(async move || gone.cancel());
    socket.on(send::EVENT, move |socket: SocketRef, ack: Ack, EventText(text): EventText| {
        // Still in the task that reads the connection, so slots are taken in the order of the events.
        let (place, job) = session.take(text.len());
        async move {
            send::handle(&session, &socket, ack, text, place).await;
            drop(job);
        }
    });
    socket.join(room);
}

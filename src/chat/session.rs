//! A connection, and the user it belongs to.

use std::fmt;
use std::sync::Arc;

use tokio_util::sync::{CancellationToken, DropGuard};

use super::answer::EventError;
use super::expiry::Expiry;
use super::gate::Gate;
use super::line::{Line, Place};
use super::presented::After;
use super::work::{Job, Work};
use crate::auth::AuthError;
use crate::chats::Chats;
use crate::keys::Keyring;
use crate::links::Presenter;
use crate::message::UserId;
use crate::time::Timestamp;
use crate::uploads::Uploads;

/// The only namespace.
pub(super) const NAMESPACE: &str = "/";

/// The use cases and settings that the event handlers need.
#[derive(Clone)]
pub struct State {
    /// Makes messages of files.
    pub uploads: Arc<Uploads>,
    /// Knows which user is in which conversation.
    pub chats: Arc<Chats>,
    /// Verifies tokens.
    pub keyring: Arc<Keyring>,
    /// The most bytes of a file sent by `send_message`.
    pub max_size: u64,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("max_size", &self.max_size).finish_non_exhaustive()
    }
}

/// A connection, and the user it belongs to.
pub(super) struct Session {
    pub(super) state: Arc<State>,
    pub(super) user: UserId,
    pub(super) presenter: Presenter,
    pub(super) line: Arc<Line>,
    pub(super) expiry: Expiry,
    pub(super) after: After,
    pub(super) gate: Arc<Gate>,
    pub(super) greeted: CancellationToken,
    pub(super) gone: CancellationToken,
    pub(super) _watch: DropGuard,
    pub(super) work: Work,
}

impl Session {
    /// The use cases and settings that the event handlers need.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The user of the token.
    pub(super) fn user(&self) -> &UserId {
        &self.user
    }

    /// How messages are given to the user.
    pub(super) fn presenter(&self) -> &Presenter {
        &self.presenter
    }

    /// Whether a message of this connection is in the making.
    pub(super) fn is_at_work(&self) -> bool {
        self.work.is_under_way()
    }

    /// Refuses a request that comes after the token has expired.
    pub(super) fn judge_token(&self) -> Result<(), AuthError> {
        self.expiry.judge(Timestamp::now())
    }

    /// The last message that the client knows.
    pub(super) fn after(&self) -> &After {
        &self.after
    }

    /// The gate through which the connection gets its events.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Waits until the connection has been told of leftovers and of the uploads that run.
    pub(super) async fn greeted(&self) {
        self.greeted.cancelled().await;
    }

    /// Takes a slot for a message with this many bytes of payload, and a job that counts the message until it
    /// is done. Called in the order in which events come in, and without waiting.
    pub(super) fn take(&self, payload_bytes: usize) -> (Result<Place, EventError>, Job) {
        let job = self.work.begin();
        let place = self.state.uploads.take_new().map_err(EventError::from);
        (place.and_then(|()| Ok(self.line.enter(payload_bytes)?)), job)
    }
}

/// The room that all connections of a user are in.
pub(super) fn room_of(user: &UserId) -> String {
    format!("user:{user}")
}

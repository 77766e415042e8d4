//! A connection, and whose it is.

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

/// What the events need.
#[derive(Clone)]
pub struct State {
    /// Makes messages of files.
    pub uploads: Arc<Uploads>,
    /// Knows who is in which conversation.
    pub chats: Arc<Chats>,
    /// Knows whose token it is.
    pub keyring: Arc<Keyring>,
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
    /// What the events need.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The user of the token.
    pub(super) fn user(&self) -> &UserId {
        &self.user
    }

    /// How the user is given messages.
    pub(super) fn presenter(&self) -> &Presenter {
        &self.presenter
    }

    /// Whether a message of this connection is in the making.
    pub(super) fn is_at_work(&self) -> bool {
        self.work.is_under_way()
    }

    /// Refuses what is asked for after the token has expired.
    pub(super) fn judge_token(&self) -> Result<(), AuthError> {
        self.expiry.judge(Timestamp::now())
    }

    /// The last message that the client knows.
    pub(super) fn after(&self) -> &After {
        &self.after
    }

    /// Through which the connection is told of what happens.
    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Waits until the connection has been told of what was left over.
    pub(super) async fn greeted(&self) {
        self.greeted.cancelled().await;
    }

    /// A place for a message whose payload has so many bytes, and what counts it until it is done with. Called in the
    /// order in which events come in, and without waiting.
    pub(super) fn take(&self, payload_bytes: usize) -> (Result<Place, EventError>, Job) {
        let job = self.work.begin();
        let place = self.state.uploads.take_new().map_err(EventError::from);
        (place.and_then(|()| Ok(self.line.enter(payload_bytes)?)), job)
    }
}

/// The room of all connections of a user.
pub(super) fn room_of(user: &UserId) -> String {
    format!("user:{user}")
}

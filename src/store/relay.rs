//! The port between processes that serve the same stores: each tells its own connections what any of them
//! announces.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::announcements::{Addressed, Announcement};
use super::error::StoreError;
use crate::message::MessageId;

/// An announcement on its way between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The process that hands it on.
    pub from: Uuid,
    /// Its number among the parcels of that process.
    pub number: u64,
    /// Whether that process has told its own connections already.
    #[serde(default)]
    pub is_told_there: bool,
    /// The announcement, and the users who get it.
    pub what: Addressed,
}

impl Parcel {
    /// Whether the announcement is a message, which must not be lost.
    pub fn is_message(&self) -> bool {
        matches!(self.what.announcement, Announcement::NewMessage(_))
    }
}

/// What a relay brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// A parcel.
    Parcel(Box<Parcel>),
    /// Parcels that were handed on since this instant may be missing: the channel was broken, or the listener
    /// was too slow.
    Doubt(Instant),
}

/// Carries parcels to every process. All processes are brought them in the same order, in which one that was
/// handed on before another process began to hand on its own is the earlier. A parcel that may be missing is
/// followed by a doubt.
#[async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Hands parcels on, in their order, to every process that listens, this one included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if they are not known to be on their way; handing them on again may
    /// deliver them twice.
    async fn hand_on(&self, parcels: &[Parcel]) -> Result<(), StoreError>;

    /// Everything that is handed on from now on. The stream continues after the channel was broken for a
    /// while, with a doubt.
    fn brought(&self) -> BoxStream<'static, Brought>;
}

/// The messages that processes announced lately, for one that may have missed announcements.
#[async_trait]
pub trait Recent: Send + Sync + 'static {
    /// The messages that are still to be announced, and those that were announced within this period, in the
    /// order of their [`Position`](super::Position)s. `None` if they are too many, or not known any more.
    async fn announced_within(&self, period: Duration) -> Result<Option<Vec<MessageId>>, StoreError>;
}

//! The port between processes that serve the same stores: each tells its own connections what any of them
//! announces.

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::announcements::Announcement;
use super::error::StoreError;
use crate::message::UserId;

/// An announcement on its way between processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// The process that handed it on, and that tells its own connections itself.
    pub from: Uuid,
    /// The users who are to be told.
    pub to: Vec<UserId>,
    /// The announcement that they get.
    pub announcement: Announcement,
}

/// Carries parcels to every process, in the order in which each process hands them on. A process that is not
/// listening misses them, and its clients read what is stored.
#[async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Hands a parcel on to every process that listens, its own included.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it is not known to be on its way; handing it on again may deliver it
    /// twice.
    async fn hand_on(&self, parcel: &Parcel) -> Result<(), StoreError>;

    /// All parcels that are handed on from now on. The stream continues after the channel was broken for a
    /// while.
    fn parcels(&self) -> BoxStream<'static, Parcel>;
}

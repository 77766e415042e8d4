//! The port between processes that serve the same stores: what one of them announces, each tells to the connections
//! that it has.

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
    /// The process that handed it on, and tells its own connections itself.
    pub from: Uuid,
    /// The users who are to be told.
    pub to: Vec<UserId>,
    /// What they are told.
    pub announcement: Announcement,
}

/// Carries parcels to every process, in the order in which each process hands them on. A process that is not
/// listening misses them, and its connections read what is stored.
#[async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Hands a parcel on to every process that listens, its own among them.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] if it is not known to be on its way; handing it on again may bring it twice.
    async fn hand_on(&self, parcel: &Parcel) -> Result<(), StoreError>;

    /// All parcels that are handed on from now on. The stream goes on when the channel has been broken for a while.
    fn parcels(&self) -> BoxStream<'static, Parcel>;
}

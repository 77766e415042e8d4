//! The relay over notifications of the database. It has a connection of its own, on which nothing else is
//! written: a commit that notifies waits for all others that do. A text that is too long for a notification
//! is a row, and the notification names that.

mod line;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use super::connect::Connections;
use crate::store::relays::{Channel, Desk};
use crate::store::{Brought, Parcel, Relay, StoreError};
use line::Notifications;

/// A relay between the processes that share a schema.
pub struct PostgresRelay(Desk);

impl PostgresRelay {
    /// The relay of the database behind these connections, which hears everything from now on.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be reached.
    pub async fn start(connections: Connections) -> Result<Self, StoreError> {
        let channel = Notifications::of(connections);
        let line = channel.open().await?;
        Ok(Self(Desk::on(channel, Some(line))))
    }
}

#[async_trait]
impl Relay for PostgresRelay {
    async fn hand_on(&self, parcels: &[Parcel]) -> Result<(), StoreError> {
        self.0.hand_in(parcels).await
    }

    fn brought(&self) -> BoxStream<'static, Brought> {
        self.0.brought()
    }
}

impl std::fmt::Debug for PostgresRelay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresRelay")
    }
}

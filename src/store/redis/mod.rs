//! The relay over Redis or Valkey, for clusters with many events. It loses what it carries when it is
//! restarted, and so it has the relay of the database behind it.

mod line;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use uuid::Uuid;

use crate::store::relays::Desk;
use crate::store::{Brought, Dependency, Parcel, Relay, StoreError};
use line::Published;

/// The address of a server. It may contain a password, so it is not shown.
#[derive(Clone)]
pub struct RedisAddress(redis::Client);

/// A relay between the processes of one cluster.
pub struct RedisRelay(Desk);

impl FromStr for RedisAddress {
    type Err = String;

    /// Reads a `redis://` or `rediss://` URL. The error does not quote it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        redis::Client::open(text).map(Self).map_err(|_| "it is no redis:// or rediss:// URL".to_owned())
    }
}

impl RedisRelay {
    /// The relay of this cluster on the server at this address, which need not be there yet.
    pub fn start(address: &RedisAddress, cluster: Uuid) -> Self {
        Self(Desk::on(Published::at(address.0.clone(), cluster), None))
    }
}

#[async_trait]
impl Relay for RedisRelay {
    async fn hand_on(&self, parcels: &[Parcel]) -> Result<(), StoreError> {
        self.0.hand_in(parcels).await
    }

    fn brought(&self) -> BoxStream<'static, Brought> {
        self.0.brought()
    }
}

#[async_trait]
impl Dependency for RedisRelay {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn is_needed(&self) -> bool {
        false
    }

    async fn answers(&self) -> bool {
        self.0.is_open()
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisAddress")
    }
}

impl fmt::Debug for RedisRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisRelay")
    }
}

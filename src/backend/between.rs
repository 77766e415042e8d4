//! The ports between processes that share what is stored: what one of them announces reaches the connections
//! of all, over Redis where it is configured and otherwise over the database itself.

use std::fmt;
use std::sync::Arc;

use crate::config::Config;
use crate::store::postgres::{Connections, Postgres, PostgresRelay};
use crate::store::redis::RedisRelay;
use crate::store::{Behind, Dependency, Recent, Relay, StoreError};

/// What goes between processes that share a store.
#[derive(Clone)]
pub struct Between {
    /// The relay.
    pub relay: Arc<dyn Relay>,
    /// What was announced lately.
    pub recent: Arc<dyn Recent>,
}

/// Begins to carry events between the processes of this database. Answers the database and what carries
/// events as servers that this process uses.
pub(super) async fn start(
    config: &Config,
    connections: Connections,
    store: &Arc<Postgres>,
) -> Result<(Between, Vec<Arc<dyn Dependency>>), StoreError> {
    let notifications = Arc::new(PostgresRelay::start(connections).await?);
    let mut dependencies: Vec<Arc<dyn Dependency>> = vec![store.clone()];
    let relay: Arc<dyn Relay> = match &config.redis {
        None => notifications,
        Some(address) => {
            let redis = Arc::new(RedisRelay::start(address, store.cluster().await?));
            dependencies.push(redis.clone());
            Arc::new(Behind::new(redis, notifications))
        }
    };
    Ok((Between { relay, recent: store.clone() }, dependencies))
}

impl fmt::Debug for Between {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Between")
    }
}

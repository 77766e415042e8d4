//! One of several processes that share the database: its leases, its duties and its hints.
//!
//! A node has a row with its last beat, and a line to the database beside the pool: over that it beats once a
//! second, lets uploads go, and tells other nodes something. The line may break; then others take the node
//! for gone after a while and take what it holds, which its writes find out.
//!
//! ```text
//! newcomer ─► takes, if no node that is there holds the upload
//!          └► asks the holder ─► it records what came, and lets go ─► newcomer takes
//!                            └── no answer in time ─────────────────► newcomer takes by force
//! ```
//! To take an upload is to raise its epoch, in one statement that compares the epoch it saw. Every write of
//! the holder before is refused from then on. A node that stops between any two of these steps leaves at most
//! its name with the upload, which the next one passes over.

mod clock;
mod duties;
mod hints;
mod leases;
mod let_go;
mod line;
mod order;
mod orders;
mod said;
mod strays;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{broadcast, oneshot};

use super::connect::Connections;
use crate::store::local::LocalLeases;
use crate::store::{Displacement, StoreError};
use crate::upload::{Epoch, UploadId};
use line::Line;
use orders::Orders;
use said::Channels;

/// The most hints that wait for one listener.
const WAITING: usize = 1024;

/// A node. Clones are the same node; it ends with the last of them.
#[derive(Clone)]
pub struct PostgresNode(Arc<Inner>);

struct Inner {
    number: i32,
    connections: Connections,
    channels: Channels,
    /// Orders the requests of this process among themselves.
    own: LocalLeases,
    held: Mutex<HashMap<UploadId, Held>>,
    /// Requests that have asked a holder on another node to let go.
    asking: Mutex<HashMap<UploadId, oneshot::Sender<()>>>,
    orders: Orders,
    completed: broadcast::Sender<UploadId>,
    line: tokio::task::AbortHandle,
}

/// A request of this node that holds an upload, or is about to.
struct Held {
    displacement: Displacement,
    /// The epoch in which it holds the upload, once it does.
    epoch: Option<Epoch>,
    /// The nodes to be told when it has let go.
    askers: Vec<i32>,
}

impl PostgresNode {
    /// A new node on the database behind these connections, once it can be told something.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be reached.
    pub async fn start(connections: Connections) -> Result<Self, StoreError> {
        let (orders, ordered) = orders::orders();
        let (line, opened) = Line::open(&connections).await?;
        let (number, channels) = (line.number(), line.channels());
        let node = Arc::new_cyclic(|node| {
            let task = tokio::spawn(line.run(opened, ordered, node.clone()));
            Inner {
                number,
                connections,
                channels,
                own: LocalLeases::default(),
                held: Mutex::default(),
                asking: Mutex::default(),
                orders,
                completed: broadcast::Sender::new(WAITING),
                line: task.abort_handle(),
            }
        });
        Ok(Self(node))
    }

    /// A new node that is known to be the only one: those before it are gone, however short ago, and what
    /// they held is free.
    ///
    /// # Errors
    /// The errors of [`PostgresNode::start`].
    pub async fn alone(connections: Connections) -> Result<Self, StoreError> {
        connections.query("delete from nodes", &[]).await?;
        Self::start(connections).await
    }

    /// Makes the other nodes take this one for gone, as one that was stopped for long. It is not told.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be reached.
    pub async fn stop(&self) -> Result<(), StoreError> {
        self.0.line.abort();
        line::strike(&self.0.connections, self.0.number).await
    }
}

impl fmt::Debug for PostgresNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresNode").field(&self.0.number).finish()
    }
}

/// Locks a map, which no code leaves half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

//! What a desk and the task of its line share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::sync::{broadcast, mpsc, oneshot};

use crate::store::{Brought, StoreError};

/// Texts to be handed on, and the caller that waits for it.
pub(super) struct Order {
    pub(super) texts: Vec<String>,
    pub(super) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The two ends of a line: what goes in, and what it brings.
pub(super) struct Ends {
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) brought: broadcast::Sender<(Instant, Brought)>,
    pub(super) is_open: Arc<AtomicBool>,
}

impl Ends {
    /// Brings something to all who listen now.
    pub(super) fn bring(&self, brought: Brought) {
        let _ = self.brought.send((Instant::now(), brought));
    }
}

/// A failure of the relay, for this reason.
pub(super) fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

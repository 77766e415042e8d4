//! One of several processes over the same stores in memory: its leases, its duties and its hints.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::{broadcast, watch};

use super::lock;
use crate::store::local::LocalLeases;
use crate::store::{Displacement, Duties, Duty, Hints, Records, StoreError};
use crate::upload::{Epoch, UploadId};

/// The most hints that wait for one node.
const WAITING: usize = 64;

/// A node. Clones are the same node.
#[derive(Clone)]
pub struct MemoryNode {
    pub(super) records: Arc<dyn Records>,
    pub(super) shared: Arc<Shared>,
    pub(super) process: Arc<Process>,
}

/// The board that all nodes see.
pub(super) struct Shared {
    pub(super) holders: Mutex<HashMap<UploadId, Holder>>,
    duties: Mutex<HashMap<Duty, Arc<Process>>>,
    completed: broadcast::Sender<UploadId>,
}

/// The holder of an upload, as entered on the board.
#[derive(Clone)]
pub(super) struct Holder {
    pub(super) process: Arc<Process>,
    pub(super) epoch: Epoch,
    pub(super) displacement: Displacement,
    pub(super) let_go: watch::Receiver<()>,
}

/// A process, as the other nodes see it.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub(super) own: LocalLeases,
    is_gone: AtomicBool,
}

impl MemoryNode {
    /// The first node over these records.
    pub fn over(records: Arc<dyn Records>) -> Self {
        let completed = broadcast::Sender::new(WAITING);
        let shared = Shared { holders: Mutex::default(), duties: Mutex::default(), completed };
        Self { records, shared: Arc::new(shared), process: Arc::default() }
    }

    /// Another node.
    #[must_use]
    pub fn second(&self) -> Self {
        Self { process: Arc::default(), ..self.clone() }
    }

    /// Makes the other nodes take this one for gone, as one that does not renew its leases. It is not told.
    pub fn stop(&self) {
        self.process.is_gone.store(true, Ordering::Release);
    }
}

impl Holder {
    pub(super) fn is_there(&self) -> bool {
        self.process.is_there()
    }
}

impl Process {
    fn is_there(&self) -> bool {
        !self.is_gone.load(Ordering::Acquire)
    }
}

#[async_trait]
impl Duties for MemoryNode {
    async fn is_mine(&self, duty: Duty) -> Result<bool, StoreError> {
        let mut duties = lock(&self.shared.duties);
        let process = duties.entry(duty).or_insert_with(|| Arc::clone(&self.process));
        if !process.is_there() {
            *process = Arc::clone(&self.process);
        }
        Ok(Arc::ptr_eq(process, &self.process))
    }
}

impl Hints for MemoryNode {
    fn complete(&self, id: UploadId) {
        // Without a process that listens, there is nothing to wake.
        let _ = self.shared.completed.send(id);
    }

    fn completed(&self) -> BoxStream<'static, UploadId> {
        unfold(self.shared.completed.subscribe(), async |mut completed| {
            let id = completed.recv().await.ok()?;
            Some((id, completed))
        })
        .boxed()
    }
}

impl fmt::Debug for MemoryNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryNode").field("process", &self.process).finish_non_exhaustive()
    }
}

//! Leases among several nodes. Each node orders its own requests as one process does, and takes an upload
//! from another node by raising its epoch in the records. Before that it asks the other node's holder to let
//! go, if that node is there.
//!
//! ```text
//! own turn ─► the other node's holder is told ─► it lets go, or is late ─► epoch raised ─► holder entered on the board
//! ```
//! A node that stops between any two of these leaves at most an entry on the board, of a node that is not
//! there.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::lock;
use super::node::{Holder, MemoryNode, Shared};
use crate::store::{Elsewhere, Lease, Leases, NoTurn, StoreError, Wanted};
use crate::upload::{Epoch, UploadId};

/// How long a newcomer waits for a holder on another node.
const PATIENCE: Duration = Duration::from_millis(250);

/// An entry on the board, until it is dropped. Its sender is dropped with it, which the newcomer waits for.
struct Entry {
    shared: Arc<Shared>,
    id: UploadId,
    epoch: Epoch,
    _let_go: watch::Sender<()>,
    _turn: Lease,
}

impl MemoryNode {
    /// The upload's holder, if it is on another node.
    fn elsewhere(&self, id: UploadId) -> Option<Holder> {
        let holder = lock(&self.shared.holders).get(&id).cloned();
        holder.filter(|holder| !Arc::ptr_eq(&holder.process, &self.process))
    }

    /// Enters a request on the board whose turn it is on this node, and answers its lease.
    async fn sign(&self, id: UploadId, turn: Lease) -> Result<Lease, StoreError> {
        // Without a record there is nothing that another node could write.
        let epoch = self.records.raise(id).await?.unwrap_or(Epoch::FIRST);
        let (let_go, gone) = watch::channel(());
        let displacement = turn.displacement().clone();
        let (process, told) = (Arc::clone(&self.process), displacement.clone());
        let holder = Holder { process, epoch, displacement: told, let_go: gone };
        let before = lock(&self.shared.holders).insert(id, holder);
        if let Some(before) = before.filter(Holder::is_there) {
            before.displacement.tell(Wanted::RecordedOffset);
        }
        let entry = Entry { shared: Arc::clone(&self.shared), id, epoch, _let_go: let_go, _turn: turn };
        Ok(Lease::new(epoch, displacement, entry))
    }
}

#[async_trait]
impl Leases for MemoryNode {
    async fn take_over(&self, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn> {
        let turn = self.process.own.take_over(id, wanted).await?;
        if let Some(mut holder) = self.elsewhere(id).filter(Holder::is_there) {
            holder.displacement.tell(wanted);
            if wanted == Wanted::WhatCame {
                let _ = tokio::time::timeout(PATIENCE, holder.let_go.changed()).await;
            }
        }
        Ok(self.sign(id, turn).await?)
    }

    async fn take_held(&self, id: UploadId, wanted: Wanted, _: Elsewhere) -> Result<Option<Lease>, NoTurn> {
        if self.elsewhere(id).is_some() {
            return self.take_over(id, wanted).await.map(Some);
        }
        match self.process.own.take_held(id, wanted, Elsewhere::Unknown).await? {
            Some(turn) => Ok(Some(self.sign(id, turn).await?)),
            None => Ok(None),
        }
    }

    async fn take_idle(&self, id: UploadId) -> Result<Option<Lease>, StoreError> {
        match self.process.own.take_idle(id).await? {
            Some(turn) if !self.elsewhere(id).is_some_and(|holder| holder.is_there()) => {
                self.sign(id, turn).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn leave(&self) {
        self.stop();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut board = lock(&self.shared.holders);
        // The entry may be the next holder's by now.
        if board.get(&self.id).is_some_and(|holder| holder.epoch == self.epoch) {
            board.remove(&self.id);
        }
    }
}

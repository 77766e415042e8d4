//! Leases among the nodes: the requests of a node take turns as in one process, and whose turn it is takes
//! the upload from the other nodes.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::super::rows::{self, UPLOAD};
use super::order::{LetGo, Taken, Tell};
use super::said::Said;
use super::{Held, PostgresNode, lock};
use crate::store::{Elsewhere, Lease, Leases, NoTurn, StoreError, Wanted};
use crate::upload::{Epoch, Upload, UploadId};

/// How long a newcomer waits for a holder on another node.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long a node that ends waits for the database.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);
/// How often a newcomer looks again, if yet another one was quicker.
const ATTEMPTS: usize = 3;

/// The statement that takes the upload and answers it as it is then, if no other node that is there holds it,
/// or if it is in the epoch that was seen.
///
/// The lowest bits of an epoch are the node's, so no two nodes ever have the same epoch, even if the database
/// forgets one: a commit that does not wait for the disk, or a failover, may lose an epoch that was taken.
/// What its holder writes is refused then, and nothing is harmed. So the commit need not wait for the disk.
fn take() -> String {
    format!(
        "with o as materialized (select id, epoch, node from uploads where id = $1 for update)
         update uploads u set epoch = ((o.epoch >> 24) + 1) << 24 | ($2::int & 16777215)::bigint, node = $2
         from o, (select set_config('synchronous_commit', 'off', true)) s
         where u.id = o.id and (o.epoch = $3 or o.node is null or o.node = $2
             or not exists (select from nodes n where n.id = o.node and n.beat > now() - interval '5 seconds'))
         returning {UPLOAD}"
    )
}

/// The node that holds the upload, if any does.
const LOOK: &str = "select epoch, node from uploads where id = $1";

/// A request that holds an upload or is about to. When it is dropped, the upload is let go, and then the next
/// request of this node has its turn.
struct Entry {
    node: PostgresNode,
    id: UploadId,
    taken: Taken,
    turn: Lease,
}

/// An upload's epoch and its holder, as seen.
struct Sight {
    epoch: Epoch,
    holder: Option<i32>,
}

#[async_trait]
impl Leases for PostgresNode {
    async fn take_over(&self, id: UploadId, wanted: Wanted) -> Result<Lease, NoTurn> {
        let turn = self.0.own.take_over(id, wanted).await?;
        self.follow(id, wanted, turn).await
    }

    async fn take_held(
        &self,
        id: UploadId,
        wanted: Wanted,
        elsewhere: Elsewhere,
    ) -> Result<Option<Lease>, NoTurn> {
        if let Some(turn) = self.0.own.take_held(id, wanted, Elsewhere::Unknown).await? {
            return self.follow(id, wanted, turn).await.map(Some);
        }
        let holder = match elsewhere {
            Elsewhere::Process(node) => Some(node),
            Elsewhere::Free => None,
            Elsewhere::Unknown => self.look(id).await?.and_then(|sight| sight.holder),
        };
        match holder.filter(|node| *node != self.0.number) {
            Some(_) => self.take_over(id, wanted).await.map(Some),
            None => Ok(None),
        }
    }

    async fn take_idle(&self, id: UploadId) -> Result<Option<Lease>, StoreError> {
        let Some(turn) = self.0.own.take_idle(id).await? else { return Ok(None) };
        let node = self.clone();
        let taking = tokio::spawn(async move { node.take_unheld(id, turn).await });
        taking.await.unwrap_or_else(|_| Err(StoreError::Unavailable("a lease was not taken".into())))
    }

    async fn leave(&self) {
        // Nothing comes over it: its other end is dropped.
        if tokio::time::timeout(LEAVE_WITHIN, self.0.orders.leave()).await.is_err() {
            tracing::warn!("the database was not told of the end; other servers find out in a while");
        }
    }
}

impl PostgresNode {
    /// Takes the upload for a request whose turn it is on this node. If the request is cancelled, the step
    /// under way comes to its end, and what it took is let go: a statement is not stopped by that, and might
    /// take the upload for a request that is not there.
    async fn follow(&self, id: UploadId, wanted: Wanted, turn: Lease) -> Result<Lease, NoTurn> {
        let (node, caller) = (self.clone(), Arc::new(()));
        let waits = Arc::downgrade(&caller);
        let taking = tokio::spawn(async move { node.take_from_others(id, wanted, turn, &waits).await });
        let taken = taking.await.unwrap_or(Err(NoTurn::Late));
        drop(caller);
        taken
    }

    /// Takes the upload if no other node holds it.
    async fn take_unheld(&self, id: UploadId, turn: Lease) -> Result<Option<Lease>, StoreError> {
        let mut entry = self.enter(id, turn);
        if let Some(upload) = entry.take(None).await? {
            return Ok(Some(entry.lease(upload)));
        }
        let is_stored = self.look(id).await?.is_some();
        Ok((!is_stored).then(|| entry.lease_of_nothing()))
    }

    /// Takes the upload, by force in the end, as long as its request waits for it.
    async fn take_from_others(
        &self,
        id: UploadId,
        wanted: Wanted,
        turn: Lease,
        waits: &Weak<()>,
    ) -> Result<Lease, NoTurn> {
        let mut entry = self.enter(id, turn);
        for _ in 0..ATTEMPTS {
            if let Some(upload) = entry.take(None).await? {
                return Ok(entry.lease(upload));
            }
            let Some(sight) = self.look(id).await? else { return Ok(entry.lease_of_nothing()) };
            let holder = sight.holder.filter(|node| *node != self.0.number && waits.strong_count() > 0);
            if let Some(holder) = holder {
                self.ask(id, (holder, sight.epoch), wanted, &entry.turn).await?;
            }
            if waits.strong_count() == 0 {
                return Err(NoTurn::Displaced);
            }
            if let Some(upload) = entry.take(Some(sight.epoch)).await? {
                return Ok(entry.lease(upload));
            }
        }
        Err(NoTurn::Late)
    }

    /// Asks the holder to let go, and waits a while for that, unless what it has is of no use.
    async fn ask(
        &self,
        id: UploadId,
        (holder, epoch): (i32, Epoch),
        wanted: Wanted,
        turn: &Lease,
    ) -> Result<(), NoTurn> {
        let (let_go, gone) = oneshot::channel();
        lock(&self.0.asking).insert(id, let_go);
        let at_recorded_offset = wanted == Wanted::RecordedOffset;
        let said = Said::Ask { id, epoch: epoch.number(), at_recorded_offset, from: self.0.number };
        let until = Some(Instant::now() + PATIENCE);
        self.0.orders.tell(Tell { channel: self.0.channels.of(holder), said, until });
        let outcome = tokio::select! {
            biased;
            () = std::future::ready(()), if at_recorded_offset => Ok(()),
            _ = turn.displaced() => Err(NoTurn::Displaced),
            _ = tokio::time::timeout(PATIENCE, gone) => Ok(()),
        };
        lock(&self.0.asking).remove(&id);
        outcome
    }

    async fn look(&self, id: UploadId) -> Result<Option<Sight>, StoreError> {
        let Some(row) = self.0.connections.query(LOOK, &[&id.uuid()]).await?.pop() else { return Ok(None) };
        Ok(Some(Sight { epoch: rows::epoch(&row)?, holder: rows::column(&row, "node")? }))
    }

    /// Enters a request whose turn it is: from now on it hears who asks.
    fn enter(&self, id: UploadId, turn: Lease) -> Entry {
        let held = Held { displacement: turn.displacement().clone(), epoch: None, askers: Vec::new() };
        lock(&self.0.held).insert(id, held);
        Entry { node: self.clone(), id, taken: Taken::Nothing, turn }
    }
}

impl Entry {
    /// Takes the upload; answers it as it is then. No other node writes to it from then on. While too many
    /// are to be let go, none is taken: the database was away for long.
    async fn take(&mut self, seen: Option<Epoch>) -> Result<Option<Upload>, StoreError> {
        let node = &self.node.0;
        if node.orders.is_full() {
            return Err(StoreError::Unavailable("too many uploads are still to be let go".into()));
        }
        let seen = seen.map(|epoch| epoch.number().cast_signed());
        let (sql, id, taken) = (take(), self.id.uuid(), &mut self.taken);
        // A statement that was never sent takes nothing.
        let sent = || *taken = Taken::Perhaps;
        let rows = node.connections.query_sending(&sql, &[&id, &node.number, &seen], sent).await?;
        let upload = rows.first().map(rows::upload).transpose()?;
        self.taken = upload.as_ref().map_or(Taken::Nothing, |upload| Taken::At(upload.epoch));
        if let (Some(upload), Some(held)) = (&upload, lock(&node.held).get_mut(&self.id)) {
            held.epoch = Some(upload.epoch);
        }
        Ok(upload)
    }

    fn lease(self, upload: Upload) -> Lease {
        Lease::new(upload.epoch, self.turn.displacement().clone(), self).with(upload)
    }

    /// The lease of an upload that has no record, so that there is nothing which another node could write.
    fn lease_of_nothing(self) -> Lease {
        Lease::new(Epoch::FIRST, self.turn.displacement().clone(), self)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let held = lock(&self.node.0.held).remove(&self.id);
        let askers = held.map_or(Vec::new(), |held| held.askers);
        self.node.0.orders.let_go(self.id, LetGo::of(self.taken, askers));
    }
}

//! Upload records.

use std::time::Instant;

use async_trait::async_trait;
use bytes::Bytes;

use super::engine::layered::{Layered, Rows};
use super::engine::view::View;
use super::messages;
use super::store::SledStore;
use super::tables::keys::Key;
use super::tables::uploads::Unwritten;
use super::tables::{carried, claims, keys, sums, uploads};
use crate::message::UserId;
use crate::store::{Claim, Created, Records, StoreError, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Binding, Bounds, Conflict, Epoch, Held, State, Upload, UploadId};

/// The most uploads that a reader looks at before it lets the committer in.
const SCAN_STEP: usize = 256;
/// The most used parts that are passed over for each upload that is listed.
const USED_BETWEEN: usize = 16;

#[async_trait]
impl Records for SledStore {
    async fn create_with(
        &self,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        self.create_carrying(upload, taking, bounds, Vec::new(), claim).await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, StoreError> {
        self.core.read(|tree| Ok(uploads::find(tree, id)?.map(|stored| stored.upload))).await
    }

    async fn holder(&self, upload: &Upload) -> Result<Option<UploadId>, StoreError> {
        self.core.read(|tree| Ok(claims::holder(tree, upload)?.map(|holder| holder.upload))).await
    }

    async fn raise(&self, id: UploadId) -> Result<Option<Epoch>, StoreError> {
        self.core.change(move |view| Ok(raise(view, id)?)).await
    }

    async fn append_with(
        &self,
        id: UploadId,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        self.append_carrying(id, row, Vec::new(), claim).await
    }

    async fn transition(
        &self,
        id: UploadId,
        seen: Epoch,
        from: &State,
        to: &State,
    ) -> Result<(), StoreError> {
        let (from, to) = (from.clone(), to.clone());
        self.change_with_ledger(id, move |view| transition(view, id, seen, &from, &to)).await
    }

    async fn bind(&self, id: UploadId, binding: &Binding, taking: Taking) -> Result<Created, StoreError> {
        let binding = binding.clone();
        self.core.change(move |view| Ok(bind(view, id, binding, taking)?)).await
    }

    async fn remove(&self, id: UploadId, seen: Epoch) -> Result<(), StoreError> {
        self.change_with_ledger(id, move |view| remove(view, id, seen)).await
    }

    async fn unfinished(&self, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError> {
        self.core.read(|tree| unfinished(tree, owner, limit)).await
    }

    async fn held(&self, owner: &UserId) -> Result<Held, StoreError> {
        self.core.read(|tree| sums::held(tree, owner)).await
    }

    async fn missing(&self) -> Result<u128, StoreError> {
        Ok(self.core.read(|rows| sums::missing(rows)).await?.unwrap_or_default())
    }

    async fn owed(&self, after: Option<UploadId>, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        let start = after.map_or_else(keys::every_owed, |id| keys::after(&keys::owed(id)));
        self.core
            .read(|tree| {
                let found = tree.rows(start.clone()..keys::end_of(&keys::every_owed()));
                found.take(limit).map(|row| upload_id(&row?.0)).collect()
            })
            .await
    }

    async fn idle_since(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        // Uploads that only say why they have no bytes, however many, must never hide the others.
        let (mut living, mut dead) = (Vec::new(), Vec::new());
        let mut rest = Some(keys::every_unfinished());
        while let Some(start) = rest.take().filter(|_| living.len() < limit) {
            let begun = Instant::now();
            let idle = self.core.read(|tree| idle_from(tree, &start, cutoff)).await?;
            living.extend(idle.living);
            dead.extend(idle.dead);
            dead.truncate(limit);
            rest = idle.rest;
            if rest.is_some() {
                // There may be a million uploads, and this can wait: it takes half of a processor at most.
                tokio::time::sleep(begun.elapsed()).await;
            }
        }
        living.extend(dead);
        living.truncate(limit);
        Ok(living)
    }

    async fn committed_before(&self, cutoff: Timestamp, limit: usize) -> Result<Vec<UploadId>, StoreError> {
        self.core
            .read(|tree| {
                let earliest_first = tree.rows(keys::every_committed()..keys::committed_at(cutoff));
                earliest_first.take(limit).map(|row| upload_id(&row?.0)).collect()
            })
            .await
    }
}

impl SledStore {
    /// Stores an upload as [`Records::create_with`] does, carrying its last bytes, which are written and not
    /// durable yet.
    pub(in crate::store) async fn create_carrying(
        &self,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        bytes: Vec<Bytes>,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        let upload = upload.clone();
        self.core.change(move |view| create(view, upload, taking, bounds, bytes, claim)).await
    }

    /// Adds a row as [`Records::append_with`] does, carrying its last bytes, which are written and not
    /// durable yet.
    pub(in crate::store) async fn append_carrying(
        &self,
        id: UploadId,
        row: &Appended,
        bytes: Vec<Bytes>,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        let row = row.clone();
        self.core.change(move |view| Ok(append(view, id, &row, bytes, claim)?)).await
    }
}

fn create(
    view: &mut View<'_>,
    upload: Upload,
    taking: Taking,
    bounds: Bounds,
    bytes: Vec<Bytes>,
    claim: Option<Timestamp>,
) -> Result<Created, StoreError> {
    match uploads::find(view, upload.id)? {
        Some(there) if there.upload == upload => return Ok(Created::New(upload.state)),
        Some(_) => return Err(Conflict::AnotherUpload.into()),
        None => {}
    }
    if let Some(holder) = claims::take(view, &upload, taking)? {
        return Ok(Created::Taken(holder));
    }
    if let Err(refusal) = bounds.admit(sums::held(view, &upload.owner)?, &upload) {
        view.undo();
        return Ok(Created::Refused(refusal));
    }
    carried::put(view, upload.id, upload.offset, bytes);
    let state = claimed(view, &upload, upload.state.clone(), claim)?;
    uploads::insert(view, &Upload { state: state.clone(), ..upload })?;
    Ok(Created::New(state))
}

/// The state that an upload gets: with its message claimed, if a claim goes along and is possible.
fn claimed(
    view: &mut View<'_>,
    upload: &Upload,
    state: State,
    claim: Option<Timestamp>,
) -> Result<State, StoreError> {
    let (State::Complete, Some(binding), Some(now)) = (&state, &upload.binding, claim) else {
        return Ok(state);
    };
    Ok(match messages::allocate(view, upload, binding, now)? {
        Claim::Finalizing(stamp) => State::Finalizing(stamp),
        Claim::Taken { .. } => state,
    })
}

fn raise(view: &mut View<'_>, id: UploadId) -> Result<Option<Epoch>, Unwritten> {
    let Some(stored) = uploads::find(view, id)? else { return Ok(None) };
    let taken = stored.upload.clone().taken();
    let epoch = taken.epoch;
    uploads::update(view, stored, taken)?;
    Ok(Some(epoch))
}

fn append(
    view: &mut View<'_>,
    id: UploadId,
    row: &Appended,
    bytes: Vec<Bytes>,
    claim: Option<Timestamp>,
) -> Result<State, Unwritten> {
    let before = uploads::progress(view, id)?;
    row.follows(before.epoch, &before.state, before.offset)?;
    carried::put(view, id, row.chunk.end(), bytes);
    if row.length == before.length && row.state == before.state {
        uploads::extend(view, id, &before, &row.chunk)?;
        return Ok(before.state);
    }
    let stored = uploads::existing(view, id)?;
    uploads::add_row(view, id, &row.chunk)?;
    let next = stored.upload.clone().append(row)?;
    let state = claimed(view, &next, next.state.clone(), claim)?;
    uploads::update(view, stored, Upload { state: state.clone(), ..next })?;
    Ok(state)
}

fn transition(
    view: &mut View<'_>,
    id: UploadId,
    seen: Epoch,
    from: &State,
    to: &State,
) -> Result<(), Unwritten> {
    let stored = uploads::existing(view, id)?;
    let next = stored.upload.clone().end(seen, from, to)?;
    if from.takes_back(&next.state) {
        claims::take_back(view, &stored.upload)?;
    } else if next.state == State::Expired {
        claims::release(view, &stored.upload)?;
    }
    uploads::update(view, stored, next)
}

fn bind(view: &mut View<'_>, id: UploadId, binding: Binding, taking: Taking) -> Result<Created, Unwritten> {
    let stored = uploads::existing(view, id)?;
    let bound = stored.upload.clone().bind(binding)?;
    let state = bound.state.clone();
    if let Some(holder) = claims::take(view, &bound, taking)? {
        return Ok(Created::Taken(holder));
    }
    uploads::update(view, stored, bound)?;
    Ok(Created::New(state))
}

pub(super) fn remove(view: &mut View<'_>, id: UploadId, seen: Epoch) -> Result<(), Unwritten> {
    let Some(stored) = uploads::find(view, id)? else {
        return Ok(());
    };
    stored.upload.removable(seen)?;
    claims::release(view, &stored.upload)?;
    uploads::remove(view, &stored)
}

fn unfinished(tree: &Layered<'_>, owner: &UserId, limit: usize) -> Result<Vec<Upload>, StoreError> {
    let prefix = keys::unfinished_of(owner);
    let newest_first = tree.rows_back(prefix.clone()..keys::end_of(&prefix));
    let mut found = Vec::new();
    for row in newest_first.take(limit.saturating_mul(USED_BETWEEN)) {
        if found.len() == limit {
            break;
        }
        let (key, _) = row?;
        if tree.get(&keys::used(upload_id(&key)?))?.is_none() {
            found.push(indexed(tree, &key)?);
        }
    }
    Ok(found)
}

/// Uploads that may expire: those that still hold bytes, and those that only say why they have none.
struct Idle {
    living: Vec<UploadId>,
    dead: Vec<UploadId>,
    /// The key to continue at, if there is more to look at.
    rest: Option<Key>,
}

fn idle_from(tree: &Layered<'_>, start: &Key, cutoff: Timestamp) -> Result<Idle, StoreError> {
    let mut idle = Idle { living: Vec::new(), dead: Vec::new(), rest: None };
    let rows = tree.rows(start.clone()..keys::end_of(&keys::every_unfinished()));
    for (count, row) in rows.enumerate() {
        let (key, _) = row?;
        // The last byte is not older than the creation, so most records need not be read.
        let is_recent = keys::created_at_of_unfinished(&key).is_some_and(|created_at| created_at >= cutoff);
        if count == SCAN_STEP {
            // An owner's uploads come in the order of their creation.
            idle.rest = Some(if is_recent { keys::after_set(&key) } else { key });
            break;
        }
        if is_recent {
            continue;
        }
        let upload = indexed(tree, &key)?;
        // An upload that expires after no time at all expires at its last byte.
        if upload.expires_at(0).is_some_and(|at| at < cutoff) {
            let listed = if upload.state.needs_bytes() { &mut idle.living } else { &mut idle.dead };
            listed.push(upload.id);
        }
    }
    Ok(idle)
}

/// The upload that an index's key ends with.
fn indexed(rows: &impl Rows, key: &[u8]) -> Result<Upload, StoreError> {
    let id = upload_id(key)?;
    let stored = uploads::find(rows, id)?;
    stored.map(|stored| stored.upload).ok_or_else(|| StoreError::Damaged(format!("{id} is indexed and gone")))
}

fn upload_id(key: &[u8]) -> Result<UploadId, StoreError> {
    keys::upload_at_end(key).ok_or_else(|| StoreError::Damaged("an index of uploads".into()))
}

//! Joining: makes a final upload of its parts (tus 1.0.0, Concatenation). The server appends to it stretch by
//! stretch, as a client would with PATCH. Its own ledger says how far that is, so a kill costs one stretch.
//!
//! ```text
//! step                                   durable afterwards         a kill here leaves
//! the first part is adopted or copied    its bytes                  no row: adopted or copied again
//! its row                                offset behind it           the next stretch follows
//! a stretch of another part is copied    bytes ahead of the row     cut off, copied again
//! its row, the last one completes        offset, state              a complete upload like any other
//! ```
//! Meanwhile the join holds the upload, as the request of a PATCH does, and lets go at the end of a stretch
//! for a newcomer that wants to end the upload. Bytes are read once, for the digest, beside the copying. The
//! first part's digest is known, and the digest of the whole continues from it.

use std::collections::HashMap;
use std::ops::Range;

use futures_util::TryStreamExt;
use tokio::task::spawn_blocking;

use super::Finalizer;
use crate::crash;
use crate::reservations::{Flight, Refusal};
use crate::store::{Source, StoreError};
use crate::time::Timestamp;
use crate::upload::{
    Appended, Chunk, Concat, DigestState, Length, Parts, RejectionReason, RunningDigest, State, Stretch,
    Upload, UploadId, stretch_at,
};

/// The most bytes between two rows, from any number of parts.
const STRETCH: u64 = 64 * 1024 * 1024;

/// The outcome of a join.
pub(super) enum Joined {
    /// The upload lacks no bytes (any longer), whatever state that makes.
    Whole(Upload),
    /// A part does not have all of its bytes yet.
    Waiting,
    /// The owner has too much to join already.
    Later,
    /// Another request holds the upload, or has just ended it.
    Held,
    /// There is no room for the bytes to be copied; the join is tried again later.
    NoRoom,
    /// The upload will never be whole.
    Unfit(Upload, RejectionReason),
}

/// The state of an upload's parts.
enum Found {
    Complete(Vec<Upload>),
    Unfinished,
    Gone,
}

impl Finalizer {
    /// Appends the bytes of an upload's parts. There is nothing to do for an upload that waits for no parts.
    pub(super) async fn join(&self, upload: Upload) -> Result<Joined, StoreError> {
        let Some(parts) = upload.awaited_parts().cloned() else { return Ok(Joined::Whole(upload)) };
        // Before the parts are looked at: one that completes from now on drives this upload.
        self.waiting.add(upload.id, &parts);
        let found = self.parts(&parts).await?;
        if !matches!(found, Found::Unfinished) {
            self.waiting.remove(upload.id, &parts);
        }
        match found {
            Found::Unfinished => Ok(Joined::Waiting),
            Found::Gone => Ok(Joined::Unfit(upload, RejectionReason::PartGone)),
            Found::Complete(parts) => self.join_all(upload, parts).await,
        }
    }

    /// Frees the bytes of an upload that no message will have, and those that it appended to a file that it
    /// shares with a part.
    pub(crate) async fn free(&self, upload: &Upload) -> Result<(), StoreError> {
        self.allowance.forget(upload.id);
        self.stores.payloads.discard(upload.id).await?;
        let Concat::Final(parts) = &upload.concat else { return Ok(()) };
        let Some(first) = parts.ids().first() else { return Ok(()) };
        match self.stores.records.find(*first).await? {
            Some(part) if part.is_whole_part() => self.stores.payloads.trim(part.id, part.offset).await,
            _ => Ok(()),
        }
    }

    async fn parts(&self, parts: &Parts) -> Result<Found, StoreError> {
        let mut complete: Vec<Upload> = Vec::new();
        let mut seen = HashMap::new();
        let mut are_unfinished = false;
        for id in parts.ids() {
            // A part may be named as often as a header has room for.
            if let Some(known) = seen.get(id).and_then(|at: &usize| complete.get(*at)).cloned() {
                complete.push(known);
                continue;
            }
            match self.stores.records.find(*id).await? {
                Some(part) if part.state == State::Complete => {
                    seen.insert(*id, complete.len());
                    complete.push(part);
                }
                Some(part) if part.state == State::Receiving => are_unfinished = true,
                Some(_) | None => return Ok(Found::Gone),
            }
        }
        Ok(if are_unfinished { Found::Unfinished } else { Found::Complete(complete) })
    }

    async fn join_all(&self, upload: Upload, parts: Vec<Upload>) -> Result<Joined, StoreError> {
        let lengths: Vec<_> = parts.iter().map(|part| part.offset).collect();
        let total: u64 = lengths.iter().sum();
        if total > self.allowance.max_upload_size() {
            return Ok(Joined::Unfit(upload, RejectionReason::PartsTooLarge));
        }
        let left = |upload: &Upload| total.saturating_sub(upload.offset);
        let Some(place) = self.joins.enter(&upload.owner, upload.id, left(&upload)) else {
            return Ok(Joined::Later);
        };
        let Some(lease) = self.stores.leases.take_idle(upload.id).await? else { return Ok(Joined::Held) };
        // The upload may have been taken, and moved on, since it was read.
        let Some(mut upload) = self.stores.records.find(upload.id).await? else { return Ok(Joined::Held) };
        let mut work = Join { finalizer: self, parts: &parts, lengths, total, room: self.allowance.flight() };
        while upload.state == State::Receiving {
            let turn = tokio::select! {
                biased;
                _ = lease.displaced() => None,
                turn = place.turn(left(&upload)) => turn,
            };
            let Some(_turn) = turn else { return Ok(Joined::Held) };
            match work.step(&mut upload).await {
                Ok(true) => {}
                Ok(false) => return Ok(Joined::NoRoom),
                Err(StoreError::Damaged(what) | StoreError::Missing(what)) => {
                    tracing::error!(upload = %upload.id, what, "a part is damaged");
                    return Ok(Joined::Unfit(upload, RejectionReason::Damaged));
                }
                Err(error) => return Err(error),
            }
        }
        self.stores.hints.complete(upload.id);
        tracing::debug!(upload = %upload.id, parts = parts.len(), bytes = total, "parts joined");
        Ok(Joined::Whole(upload))
    }
}

/// One join under way.
struct Join<'a> {
    finalizer: &'a Finalizer,
    parts: &'a [Upload],
    lengths: Vec<u64>,
    total: u64,
    /// Room for the bytes to be copied. It is taken for all of them before copying begins, so that no join
    /// waits for room with half of its own taken.
    room: Flight,
}

impl Join<'_> {
    /// Appends one stretch and its row; without a stretch, the row that says that nothing is to come. `false`
    /// if there is no room for it.
    async fn step(&mut self, upload: &mut Upload) -> Result<bool, StoreError> {
        let stretches = self.stretches(upload.offset);
        for part in stretches.iter().map(|stretch| &self.parts[stretch.part]) {
            self.finalizer.stores.payloads.seal(part.id, part.offset).await?;
        }
        let (length, digest) = match stretches.first() {
            None => (0, upload.digest.clone()),
            Some(first) => match self.adopted(upload, first).await? {
                Some(adopted) => adopted,
                None => match self.room.keep(self.total - upload.offset).await {
                    Ok(()) => (bytes_of(&stretches), self.copied(upload, stretches).await?),
                    Err(Refusal::Store(error)) => return Err(error),
                    Err(_) => return Ok(false),
                },
            },
        };
        let chunk = Chunk { offset: upload.offset, length, at: Timestamp::now(), digest };
        let state = if chunk.end() == self.total { State::Complete } else { State::Receiving };
        let row = Appended { chunk, length: Length::Known(self.total), state, epoch: upload.epoch };
        let state = self.finalizer.stores.records.append(upload.id, &row).await?;
        crash::point("join.recorded");
        *upload = Upload { state, ..upload.clone().append(&row).map_err(StoreError::from)? };
        self.finalizer.teller.progressed(upload);
        Ok(true)
    }

    /// The ranges to copy next, of all parts that are in one stretch: each row costs a sync, however few its
    /// bytes.
    fn stretches(&self, offset: u64) -> Vec<Stretch> {
        let (mut found, mut at) = (Vec::new(), offset);
        while let Some(next) = stretch_at(&self.lengths, at, offset + STRETCH - at) {
            at += next.range.end - next.range.start;
            found.push(next);
            if at == offset + STRETCH {
                break;
            }
        }
        found
    }

    /// Adopts the whole first part, if that is possible; answers its length and its digest.
    async fn adopted(
        &self,
        upload: &Upload,
        stretch: &Stretch,
    ) -> Result<Option<(u64, Option<DigestState>)>, StoreError> {
        let part = &self.parts[stretch.part];
        let payloads = &self.finalizer.stores.payloads;
        if upload.offset > 0 || !payloads.adopt(upload.id, part.id, part.offset).await? {
            return Ok(None);
        }
        crash::point("join.adopted");
        let digest = match (&upload.digest, &part.digest) {
            (None, _) => None,
            (Some(_), Some(digest)) => Some(digest.clone()),
            // The part came while digests were off, and the client announced a digest of this upload.
            (Some(own), None) => Some(self.digest(own, vec![(part.id, 0..part.offset)]).await?),
        };
        Ok(Some((part.offset, digest)))
    }

    async fn copied(
        &self,
        upload: &Upload,
        stretches: Vec<Stretch>,
    ) -> Result<Option<DigestState>, StoreError> {
        let ranges: Vec<_> =
            stretches.into_iter().map(|stretch| (self.parts[stretch.part].id, stretch.range)).collect();
        let payloads = &self.finalizer.stores.payloads;
        let copy = payloads.copy(upload.id, upload.epoch, upload.offset, ranges.clone());
        let digest = async {
            match &upload.digest {
                Some(state) => self.digest(state, ranges).await.map(Some),
                None => Ok(None),
            }
        };
        let ((), digest) = tokio::try_join!(copy, digest)?;
        crash::point("join.copied");
        Ok(digest)
    }

    /// Continues a digest over bytes of parts.
    async fn digest(
        &self,
        state: &DigestState,
        ranges: Vec<(UploadId, Range<u64>)>,
    ) -> Result<DigestState, StoreError> {
        let foreign =
            || StoreError::Damaged("the ledger's digest state is not one that this version wrote".into());
        let mut running = state.resume().ok_or_else(foreign)?;
        for (part, range) in ranges {
            let mut pieces = self.finalizer.stores.payloads.read(&Source::Part(part), range).await?;
            while let Some(piece) = pieces.try_next().await? {
                let job = spawn_blocking(move || updated(running, &piece));
                running = job.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            }
        }
        Ok(running.state())
    }
}

fn bytes_of(stretches: &[Stretch]) -> u64 {
    stretches.iter().map(|stretch| stretch.range.end - stretch.range.start).sum()
}

fn updated(mut running: RunningDigest, piece: &[u8]) -> RunningDigest {
    running.update(piece);
    running
}

//! Making a final upload of its parts (tus 1.0.0, Concatenation): the server appends to it, stretch by stretch,
//! as a client would with PATCH. Its own ledger says how far that is, so a kill costs one stretch.
//!
//! ```text
//! step                                   durable afterwards         a kill here leaves
//! the first part is adopted or copied    its bytes                  no row: adopted or copied again
//! its row                                offset behind it           the next stretch follows
//! a stretch of another part is copied    bytes ahead of the row     cut off, copied again
//! its row, the last one completes        offset, state              a complete upload like any other
//! ```
//! Meanwhile it holds the upload, as the request of a PATCH does, and lets go at the end of a stretch for a newcomer who
//! wants to end it. Bytes are read once, for the digest, beside the copying. The first part's digest is known: it is where that
//! of the whole goes on.

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

/// The most bytes between two rows, of however many parts.
const STRETCH: u64 = 64 * 1024 * 1024;

/// How far a join came.
pub(super) enum Joined {
    /// Nothing is missing (any longer), whatever state that makes.
    Whole(Upload),
    /// A part has not all of its bytes yet.
    Waiting,
    /// Its owner has as much to join as anybody may, or another request holds it.
    Later,
    /// There is no room for what has to be copied: later.
    NoRoom,
    /// It will never be whole.
    Unfit(Upload, RejectionReason),
}

/// What is known of the parts.
enum Found {
    Complete(Vec<Upload>),
    Unfinished,
    Gone,
}

impl Finalizer {
    /// Appends what an upload's parts have; nothing to do for one that is not, or no longer, made of parts.
    pub(super) async fn join(&self, upload: Upload) -> Result<Joined, StoreError> {
        let Some(parts) = upload.awaited_parts().cloned() else { return Ok(Joined::Whole(upload)) };
        // Before the parts are looked at: one that completes from now on says so.
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

    /// Frees the bytes of an upload that no message will have, and with them what it appended to a part that it
    /// shares with somebody who keeps it.
    pub(crate) async fn free(&self, upload: &Upload) -> Result<(), StoreError> {
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
            // One may be named as often as a header is long.
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
        let Some(lease) = self.stores.leases.take_idle(upload.id).await? else { return Ok(Joined::Later) };
        // It may have been taken, and moved on, since it was read.
        let Some(mut upload) = self.stores.records.find(upload.id).await? else { return Ok(Joined::Later) };
        let mut work = Join { finalizer: self, parts: &parts, lengths, total, room: self.allowance.flight() };
        while upload.state == State::Receiving {
            let turn = tokio::select! {
                biased;
                _ = lease.displaced() => None,
                turn = place.turn(left(&upload)) => turn,
            };
            let Some(_turn) = turn else { return Ok(Joined::Later) };
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
        if let Concat::Final(parts) = &upload.concat {
            self.allowance.joined(parts.ids());
        }
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
    /// For what is copied: all of it, before it is begun, so that no join waits for room with half of its own taken.
    room: Flight,
}

impl Join<'_> {
    /// One stretch and its row; without a stretch the row that says that there is nothing to come. False if there is
    /// no room for it.
    async fn step(&mut self, upload: &mut Upload) -> Result<bool, StoreError> {
        let stretches = self.stretches(upload.offset);
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

    /// What is copied next: of as many parts as there are in one stretch. Each row costs a sync, however little it is of.
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

    /// The whole of the first part in place, if that can be: how long it is, and its digest.
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
            // The part came while digests were off, and this upload's was announced.
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

    /// Goes on with a digest over bytes of parts.
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

//! An upload that is open for appending.
//!
//! ```text
//!   parts      parts that are put     a part under construction
//! |------------|--------|--------|----------------·················|
//!                    kept: before it, PostgreSQL or a recorded part has every byte
//!                                 the buffer: bytes in memory that no put has
//! ```
//! Between the last put and the buffer there may be bytes in the tail only: they are read back when their
//! part is whole.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use super::budget::Share;
use super::enter::Enter;
use super::keep::{self, Keep, Outcome, Tail};
use super::limits::Limits;
use super::objects::Shared;
use super::pieces::{Pieces, length};
use super::put::{self, Failure, Landing, Put};
use super::signed::Patience;
use crate::crash;
use crate::store::StoreError;
use crate::upload::{Appended, Epoch, UploadId};

/// The bytes of one upload and their holder.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) id: UploadId,
    pub(super) epoch: Epoch,
    pub(super) key: String,
    pub(super) multipart: Option<Landing>,
    pub(super) part_size: u64,
    /// How many parts are recorded.
    pub(super) parts: u64,
    pub(super) puts: VecDeque<Put>,
    pub(super) buffer: Pieces,
    /// The offset before which every byte is durable.
    pub(super) kept: u64,
    /// The offset after all bytes.
    pub(super) end: u64,
    pub(super) has_entered: bool,
    /// Whether there was no row of the upload's bytes.
    is_new: bool,
    /// Whether the store may drop the parts before the rest has come.
    is_over_age: bool,
    /// Whether a part of this holder is recorded.
    has_put: bool,
}

impl Writer {
    /// Opens an upload whose ledger ends at this offset. The holder enters with its first part, or where its
    /// first statement finds that bytes are to be cut off.
    pub(super) async fn open(
        shared: &Arc<Shared>,
        id: UploadId,
        epoch: Epoch,
        offset: u64,
    ) -> Result<Self, StoreError> {
        // Of an upload that has no record yet there is nothing; if there is, entering finds it.
        let is_new = offset == 0 && epoch == Epoch::FIRST;
        let (stored, part_size) =
            if is_new { (None, shared.limits.part_size(None)) } else { shared.look(id).await? };
        let is_clean = match &stored {
            Some(stored) => stored.epoch <= epoch && stored.kept == offset && stored.sealed.is_none(),
            None => offset == 0,
        };
        let is_new = stored.is_none();
        let is_over_age =
            stored.as_ref().is_some_and(|stored| stored.parts > 0 && stored.age > shared.limits.age);
        let (key, parts) = stored
            .as_ref()
            .map_or_else(|| (shared.bucket.key(id), 0), |stored| (stored.key.clone(), stored.parts));
        let mut writer = Self {
            shared: Arc::clone(shared),
            id,
            epoch,
            key,
            multipart: stored.and_then(|stored| stored.multipart).map(put::done),
            part_size,
            parts,
            puts: VecDeque::new(),
            buffer: Pieces::default(),
            kept: offset,
            end: offset,
            has_entered: false,
            is_new,
            is_over_age,
            has_put: false,
        };
        if !is_clean {
            writer.enter().await?;
        }
        Ok(writer)
    }

    /// Enters, if this holder has not done so.
    pub(super) async fn enter(&mut self) -> Result<(), StoreError> {
        if self.has_entered {
            return Ok(());
        }
        let stored = self.shared.enter(&self.entering()).await?;
        (self.key, self.multipart) = (stored.key, stored.multipart.map(put::done));
        (self.parts, self.part_size, self.has_entered) = (stored.parts, stored.part_size, true);
        Ok(())
    }

    /// Whether nothing of the upload is stored, and nothing on its way.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_new && !self.has_entered && self.kept == 0 && self.puts.is_empty()
    }

    /// Lets go of all bytes: a file has them.
    pub(super) fn has_file(&mut self) {
        self.kept = self.end;
        drop(self.buffer.take(self.buffer.len()));
    }

    fn entering(&self) -> Enter {
        let (key, part_size) = (self.key.clone(), self.part_size);
        Enter { id: self.id, epoch: self.epoch, offset: self.kept, key, part_size }
    }

    /// The first offset after this one at which as many parts end as are put at once.
    pub(super) fn boundary(&self, after: u64) -> u64 {
        let stride = self.part_size * self.shared.limits.in_flight.max(1) as u64;
        (after / stride + 1) * stride
    }

    /// Takes bytes, and begins to put each part that is whole.
    pub(super) async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        if self.is_over_age && !data.is_empty() {
            return Err(StoreError::Damaged(format!(
                "the parts of {} are as old as they may become",
                self.id
            )));
        }
        for piece in data.into_iter().filter(|piece| !piece.is_empty()) {
            let share = self.room(piece.len()).await?;
            self.end += length(&piece);
            self.buffer.push(piece, share);
            self.begin_parts().await?;
        }
        Ok(())
    }

    /// Takes memory for a piece. Where there is none, what is held here is made durable first, so that no
    /// upload waits for memory while holding some.
    async fn room(&mut self, bytes: usize) -> Result<Share, StoreError> {
        if let Some(share) = self.shared.budget.try_take(bytes) {
            return Ok(share);
        }
        self.land_all_but(0).await?;
        self.keep_all().await?;
        Ok(self.shared.budget.take(bytes).await)
    }

    /// Makes all bytes durable.
    pub(super) async fn keep_all(&mut self) -> Result<(), StoreError> {
        let keep = self.plan(self.end, self.landed(self.end)?);
        self.run(keep, None).await.map(drop)
    }

    /// Makes the bytes before the row's end durable, and the row if it only moves the ledger's end; answers
    /// whether the ledger has it.
    pub(super) async fn record(&mut self, row: &Appended, is_asked: bool) -> Result<bool, StoreError> {
        self.fit(row).await?;
        let keep = self.ready(row.chunk.end(), is_asked).await?;
        Ok(self.run(keep, Some(row)).await?.is_recorded)
    }

    /// Makes sure that the store has the parts which earlier requests put: it may have dropped them since.
    /// Once the upload is complete, its message may be claimed, and then there is no way back.
    pub(super) async fn look_for_parts(&self) -> Result<(), StoreError> {
        let (Some(multipart), false) = (&self.multipart, self.has_put) else { return Ok(()) };
        if self.parts == 0 {
            return Ok(());
        }
        let multipart = multipart.clone().await?;
        match self.shared.bucket.put_parts(&self.key, &multipart, Patience::SHORT).await {
            Ok(None) => {
                Err(StoreError::Damaged(format!("the object store has lost the parts of {}", self.id)))
            }
            // It has them, or cannot be asked: then sealing finds out.
            _ => Ok(()),
        }
    }

    /// Gives an upload parts of the size of its first request, if that may be one: clients mostly send the
    /// same number of bytes each time, and then none of them pass the tail.
    async fn fit(&mut self, row: &Appended) -> Result<(), StoreError> {
        let limits = &self.shared.limits;
        let is_new = self.parts == 0 && self.kept == 0 && self.puts.is_empty() && self.multipart.is_none();
        let is_first = is_new && row.chunk.end() == self.end && self.end >= limits.least_part_bytes;
        let fits = |length: u64| length.div_ceil(self.end.max(1)) <= limits.most_parts;
        if is_first && row.length.known().is_some_and(fits) {
            self.enter().await?;
            let sql = "update stored set part_size = $3 where upload = $1 and epoch = $2 and kept = 0
                and parts = 0 and multipart_id is null returning 1";
            let (epoch, size) = (self.epoch.number().cast_signed(), self.end.cast_signed());
            if self.shared.store.row(sql, &[&self.id.uuid(), &epoch, &size]).await?.is_some() {
                self.part_size = self.end;
                self.begin_parts().await?;
            }
        }
        Ok(())
    }

    /// What makes the bytes before an offset durable. Parts that do not land soon are kept in the tail.
    pub(super) async fn ready(&mut self, end: u64, is_asked: bool) -> Result<Keep, StoreError> {
        let Limits { patience, haste, .. } = self.shared.limits;
        let wait = if is_asked || self.shared.presence.is_away() { haste } else { patience };
        let until = Instant::now() + wait;
        for put in self.puts.iter().take_while(|put| put.end <= end) {
            if !matches!(timeout_at(until, put.landing.clone()).await, Ok(Ok(_))) {
                break;
            }
        }
        Ok(self.plan(end, self.landed(end)?))
    }

    /// The names of the parts before an offset that have landed, up to the first that has not.
    fn landed(&self, end: u64) -> Result<Vec<String>, StoreError> {
        let mut landed = Vec::new();
        for put in self.puts.iter().take_while(|put| put.end <= end) {
            match put.landing.clone().now_or_never() {
                Some(Ok(content_id)) => landed.push(content_id),
                Some(Err(failure @ (Failure::Fenced | Failure::Damaged(_)))) => return Err(failure.into()),
                Some(Err(_)) | None => break,
            }
        }
        Ok(landed)
    }

    fn plan(&self, end: u64, put: Vec<String>) -> Keep {
        let parts = self.parts + put.len() as u64;
        let from = self.kept.max(parts * self.part_size);
        let mut bytes = Vec::new();
        if from < end {
            for waiting in self.puts.iter().skip(put.len()) {
                bytes.extend(keep::between(&waiting.pieces, waiting.begin, from, end));
            }
            bytes.extend(keep::between(&self.buffer, self.end - self.buffer.len(), from, end));
        }
        Keep {
            enter: self.entering(),
            parts: self.parts,
            put,
            tail: Tail::of(&bytes, from, self.part_size),
            end: end.max(self.kept),
            clear: parts.min(end / self.part_size) * self.part_size,
        }
    }

    async fn run(&mut self, mut keep: Keep, row: Option<&Appended>) -> Result<Outcome, StoreError> {
        if keep.is_nothing() && row.is_none() {
            return Ok(Outcome { is_kept: true, is_recorded: false });
        }
        let mut outcome = keep.run(&self.shared.store, row).await?;
        if outcome.is_kept && !keep.put.is_empty() {
            crash::point("part.recorded");
        }
        if !outcome.is_kept && !self.has_entered {
            let seen = (self.parts, self.part_size);
            self.enter().await?;
            keep.enter.key.clone_from(&self.key);
            if (self.parts, self.part_size) == seen {
                outcome = keep.run(&self.shared.store, row).await?;
            }
        }
        if !outcome.is_kept {
            return Err(StoreError::Fenced);
        }
        self.kept(&keep);
        Ok(outcome)
    }

    /// Lets go of what is durable.
    pub(super) fn kept(&mut self, keep: &Keep) {
        for _ in &keep.put {
            self.puts.pop_front();
            self.has_put = true;
        }
        self.parts += keep.put.len() as u64;
        self.kept = keep.end;
        for put in self.puts.iter_mut().filter(|put| put.end <= keep.end) {
            put.let_go();
        }
        let has_failed = |put: &Put| matches!(put.landing.clone().now_or_never(), Some(Err(_)));
        if self.puts.front().is_some_and(has_failed)
            && self.puts.back().is_some_and(|put| put.end <= self.kept)
        {
            // The tail has their bytes, and they are put from there once the next byte comes.
            self.puts.clear();
            self.has_entered = false;
        }
        let begin = self.end - self.buffer.len();
        drop(self.buffer.take(self.kept.saturating_sub(begin)));
    }
}

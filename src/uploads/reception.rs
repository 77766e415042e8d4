//! Receiving the bytes of one PATCH. A client that goes away ends the body, not the work, which outlives its
//! request.
//!
//! ```text
//! frame ─► gathered ─► written ─► synced ─► row in the ledger ─► told
//!          memory      page cache  disk      durable offset
//!                      or disk
//! ```
//! Few bytes are handed to the store together with their row ([`Append`](crate::store::Append)). Every
//! [`Intake::checkpoint_bytes`] a sync is begun, and more is received meanwhile.
//!
//! A kill at any arrow leaves at most bytes ahead of their record, and the next PATCH cuts those off. A row
//! is written every [`Intake::checkpoint_bytes`], about every second ([`Stride`]), and at the end, however
//! the body ended. If it broke off, that is as soon as another request asks for the offset, or after
//! [`AFTERMATH`].
//!
//! While a checksum is expected (tus 1.0.0, Checksum) no row may be written, because all bytes may have to
//! go:
//! ```text
//! frame ─► gathered ─► written ─► synced ─► … ─► last frame, trailer ─► judged ─► row in the ledger ─► told
//! ```
//! Bytes are synced as often, only so that the end is never long. A kill at any arrow before the row, a body
//! that is cut off, and a checksum that does not match all leave the same: the record as it was before the
//! request, and bytes ahead of it for the next writer to cut off. Nothing is undone, so nothing can be half
//! undone. The lease is released only when no write is under way; otherwise a late write could land between
//! those of the next writer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, TryFutureExt};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::{BodyFrame, Frames};
use super::checkpoint::{self, Checkpoint, Reached};
use super::error::UploadError;
use super::fenced;
use super::intake::Intake;
use crate::crash;
use crate::finalizer::Finalizer;
use crate::metrics::{self, Counted};
use crate::reservations::Sending;
use crate::store::{Last, Lease, Records, StoreError, Stride, Wanted};
use crate::time::Timestamp;
use crate::upload::{
    Admission, AppendRefusal, Appended, Check, CheckError, Chunk, Conflict, Length, RejectionReason, State,
    TrailingChecksum, Upload,
};

/// How long a displaced request may read on, and how long a pause may be meanwhile.
const CATCH_UP: Duration = Duration::from_millis(5);
const CATCH_UP_PAUSE: Duration = Duration::from_millis(1);
/// How long the bytes of a broken body wait for the next request.
const AFTERMATH: Duration = Duration::from_millis(500);
/// How many broken bodies wait at a time: they have files open, and connections no longer count them.
static AFTERMATHS: Semaphore = Semaphore::const_new(128);
/// How often the clocks are looked at.
const TICK: Duration = Duration::from_millis(250);

/// The context of a reception, besides its upload.
pub(super) struct Surroundings {
    pub(super) records: Arc<dyn Records>,
    pub(super) finalizer: Arc<Finalizer>,
    pub(super) stride: Stride,
    pub(super) idle: Duration,
    pub(super) expire_after_secs: u64,
    pub(super) draining: CancellationToken,
}

/// One PATCH under way.
pub(super) struct Reception {
    surroundings: Surroundings,
    /// Dropped before the lease: the next holder takes room anew.
    room: Sending,
    lease: Lease,
    _counted: Counted,
    upload: Upload,
    limit: u64,
    length: Length,
    intake: Intake,
    trailer: Option<TrailingChecksum>,
    /// The offset before which bytes are durable.
    synced: u64,
    checkpoint: Option<Checkpoint>,
    last_row: Instant,
}

/// The end of a body.
enum Ended {
    Whole,
    TooLong,
    Early(UploadError),
    /// The body came to its end, and its bytes do not match the checksum.
    Unfit(CheckError),
}

impl Reception {
    pub(super) fn new(
        surroundings: Surroundings,
        lease: Lease,
        upload: Upload,
        admission: Admission,
        intake: Intake,
        room: Sending,
    ) -> Self {
        let Admission { offset, limit, length } = admission;
        Self {
            surroundings,
            lease,
            _counted: Counted::by(&metrics::get().uploads_receiving),
            upload,
            limit,
            length,
            intake,
            trailer: None,
            synced: offset,
            checkpoint: None,
            room,
            last_row: Instant::now(),
        }
    }

    /// Receives the body. However that ends, the upload is then as it is recorded.
    pub(super) async fn run(&mut self, body: Frames) -> Result<(), UploadError> {
        match self.receive_all(body).await {
            Ok(Ended::Whole) => Ok(()),
            Ok(Ended::TooLong) => Err(self.too_long().into()),
            Ok(Ended::Early(error)) => Err(error),
            Ok(Ended::Unfit(error)) => Err(error.into()),
            Err(error) => Err(self.failed(error).await),
        }
    }

    /// The refusal of a body that is too long. Without a declared length, the server's bound ends it.
    fn too_long(&self) -> AppendRefusal {
        match self.length {
            Length::Known(_) => AppendRefusal::TooLong,
            Length::Deferred => AppendRefusal::TooLarge(self.limit),
        }
    }

    /// Lets go of the upload, and answers it as it is recorded.
    pub(super) fn end(self) -> Upload {
        self.upload
    }

    async fn receive_all(&mut self, body: Frames) -> Result<Ended, StoreError> {
        let ended = match self.receive(body).await? {
            Ended::Whole => self.judge().await?,
            Ended::Early(UploadError::BodyBroken) => self.await_next().await?,
            cut => cut,
        };
        match ended {
            Ended::Whole => self.record().await?,
            Ended::TooLong | Ended::Early(_) if self.keeps_what_came() => self.record().await?,
            Ended::TooLong | Ended::Early(_) | Ended::Unfit(_) => self.intake.give_up().await?,
        }
        Ok(ended)
    }

    /// Whether received bytes are kept before all of them are there.
    fn keeps_what_came(&self) -> bool {
        !self.intake.is_checked() && self.lease.is_displaced() != Some(Wanted::RecordedOffset)
    }

    /// Leaves it to the next request whether the bytes of a broken body are recorded; if none comes, they
    /// are. That body may be read late, after HEAD was answered on a new connection: the PATCH that follows
    /// would be refused for what is recorded now, and its bytes would be sent in vain.
    async fn await_next(&mut self) -> Result<Ended, StoreError> {
        let may_go_on =
            self.intake.end() > self.upload.offset && !self.length.is_reached_at(self.intake.end());
        if self.keeps_what_came()
            && may_go_on
            && let Ok(_one) = AFTERMATHS.try_acquire()
        {
            if !self.intake.is_little() {
                self.intake.flush().await?;
                self.begin_checkpoint().await?;
            }
            tokio::select! {
                _ = self.lease.displaced() => {}
                () = self.surroundings.draining.cancelled() => {}
                () = tokio::time::sleep(AFTERMATH) => {}
            }
        }
        Ok(Ended::Early(UploadError::BodyBroken))
    }

    /// Checks that a body that came to its end has the bytes that it should have.
    async fn judge(&mut self) -> Result<Ended, StoreError> {
        let check = if self.intake.is_checked() { self.intake.end_check().await? } else { Check::default() };
        let Err(error) = check.close(self.trailer.take()) else { return Ok(Ended::Whole) };
        if error == CheckError::Mismatch {
            metrics::get().checksum_mismatches.inc();
            tracing::debug!(upload = %self.upload.id, "bytes do not match their checksum");
        }
        Ok(Ended::Unfit(error))
    }

    async fn receive(&mut self, mut body: Frames) -> Result<Ended, StoreError> {
        let mut last_byte = Instant::now();
        let mut tick = tokio::time::interval_at(last_byte + TICK, TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Looked at here, and awaited only where nothing else is to be done: most frames are there
            // already.
            if self.lease.is_displaced().is_some() {
                return self.catch_up(&mut body).await;
            }
            if self.surroundings.draining.is_cancelled() {
                return Ok(Ended::Early(UploadError::Busy));
            }
            tokio::select! {
                biased;
                reached = checkpoint::reached(&mut self.checkpoint) => self.passed(reached?).await?,
                frame = body.next() => match frame {
                    None => return Ok(Ended::Whole),
                    Some(Err(_)) => return Ok(Ended::Early(UploadError::BodyBroken)),
                    Some(Ok(BodyFrame::Checksum(checksum))) => self.trailer = Some(checksum),
                    Some(Ok(BodyFrame::Data(data))) => {
                        last_byte = Instant::now();
                        if let Err(refusal) = self.make_room(&data).await {
                            return Ok(Ended::Early(refusal));
                        }
                        if !self.take(data).await? {
                            return Ok(Ended::TooLong);
                        }
                    }
                },
                _ = self.lease.displaced() => {}
                () = self.surroundings.draining.cancelled() => {}
                _ = tick.tick() => {
                    if last_byte.elapsed() >= self.surroundings.idle {
                        return Ok(Ended::Early(UploadError::BodyIdle));
                    }
                    if last_byte.elapsed() <= TICK {
                        self.surroundings.finalizer.teller().heard(self.upload.id);
                    }
                    self.keep().await?;
                }
            }
        }
    }

    /// Takes bytes that have arrived by the time that a newcomer wants the upload, and that still wait to be
    /// read: the client would have to send them once more. It is so short that the newcomer does not notice.
    async fn catch_up(&mut self, body: &mut Frames) -> Result<Ended, StoreError> {
        let end = Instant::now() + CATCH_UP;
        while self.keeps_what_came() && Instant::now() < end {
            match tokio::time::timeout(CATCH_UP_PAUSE, body.next()).await {
                Ok(None) => return Ok(Ended::Whole),
                Ok(Some(Ok(BodyFrame::Data(data)))) => {
                    if self.make_room(&data).await.is_err() {
                        break;
                    }
                    if !self.take(data).await? {
                        return Ok(Ended::TooLong);
                    }
                }
                Ok(Some(Ok(BodyFrame::Checksum(_)) | Err(_))) | Err(_) => break,
            }
        }
        Ok(Ended::Early(UploadError::Displaced))
    }

    /// Takes a frame; `false` if the upload would become longer than it may, in which case the bytes beyond
    /// are dropped.
    async fn take(&mut self, mut data: Bytes) -> Result<bool, StoreError> {
        let room = usize::try_from(self.limit - self.intake.end()).unwrap_or(usize::MAX);
        let fits = data.len() <= room;
        data.truncate(room);
        let mut has_boundaries = false;
        while let Some(missing) = self.intake.to_boundary() {
            has_boundaries = true;
            let Some(missing) = usize::try_from(missing).ok().filter(|missing| *missing <= data.len()) else {
                break;
            };
            self.intake.take(data.split_to(missing)).await?;
            self.begin_checkpoint().await?;
        }
        self.intake.take(data).await?;
        if !has_boundaries && self.intake.since_sync() >= self.next_checkpoint() {
            self.begin_checkpoint().await?;
        }
        Ok(fits)
    }

    /// How many bytes the next checkpoint has. While the disk is behind, they become fewer towards the end of
    /// the upload, so that its last byte has little to wait for.
    fn next_checkpoint(&self) -> u64 {
        let most = self.intake.checkpoint_bytes(self.surroundings.stride);
        match self.length.known().filter(|_| self.checkpoint.is_some()) {
            Some(length) => {
                (length.saturating_sub(self.intake.end()) / 2).clamp(self.surroundings.stride.least, most)
            }
            None => most,
        }
    }

    /// Begins to sync the received bytes, after the sync before: at most two checkpoints' worth of bytes is
    /// not durable.
    async fn begin_checkpoint(&mut self) -> Result<(), StoreError> {
        if self.checkpoint.is_some() {
            let reached = checkpoint::reached(&mut self.checkpoint).await?;
            self.passed(reached).await?;
        }
        self.checkpoint = Some(self.intake.begin_checkpoint().await?);
        Ok(())
    }

    /// Records a checkpoint that is durable.
    async fn passed(&mut self, reached: Reached) -> Result<(), StoreError> {
        self.synced = reached.offset;
        self.room.landed(self.synced);
        if self.keeps_what_came() { self.add(reached, Last::default()).await } else { Ok(()) }
    }

    /// Takes room for a frame before any of it is written.
    async fn make_room(&mut self, data: &Bytes) -> Result<(), UploadError> {
        let end = self.intake.end().saturating_add(data.len() as u64).min(self.limit);
        Ok(self.room.reach(end, self.synced).await?)
    }

    /// Hands on the received bytes, so that none wait for long, and records them when it is time.
    async fn keep(&mut self) -> Result<(), StoreError> {
        let is_time = self.last_row.elapsed() >= self.surroundings.stride.every && self.keeps_what_came();
        if is_time && self.intake.end() > self.upload.offset {
            self.record().await
        } else {
            self.intake.tick().await
        }
    }

    /// Records the received bytes, which are durable by then: bytes may be ahead of their record, never
    /// behind.
    async fn record(&mut self) -> Result<(), StoreError> {
        let offset = self.intake.end();
        if offset == self.upload.offset && self.length == self.upload.length {
            return Ok(());
        }
        let (digest, data) = self.intake.last().await?;
        let begun = self.checkpoint.take().map(|checkpoint| checkpoint.syncing.map_ok(drop).boxed());
        let is_asked = self.lease.is_displaced().is_some();
        self.add(Reached { offset, digest }, Last { data, begun, is_asked }).await
    }

    /// Adds the row up to this offset to the ledger.
    async fn add(&mut self, reached: Reached, last: Last) -> Result<(), StoreError> {
        let Reached { offset: end, digest } = reached;
        let offset = self.upload.offset;
        let length = end - offset;
        let chunk = Chunk { offset, length, at: Timestamp::now(), digest };
        let whole = self.upload.state == State::Receiving && self.length.is_reached_at(chunk.end());
        let state = if whole { State::Complete } else { self.upload.state.clone() };
        let row = Appended { chunk, length: self.length, state, epoch: self.lease.epoch() };
        let next = self.upload.clone().append(&row).map_err(StoreError::from)?;
        let claim = if whole { self.surroundings.finalizer.claim_ahead(&next).await } else { None };
        let state = self.intake.record(last, &row, claim).await?;
        self.room.recorded(&next);
        crash::point("append.recorded");
        self.synced = end;
        self.last_row = Instant::now();
        metrics::get().bytes_received.inc_by(row.chunk.length);
        self.upload = Upload { state, ..next };
        self.surroundings.finalizer.teller().progressed(&self.upload);
        self.surroundings.finalizer.recorded(&self.upload);
        Ok(())
    }

    /// Handles a failure. Damage is for good and is recorded as such; any other error leaves the upload as it
    /// was.
    async fn failed(&mut self, error: StoreError) -> UploadError {
        // No write may be under way when the lease is free; an error of this tells nothing new.
        let _ = self.intake.give_up().await;
        if let StoreError::Damaged(what) = &error {
            tracing::error!(upload = %self.upload.id, what, "the part is damaged");
            return super::reject::reject(
                self.surroundings.records.as_ref(),
                &self.upload,
                RejectionReason::Damaged,
            )
            .await;
        }
        match error {
            // The record of an upload that is held goes only with a newer request, maybe at another node.
            StoreError::Conflict(Conflict::Gone) => UploadError::Displaced,
            StoreError::Fenced => {
                let Surroundings { records, expire_after_secs, .. } = &self.surroundings;
                let (id, epoch) = (self.upload.id, self.lease.epoch());
                fenced::reason(records.as_ref(), id, epoch, *expire_after_secs).await
            }
            error => error.into(),
        }
    }
}

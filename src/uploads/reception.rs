//! Receiving the bytes of one PATCH, in a task of its own: a client that goes away ends the body, not the work.
//!
//! ```text
//! frame ─► gathered ─► written ─► synced ─► row in the ledger ─► told
//!          memory      page cache  disk      durable offset
//! ```
//! A kill at any arrow leaves bytes ahead of their record at the most, and the next PATCH cuts those off. A row
//! is written every [`CHECKPOINT_BYTES`], about every [`CHECKPOINT_EVERY`], and at the end, however the body
//! ended.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::error::UploadError;
use super::intake::Intake;
use super::lease::Lease;
use super::progress::Teller;
use crate::crash;
use crate::metrics;
use crate::store::{Appended, Records, StoreError};
use crate::time::Timestamp;
use crate::upload::{Admission, AppendRefusal, Chunk, Length, RejectionReason, State, Upload};

const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// How often the clocks are looked at.
const TICK: Duration = Duration::from_millis(250);

/// What a reception needs besides its upload.
pub(super) struct Surroundings {
    pub(super) records: Arc<dyn Records>,
    pub(super) teller: Teller,
    pub(super) idle: Duration,
    pub(super) draining: CancellationToken,
}

/// One PATCH under way.
pub(super) struct Reception {
    surroundings: Surroundings,
    lease: Lease,
    upload: Upload,
    limit: u64,
    length: Length,
    intake: Intake,
    last_row: Instant,
}

/// The upload after its reception, and how that went for whoever sent the body.
pub(super) struct Received {
    pub(super) upload: Upload,
    pub(super) outcome: Result<(), UploadError>,
}

/// How a body ended.
enum Ended {
    Whole,
    TooLong,
    Early(UploadError),
}

impl Reception {
    pub(super) fn new(
        surroundings: Surroundings,
        lease: Lease,
        upload: Upload,
        admission: Admission,
        intake: Intake,
    ) -> Self {
        let Admission { limit, length, .. } = admission;
        Self { surroundings, lease, upload, limit, length, intake, last_row: Instant::now() }
    }

    /// Receives the body. However that ends, the upload is as it is recorded then.
    pub(super) async fn run(mut self, body: Body) -> Received {
        let outcome = match self.receive_all(body).await {
            Ok(Ended::Whole) => Ok(()),
            Ok(Ended::TooLong) => Err(AppendRefusal::TooLong.into()),
            Ok(Ended::Early(error)) => Err(error),
            Err(error) => Err(self.failed(error).await),
        };
        Received { upload: self.upload, outcome }
    }

    async fn receive_all(&mut self, body: Body) -> Result<Ended, StoreError> {
        let ended = self.receive(body).await?;
        self.record().await?;
        Ok(ended)
    }

    async fn receive(&mut self, mut body: Body) -> Result<Ended, StoreError> {
        let mut last_byte = Instant::now();
        let mut tick = tokio::time::interval_at(last_byte + TICK, TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = self.lease.displaced() => return Ok(Ended::Early(UploadError::Displaced)),
                () = self.surroundings.draining.cancelled() => return Ok(Ended::Early(UploadError::Busy)),
                frame = body.next() => match frame {
                    None => return Ok(Ended::Whole),
                    Some(Err(_)) => return Ok(Ended::Early(UploadError::BodyBroken)),
                    Some(Ok(data)) => {
                        last_byte = Instant::now();
                        if !self.take(data).await? {
                            return Ok(Ended::TooLong);
                        }
                    }
                },
                _ = tick.tick() => {
                    if last_byte.elapsed() >= self.surroundings.idle {
                        return Ok(Ended::Early(UploadError::BodyIdle));
                    }
                    self.keep().await?;
                }
            }
        }
    }

    /// Takes a frame; false if the upload would become longer than it may, of which nothing is kept beyond.
    async fn take(&mut self, mut data: Bytes) -> Result<bool, StoreError> {
        let room = usize::try_from(self.limit - self.intake.end()).unwrap_or(usize::MAX);
        let fits = data.len() <= room;
        data.truncate(room);
        self.intake.take(data).await?;
        if self.intake.end() - self.upload.offset >= CHECKPOINT_BYTES {
            self.record().await?;
        }
        Ok(fits)
    }

    /// Lets nothing lie about: what came is handed on, and recorded when it is time.
    async fn keep(&mut self) -> Result<(), StoreError> {
        if self.last_row.elapsed() >= CHECKPOINT_EVERY && self.intake.end() > self.upload.offset {
            self.record().await
        } else {
            self.intake.flush().await
        }
    }

    /// Syncs what came, then records it: bytes may be ahead of their record, never behind.
    async fn record(&mut self) -> Result<(), StoreError> {
        let offset = self.upload.offset;
        let length = self.intake.end() - offset;
        if length == 0 && self.length == self.upload.length {
            return Ok(());
        }
        let digest = self.intake.sync().await?;
        let chunk = Chunk { offset, length, at: Timestamp::now(), digest };
        let whole = self.upload.state == State::Receiving && self.length.is_reached_at(chunk.end());
        let state = if whole { State::Complete } else { self.upload.state.clone() };
        let row = Appended { chunk, length: self.length, state };
        self.surroundings.records.append(self.upload.id, &row).await?;
        crash::point("append.recorded");
        self.recorded(row);
        Ok(())
    }

    fn recorded(&mut self, row: Appended) {
        self.last_row = Instant::now();
        metrics::get().bytes_received.inc_by(row.chunk.length);
        self.upload.offset = row.chunk.end();
        self.upload.active_at = row.chunk.at;
        self.upload.digest = row.chunk.digest;
        self.upload.length = row.length;
        self.upload.state = row.state;
        self.surroundings.teller.progressed(&self.upload);
    }

    /// Damage is for good and is recorded as such; anything else leaves the upload as it was.
    async fn failed(&mut self, error: StoreError) -> UploadError {
        if let StoreError::Damaged(what) = &error {
            tracing::error!(upload = %self.upload.id, what, "the part is damaged");
            return super::reject::reject(
                self.surroundings.records.as_ref(),
                &self.upload,
                RejectionReason::Damaged,
            )
            .await;
        }
        error.into()
    }
}

//! The bytes, from the files of the folder to the objects of the bucket.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::MoveError;
use crate::backend::{Examined, Shared};
use crate::check::{Stored, place_of};
use crate::store::kept::{KeptMessage, KeptUpload};
use crate::store::object::Brought;
use crate::store::{Payloads, Place, Records, Source};
use crate::upload::{DigestState, Epoch, RunningDigest, State, Upload, UploadId};

/// How many files are read at once, each with a part in memory at the most.
const AT_ONCE: usize = 4;
/// The longest file that is put at once.
const WHOLE_BYTES: u64 = 8 * 1024 * 1024;
/// After how many parts it is noted how far a long file is.
const NOTE_EVERY: u64 = 8;

/// A folder and the bucket that its bytes go to.
pub(super) struct Bringing<'a> {
    stored: Stored<'a>,
    shared: &'a Shared,
}

/// The bytes of one upload, and what is recorded of them.
struct Bytes {
    id: UploadId,
    epoch: Epoch,
    source: Source,
    /// How many there are.
    end: u64,
    /// How many there will be, if that is known.
    length: Option<u64>,
    is_complete: bool,
    digest: Digest,
}

/// What is recorded of the digest of bytes.
enum Digest {
    None,
    State(DigestState),
    Sum([u8; 32]),
}

impl Digest {
    fn fits(&self, found: &RunningDigest) -> bool {
        match self {
            Self::None => true,
            Self::State(state) => found.state() == *state,
            Self::Sum(sum) => found.state().finish() == Some(*sum),
        }
    }
}

impl<'a> Bringing<'a> {
    pub(super) async fn of(examined: &'a Examined, shared: &'a Shared) -> Result<Self, MoveError> {
        Ok(Self { stored: Stored::new(examined.payloads(), examined.carried().await?), shared })
    }

    /// Brings the files of messages. Two messages may have come of one upload id, one after the other, and
    /// its bytes are at one place on the way.
    pub(super) async fn files(&self, page: &[KeptMessage]) -> Result<(), MoveError> {
        let mut rest = page;
        while !rest.is_empty() {
            let ids = |count: usize| rest[..count].iter().map(|row| row.message.upload_id);
            let is_first = |at: &usize| ids(*at).all(|id| id != rest[*at].message.upload_id);
            let count = (0..rest.len()).take_while(is_first).count();
            let (now, later) = rest.split_at(count);
            let files = stream::iter(now.iter().map(|row| self.file(row)));
            files.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
            rest = later;
        }
        Ok(())
    }

    async fn file(&self, row: &KeptMessage) -> Result<(), MoveError> {
        let (message, id) = (&row.message, row.message.upload_id.into());
        if self.shared.objects.length_of_file(message.id).await?.is_some() {
            return Ok(());
        }
        let (place, end) = (Place::of(message), message.file_size);
        if end > 0 {
            let source = Source::Placed(place.clone(), id);
            let digest = message.sha256.map_or(Digest::None, Digest::Sum);
            let length = Some(end);
            self.bring(Bytes { id, epoch: Epoch::FIRST, source, end, length, is_complete: true, digest })
                .await?;
        }
        Ok(self.shared.objects.place(id, end, &place).await?)
    }

    /// Brings the bytes of uploads that are no message yet.
    pub(super) async fn uploads(&self, page: &[KeptUpload]) -> Result<(), MoveError> {
        let with_bytes = page.iter().map(|row| &row.upload);
        let with_bytes = with_bytes.filter(|upload| upload.state.needs_bytes() && upload.offset > 0);
        let uploads = stream::iter(with_bytes.map(|upload| self.upload(upload)));
        uploads.buffer_unordered(AT_ONCE).try_collect::<()>().await
    }

    async fn upload(&self, upload: &Upload) -> Result<(), MoveError> {
        // The record comes after the bytes.
        if Records::find(&*self.shared.records, upload.id).await?.is_some() {
            return Ok(());
        }
        let placed = place_of(upload).map(|place| Source::Placed(place, upload.id));
        let source = match placed {
            // A kill came after the file was moved and before the message was committed.
            Some(placed) if self.stored.read(&placed, 0..0).await.is_ok() => placed,
            _ => Source::Part(upload.id),
        };
        let bytes = Bytes {
            id: upload.id,
            epoch: upload.epoch,
            source,
            end: upload.offset,
            length: upload.length.known(),
            is_complete: upload.state != State::Receiving,
            digest: upload.digest.clone().map_or(Digest::None, Digest::State),
        };
        self.bring(bytes).await
    }

    async fn bring(&self, bytes: Bytes) -> Result<(), MoveError> {
        let (brought, part_size) = self.shared.objects.bring(bytes.id, bytes.epoch, bytes.length).await?;
        match brought {
            // By an earlier run, which may have been killed before it compared.
            Brought::Whole => self.compare(&bytes).await,
            Brought::Until(_) if bytes.is_complete && bytes.end <= part_size.min(WHOLE_BYTES) => {
                self.bring_whole(&bytes).await
            }
            Brought::Until(from) => self.bring_parts(&bytes, from, part_size).await,
        }
    }

    async fn bring_whole(&self, bytes: &Bytes) -> Result<(), MoveError> {
        let pieces = self.stored.read(&bytes.source, 0..bytes.end).await?;
        let pieces: Vec<_> = pieces.try_collect().await?;
        let mut digest = RunningDigest::default();
        pieces.iter().for_each(|piece| digest.update(piece));
        fits(bytes, &digest)?;
        Ok(self.shared.objects.bring_whole(bytes.id, pieces).await?)
    }

    /// Brings what is behind an offset. What is before it is read as well, for its digest.
    async fn bring_parts(&self, bytes: &Bytes, from: u64, part_size: u64) -> Result<(), MoveError> {
        let mut sink = self.shared.objects.open(bytes.id, bytes.epoch, from).await?;
        let mut digest = RunningDigest::default();
        let (mut at, mut noted) = (0, from);
        let mut pieces = self.stored.read(&bytes.source, 0..bytes.end).await?;
        while let Some(piece) = pieces.try_next().await? {
            digest.update(&piece);
            let known = usize::try_from(from.saturating_sub(at)).unwrap_or(usize::MAX).min(piece.len());
            at += piece.len() as u64;
            sink.write(vec![piece.slice(known..)]).await?;
            if at >= noted + NOTE_EVERY * part_size {
                sink.sync(Vec::new()).await?;
                noted = at;
            }
        }
        sink.sync(Vec::new()).await?;
        if let Err(error) = fits(bytes, &digest) {
            // The next run begins anew, with a file that may be another one by then.
            self.shared.objects.discard(bytes.id).await?;
            return Err(error);
        }
        if bytes.is_complete {
            self.shared.objects.seal(bytes.id, bytes.end).await?;
            if from > 0 {
                self.compare(bytes).await?;
            }
        }
        Ok(())
    }

    /// Compares what earlier runs have brought as well: the file may have been another one then.
    async fn compare(&self, bytes: &Bytes) -> Result<(), MoveError> {
        let mut digest = RunningDigest::default();
        let mut pieces = self.shared.objects.read(&Source::Part(bytes.id), 0..bytes.end).await?;
        while let Some(piece) = pieces.try_next().await? {
            digest.update(&piece);
        }
        let fitting = fits(bytes, &digest);
        if fitting.is_err() {
            self.shared.objects.discard(bytes.id).await?;
        }
        fitting
    }
}

fn fits(bytes: &Bytes, digest: &RunningDigest) -> Result<(), MoveError> {
    if bytes.digest.fits(digest) { Ok(()) } else { Err(MoveError::Digest(format!("upload {}", bytes.id))) }
}

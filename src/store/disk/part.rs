//! A part file, open for appending. Everything here blocks.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Folders;
use super::copy::{copy_range, may_share};
use super::direct::{Direct, DirectFile, Split, Write, cold, split};
use super::idle::OpenFile;
use crate::crash;
use crate::metrics::{self, Synced};
use crate::store::{Coming, StoreError};
use crate::upload::UploadId;

/// The most slices that one call takes.
const MAX_SLICES: usize = 1024;

/// A part file, and the offset of its next byte.
#[derive(Debug)]
pub(super) struct Part {
    folders: Arc<Folders>,
    id: UploadId,
    offset: u64,
    open: Option<OpenFile>,
    direct_file: Option<DirectFile>,
    /// Whether ranges of files were appended since the last sync.
    is_copied: bool,
}

/// A sync of everything that was appended to a part by a certain moment.
pub(super) struct PartSync {
    id: UploadId,
    folders: Arc<Folders>,
    open: OpenFile,
}

impl PartSync {
    /// Blocks until those bytes are durable.
    pub(super) fn run(&self) -> Result<(), StoreError> {
        let begun = Instant::now();
        if let Err(error) = self.folders.make_durable(&self.open.file) {
            // The kernel reports the error once, and may have dropped bytes that a record store carries.
            self.folders.unsettled.failed(self.id);
            return Err(error.into());
        }
        if !self.open.entry_is_durable.load(Ordering::Acquire) {
            self.folders.sync_name(self.id)?;
            self.open.entry_is_durable.store(true, Ordering::Release);
        }
        metrics::get().synced(Synced::Part, begun);
        crash::point("append.synced");
        Ok(())
    }
}

impl Part {
    pub(super) fn new(folders: Arc<Folders>, id: UploadId, offset: u64) -> Self {
        Self { folders, id, offset, open: None, direct_file: None, is_copied: false }
    }

    /// The offset of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The writes past the page cache, on this part's file system.
    pub(super) fn direct(&self) -> &Arc<Direct> {
        &self.folders.direct
    }

    /// Appends the bytes.
    pub(super) fn append(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        if data.is_empty() {
            return Ok(());
        }
        let file = self.open()?;
        self.offset = write_all(&file, data, self.offset)?;
        crash::point("append.written");
        Ok(())
    }

    /// Whether the blocks of a piece can be sent on their way without opening or reserving anything.
    pub(super) fn is_ready_for(&self, split: &Split, until: Option<u64>) -> bool {
        let end = self.offset + split.blocks.len() as u64;
        let is_reserved = |direct_file: &DirectFile| until.is_none() || direct_file.is_reserved(end);
        split.head.is_empty() && self.direct_file.as_ref().is_some_and(is_reserved)
    }

    /// Appends a piece whose blocks go past the page cache: answers their write, which is to be begun; `None`
    /// if all of it went through the cache, because there is no other way. Extents are reserved up to
    /// `until` at most.
    pub(super) fn prepare(&mut self, split: Split, until: Option<u64>) -> Result<Option<Write>, StoreError> {
        let Split { head, blocks, tail } = split;
        self.append_some(head)?;
        let cached = self.open()?;
        if self.direct_file.is_none() {
            self.direct_file =
                DirectFile::open(&self.folders.direct, &self.folders.part(self.id), self.offset);
        }
        let Some(direct_file) = &mut self.direct_file else {
            self.append(vec![blocks])?;
            self.append_some(tail)?;
            return Ok(None);
        };
        let end = self.offset + blocks.len() as u64;
        if let Some(until) = until.filter(|_| !direct_file.is_reserved(end)) {
            direct_file.reserve(&cached, until.max(end));
            crash::point("past.reserved");
        }
        let write = direct_file.write(cached, blocks, self.offset);
        self.offset = end;
        self.append_some(tail)?;
        Ok(Some(write))
    }

    fn append_some(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if bytes.is_empty() { Ok(()) } else { self.append(vec![bytes]) }
    }

    /// Appends bytes that a record store carries until the file is synced.
    pub(super) fn show(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        // Opened first: whether the folder's entry is durable depends on what was unsettled before.
        self.open()?;
        self.folders.unsettled.note(self.id, self.folders.part(self.id));
        self.append(data)
    }

    /// Appends a range of a file: inside the kernel where it can, which shares the blocks where the file
    /// system can; or past the page cache where it cannot, and the bytes are many.
    pub(super) fn append_file(&mut self, source: &File, range: Range<u64>) -> Result<(), StoreError> {
        let file = self.open()?;
        let rest = if may_share(source)? { range } else { self.append_past(source, range)? };
        self.offset = copy_range(source, rest, &file, self.offset)?;
        self.is_copied = true;
        Ok(())
    }

    /// Appends a range of a file past the page cache, and answers what is left of it: what is to stay in the
    /// cache, or all behind the place where there is no buffer.
    fn append_past(&mut self, source: &File, mut range: Range<u64>) -> Result<Range<u64>, StoreError> {
        let file = self.open()?;
        let end = self.offset + (range.end - range.start);
        let cold = cold(Coming { from: self.offset, until: Some(end), length: Some(end) });
        if cold.start > self.offset && !cold.is_empty() {
            let warm = range.start..range.start + (cold.start - self.offset);
            self.offset = copy_range(source, warm.clone(), &file, self.offset)?;
            range.start = warm.end;
        }
        while cold.contains(&self.offset) && !self.direct().is_refused() {
            let Some(mut buffer) = self.direct().buffers().take(self.offset) else { break };
            buffer.read(source, range.start, cold.end - self.offset)?;
            range.start += buffer.len() as u64;
            let bytes = buffer.freeze();
            match split(&bytes, self.offset) {
                Some(split) => {
                    let write = self.prepare(split, Some(cold.end))?;
                    write.map_or(Ok(()), |write| write.run().map_err(std::io::Error::from))?;
                }
                None => self.append(vec![bytes])?,
            }
        }
        Ok(range)
    }

    /// Whether a sync takes the disk's time.
    pub(super) fn is_synced(&self) -> bool {
        self.folders.durability.syncs()
    }

    /// Makes everything appended durable, and gives back what is reserved behind it: by a direct file, or by
    /// a file system that expects a file to grow as it did (XFS). No write may be under way.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        let (direct_file, is_copied) = (self.direct_file.take(), std::mem::take(&mut self.is_copied));
        if direct_file.is_some_and(|direct_file| direct_file.is_ahead())
            || is_copied && is_reserved_behind(&self.open()?.metadata()?)
        {
            self.open()?.set_len(self.offset)?;
        }
        self.begin_sync().map_or(Ok(()), |sync| sync.run())
    }

    /// A sync of everything appended so far, while more may be appended; `None` if nothing was.
    pub(super) fn begin_sync(&self) -> Option<PartSync> {
        Some(PartSync { id: self.id, folders: Arc::clone(&self.folders), open: self.open.clone()? })
    }

    /// Lets go of the part, but keeps its file open, because its upload may continue soon.
    pub(super) fn rest(self) {
        if let Some(open) = self.open {
            self.folders.idle.keep(self.id, open);
        }
    }

    /// Opens the file, and cuts off bytes that no record knows; fewer bytes than the record knows are damage.
    fn open(&mut self) -> Result<Arc<File>, StoreError> {
        let open = match self.open.take().or_else(|| self.folders.idle.take(self.id, self.offset)) {
            Some(open) => open,
            None => self.open_file()?,
        };
        let file = Arc::clone(&open.file);
        self.open = Some(open);
        Ok(file)
    }

    fn open_file(&self) -> Result<OpenFile, StoreError> {
        let path = self.folders.part(self.id);
        let open = || OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = self.folders.buckets.create(self.id, open)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        if length < self.offset {
            return Err(StoreError::Damaged(format!(
                "part of {} has {length} bytes, its ledger {}",
                self.id, self.offset
            )));
        }
        if length > self.offset || is_reserved_behind(&metadata) {
            file.set_len(self.offset)?;
        }
        let is_durable = self.offset > 0 && !self.folders.unsettled.contains(self.id);
        Ok(OpenFile { file: Arc::new(file), entry_is_durable: Arc::new(AtomicBool::new(is_durable)) })
    }
}

/// Whether a file has room behind its end, which a kill may have left it: more than the file system's own
/// notes about it may take.
fn is_reserved_behind(metadata: &Metadata) -> bool {
    const NOTES: u64 = 1024 * 1024;
    metadata.blocks().saturating_mul(512) > metadata.len().saturating_add(NOTES)
}

/// Writes all of the data at an offset and returns the offset after it.
fn write_all(file: &File, data: Vec<Bytes>, mut offset: u64) -> io::Result<u64> {
    let mut data: std::collections::VecDeque<Bytes> = data.into();
    while !data.is_empty() {
        let slices: Vec<_> = data.iter().take(MAX_SLICES).map(|bytes| IoSlice::new(bytes)).collect();
        let written = match rustix::io::pwritev(file, &slices, offset) {
            Ok(0) if slices.iter().any(|slice| !slice.is_empty()) => {
                return Err(io::ErrorKind::WriteZero.into());
            }
            Ok(written) => written,
            Err(rustix::io::Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        };
        offset += u64::try_from(written).expect("a length fits");
        advance(&mut data, written);
    }
    Ok(offset)
}

fn advance(data: &mut std::collections::VecDeque<Bytes>, mut written: usize) {
    while let Some(first) = data.front_mut() {
        if first.len() > written {
            first.advance(written);
            return;
        }
        written -= first.len();
        data.pop_front();
    }
}

//! A part file, open for appending. Everything here blocks.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Folders;
use super::copy::copy_range;
use super::idle::OpenFile;
use crate::crash;
use crate::metrics::{self, Synced};
use crate::store::StoreError;
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
        Self { folders, id, offset, open: None }
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

    /// Appends bytes that a record store carries until the file is synced.
    pub(super) fn show(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        // Opened first: whether the folder's entry is durable depends on what was unsettled before.
        self.open()?;
        self.folders.unsettled.note(self.id, self.folders.part(self.id));
        self.append(data)
    }

    /// Appends a range of a file: inside the kernel where it can, which shares the blocks where the file
    /// system can.
    pub(super) fn append_file(&mut self, source: &File, range: Range<u64>) -> Result<(), StoreError> {
        let file = self.open()?;
        self.offset = copy_range(source, range, &file, self.offset)?;
        Ok(())
    }

    /// Whether a sync takes the disk's time.
    pub(super) fn is_synced(&self) -> bool {
        self.folders.durability.syncs()
    }

    /// Makes everything appended durable.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
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
        let length = file.metadata()?.len();
        if length < self.offset {
            return Err(StoreError::Damaged(format!(
                "part of {} has {length} bytes, its ledger {}",
                self.id, self.offset
            )));
        }
        if length > self.offset {
            file.set_len(self.offset)?;
        }
        let is_durable = self.offset > 0 && !self.folders.unsettled.contains(self.id);
        Ok(OpenFile { file: Arc::new(file), entry_is_durable: Arc::new(AtomicBool::new(is_durable)) })
    }
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

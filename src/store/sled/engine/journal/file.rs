//! One of the journal's files: a title, and then records.
//!
//! ```text
//! "longhaul journal, format 2\n\0" 28 │ seed 4 │ block 4 │ zeros up to 4096 │ records
//! ```
//! A record begins at the next block after the one before, or at the next page. Checksums begin with the
//! seed, a random number: bytes that a client uploaded lie in the file as well, and without the seed some
//! could be made to look like the next record.
//!
//! Short records go past the page cache to the disk. That is less work for each, and leaves none to the sync,
//! but they take up whole blocks, in the file and in memory. A block is the disk's own sector: a sector that
//! the disk has to write again with the next record may be lost. Long records are written sooner through the
//! cache, which passes them on in larger pieces. They take up whole pages, because the rest of a page would
//! have to be read.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::buffer::Buffer;
use super::record::{self, Record};
use super::sector;
use crate::store::Durability;

/// The size of each file. It bounds what a start has to read, and how far sled may be behind.
pub(super) const FILE_BYTES: u64 = 8 * 1024 * 1024;
/// The offset of the first record: records come after the title, and never over it.
pub(super) const START: u64 = 4096;
const TITLE: &[u8; 28] = b"longhaul journal, format 2\n\0";
const TITLE_BYTES: usize = TITLE.len() + 8;
/// The size of a page of the page cache.
const PAGE: u64 = 4096;
/// The longest record that is written past the cache; longer ones are written sooner through it.
const MOST_DIRECT: u64 = 64 * 1024;

#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    /// The sector size: a record that is synced begins at a multiple of it.
    sector: u32,
    /// A second handle of the file, past the page cache, where that is possible and wanted.
    direct: Option<File>,
    title: Title,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Title {
    seed: u32,
    block: u32,
}

impl JournalFile {
    /// Opens the file, and makes it if it need not exist. A new file gets its full size, and all of its bytes
    /// are written once, so that a record never has to wait for space to be allocated.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] if the file has to exist and is not what was made.
    pub(super) fn open(
        folder: &Path,
        name: &str,
        is_expected: bool,
        durability: Durability,
    ) -> io::Result<Self> {
        let path = folder.join(name);
        let not_whole = || {
            io::Error::new(io::ErrorKind::InvalidData, format!("its file `{name}` is not what was written"))
        };
        let file = OpenOptions::new().read(true).write(true).create(!is_expected).truncate(false).open(&path);
        let file = match file {
            Err(error) if is_expected && error.kind() == io::ErrorKind::NotFound => return Err(not_whole()),
            file => file?,
        };
        let sector = sector::of(&file);
        let title = match Title::read(&file)? {
            Some(title) => title,
            None if is_expected => return Err(not_whole()),
            None => {
                // The title is written last: a file that has one is whole.
                file.set_len(0)?;
                file.write_all_at(&vec![0; index(FILE_BYTES)], 0)?;
                file.sync_all()?;
                let title = Title::new(durability, sector)?;
                file.write_all_at(&title.bytes(), 0)?;
                file.sync_all()?;
                File::open(folder)?.sync_all()?;
                title
            }
        };
        Ok(Self { direct: title.direct(&path, durability), path, file, sector, title })
    }

    /// The records from the beginning of the file, as long as each follows the one before, and the offset
    /// where they end.
    pub(super) fn records(&self) -> io::Result<(Vec<Record>, u64)> {
        let mut bytes = vec![0; index(FILE_BYTES)];
        self.file.read_exact_at(&mut bytes, 0)?;
        let (mut records, mut end) = (Vec::<Record>::new(), START);
        loop {
            let follows = |record: &Record| {
                records.last().is_none_or(|last: &Record| record.sequence == last.sequence + 1)
            };
            let mut found = self.title.units().into_iter().filter_map(|unit| {
                let start = end.next_multiple_of(unit);
                let record = record::decode(bytes.get(index(start)..)?, self.title.seed)?;
                follows(&record).then_some((start, record))
            });
            let Some((start, record)) = found.next() else { break };
            end = start + length(record.length);
            records.push(record);
        }
        Ok((records, end))
    }

    /// The seed that the checksums of this file's records begin with.
    pub(super) fn seed(&self) -> u32 {
        self.title.seed
    }

    /// The range of a record of this length after one that ends here.
    pub(super) fn place(&self, end: u64, bytes: usize) -> Range<u64> {
        let [block, page] = self.title.units();
        let unit = if length(bytes) <= MOST_DIRECT { block } else { page };
        let start = end.next_multiple_of(unit);
        start..(start + length(bytes)).next_multiple_of(unit)
    }

    /// Writes a record after one that ends here; answers where it ends.
    pub(super) fn write(&mut self, record: &mut Buffer, end: u64) -> io::Result<u64> {
        let place = self.place(end, record.bytes().len());
        record.fill_up(index(place.end - place.start));
        if place.end - place.start > MOST_DIRECT || !self.write_direct(record.bytes(), place.start)? {
            self.file.write_all_at(record.bytes(), place.start)?;
        }
        Ok(place.end)
    }

    /// Writes past the cache; answers whether that is possible.
    fn write_direct(&mut self, bytes: &[u8], start: u64) -> io::Result<bool> {
        let Some(direct) = &self.direct else { return Ok(false) };
        match direct.write_all_at(bytes, start) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                // It is not possible on this file system, or on this disk.
                self.direct = None;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes the written records durable.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Whether records begin where they have to with this durability.
    pub(super) fn is_for(&self, durability: Durability) -> bool {
        self.title.block == Title::block_for(durability, self.sector)
    }

    /// Makes a file, whose records are not needed any more, one for this durability, before it gets other
    /// records; answers whether that has to be made durable.
    pub(super) fn renew(&mut self, durability: Durability) -> io::Result<bool> {
        if self.is_for(durability) {
            return Ok(false);
        }
        let title = Title::new(durability, self.sector)?;
        self.file.write_all_at(&title.bytes(), 0)?;
        self.direct = title.direct(&self.path, durability);
        self.title = title;
        Ok(true)
    }
}

impl Title {
    fn new(durability: Durability, sector: u32) -> io::Result<Self> {
        let seed = getrandom::u32().map_err(io::Error::other)?;
        Ok(Self { seed, block: Self::block_for(durability, sector) })
    }

    /// The block size. Without syncs a record takes up only its own bytes.
    fn block_for(durability: Durability, sector: u32) -> u32 {
        if durability.syncs() { sector } else { 1 }
    }

    /// The units at multiples of which records may begin.
    fn units(self) -> [u64; 2] {
        let block = u64::from(self.block);
        [block, if block == 1 { 1 } else { PAGE }]
    }

    /// Reads the title; `None` if the file is not whole.
    fn read(file: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; TITLE_BYTES];
        if file.metadata()?.len() != FILE_BYTES || file.read_exact_at(&mut bytes, 0).is_err() {
            return Ok(None);
        }
        let (title, numbers) = bytes.split_first_chunk().expect("longer");
        let number = |at: usize| u32::from_be_bytes(*numbers[at..].first_chunk().expect("two numbers"));
        Ok(match title {
            TITLE => Some(Self { seed: number(0), block: number(4) })
                .filter(|title| title.block.is_power_of_two() && u64::from(title.block) <= PAGE),
            _ => None,
        })
    }

    fn bytes(self) -> [u8; TITLE_BYTES] {
        let mut bytes = [0; TITLE_BYTES];
        bytes[..TITLE.len()].copy_from_slice(TITLE);
        bytes[TITLE.len()..][..4].copy_from_slice(&self.seed.to_be_bytes());
        bytes[TITLE.len() + 4..].copy_from_slice(&self.block.to_be_bytes());
        bytes
    }

    /// A handle past the cache, if records are synced and aligned as that needs.
    fn direct(self, path: &Path, durability: Durability) -> Option<File> {
        if !durability.syncs() || self.block < sector::SMALLEST {
            return None;
        }
        let flags = OFlags::DIRECT.bits().cast_signed();
        OpenOptions::new().write(true).custom_flags(flags).open(path).ok()
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).expect("a length fits")
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).expect("a small file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sled::engine::memtable::Memtable;

    /// The case of a disk with larger blocks than records are filled up to.
    #[test]
    fn what_is_refused_past_the_cache_goes_through_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut file = JournalFile::open(folder.path(), "one", false, Durability::Power).expect("made");
        file.title.block = 8;
        let (mut buffer, mut offset) = (Buffer::default(), START);
        for sequence in 1..4 {
            record::encode(buffer.begin(record::HEADER), file.seed(), sequence, 0, &Memtable::default());
            offset = file.write(&mut buffer, offset).expect("written");
        }
        let (records, end) = file.records().expect("read");
        assert_eq!((records.len(), end.next_multiple_of(8)), (3, offset));
    }
}

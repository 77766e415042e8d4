//! The journal: where a group of changes becomes durable, with one write and one sync of a file that has its
//! size already. sled gets many groups at once, later, and out of anybody's way; what it has not got yet is
//! here, and is read back after a kill.
//!
//! Two files take turns. One is written; the other holds what is on its way to sled, and is written over once
//! it has arrived. A record is found by its sequence number, which follows the one before, so what a former
//! turn left behind the last record is never taken for one.
//!
//! ```text
//! left behind by a kill or a power cut         what is found
//! before the write was durable                 no record, or a torn one: the group never was, nobody was told
//! after it, before anyone was told             the group
//! while sled was given the other file's        the other file still counts; giving it twice is giving it once
//! ```

#[cfg(fuzzing)]
mod fuzz;
mod record;

#[cfg(fuzzing)]
pub use fuzz::fuzz_record;

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::changes::Changes;
use crate::store::Durability;
use record::Record;

/// The size of each file. It bounds what is read at a start, and how far sled may be behind.
const FILE_BYTES: u64 = 8 * 1024 * 1024;
/// What each file begins with. Records come after it, and never over it.
const TITLE: &[u8; 28] = b"longhaul journal, format 1\n\0";
const START: u64 = 4096;
const NAMES: [&str; 2] = ["journal.0", "journal.1"];

/// Both files, and where the next record goes.
#[derive(Debug)]
pub(super) struct Journal {
    files: [File; 2],
    current: usize,
    offset: u64,
    /// Of the last record.
    sequence: u64,
    /// Of the last record whose changes are in sled for good.
    stored: u64,
    /// What the last record says of that.
    said: u64,
    /// Of the last record of the other file, which is on its way there.
    turned: u64,
    durability: Durability,
    buffer: Vec<u8>,
}

/// What was found in the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// What was on its way to sled.
    pub(super) earlier: Changes,
    /// What came after it.
    pub(super) later: Changes,
}

impl Journal {
    /// Opens the files of a folder, making them if the folder is new, and reads what they hold.
    ///
    /// # Errors
    /// What the operating system says; [`io::ErrorKind::InvalidData`] if the files have to be there and are not,
    /// or if a record between others is gone, which without syncs is what a power cut may do: then what follows
    /// it never was.
    pub(super) fn open(
        folder: &Path,
        is_expected: bool,
        durability: Durability,
    ) -> io::Result<(Self, Found)> {
        let mut files =
            [open_file(folder, NAMES[0], is_expected)?, open_file(folder, NAMES[1], is_expected)?];
        let found = [read(&mut files[0])?, read(&mut files[1])?];
        let is_older = |one: &[Record], other: &[Record]| {
            let sequence = |records: &[Record]| records.first().map_or(0, |first| first.sequence);
            sequence(one) < sequence(other)
        };
        let current = usize::from(is_older(&found[0], &found[1]));
        let [first, second] = found;
        let (mut newer, older) = if current == 0 { (first, second) } else { (second, first) };
        let stored = newer.last().or(older.last()).map_or(0, |last| last.stored);
        let turned = older.last().map_or(0, |last| last.sequence);
        if newer.first().is_some_and(|first| first.sequence > stored.max(turned) + 1) {
            if durability.syncs() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a record of its journal is gone"));
            }
            tracing::error!("a record of the journal is gone; what came after it is left out");
            newer.clear();
        }
        let journal = Self {
            files,
            current,
            offset: START
                + newer.iter().map(|record| u64::try_from(record.length).expect("small")).sum::<u64>(),
            sequence: newer.last().map_or(turned.max(stored), |last| last.sequence),
            stored,
            said: stored,
            turned,
            durability,
            buffer: Vec::new(),
        };
        let after = |records: Vec<Record>| {
            let mut changes = Changes::default();
            let missing = records.into_iter().filter(|record| record.sequence > stored);
            missing.for_each(|record| changes.merge(record.changes));
            changes
        };
        Ok((journal, Found { earlier: after(older), later: after(newer) }))
    }

    /// Adds a group. It is durable when this returns.
    ///
    /// # Errors
    /// What the operating system says. After a failed write the group never was; after a failed sync nobody
    /// knows, and the journal must not be used any more.
    pub(super) fn append(&mut self, changes: &Changes) -> Result<(), Failure> {
        record::encode(&mut self.buffer, self.sequence + 1, self.stored, changes);
        let file = &self.files[self.current];
        file.write_all_at(&self.buffer, self.offset).map_err(Failure::Write)?;
        if self.durability.syncs() {
            file.sync_data().map_err(Failure::Sync)?;
        }
        self.sequence += 1;
        self.said = self.stored;
        self.offset += u64::try_from(self.buffer.len()).expect("a length fits");
        Ok(())
    }

    /// The last record that is in sled for good.
    pub(super) fn stored(&self) -> u64 {
        self.stored
    }

    /// The last record of those that are on their way to sled, or came there.
    pub(super) fn turned(&self) -> u64 {
        self.turned
    }

    /// Whether a group fits into the file, and the last word before a turn behind it.
    pub(super) fn has_room_for(&self, changes: &Changes) -> bool {
        self.has_room_for_bytes(record::length_of(changes))
    }

    /// The same for a record of so many bytes.
    pub(super) fn has_room_for_bytes(&self, bytes: usize) -> bool {
        self.offset + u64::try_from(bytes + record::HEADER).expect("a length fits") <= FILE_BYTES
    }

    /// Says that the other file's changes have arrived in sled.
    pub(super) fn arrived(&mut self) {
        self.stored = self.stored.max(self.turned);
    }

    /// Goes on with the other file, whose changes have arrived. Those of this one are next.
    ///
    /// # Errors
    /// As [`Journal::append`]; then it has not turned.
    pub(super) fn turn(&mut self) -> Result<(), Failure> {
        // The other file may be torn by its first record, so this one has to say that it is not needed.
        if self.said < self.stored {
            self.append(&Changes::default())?;
        }
        self.turned = self.sequence;
        self.current = 1 - self.current;
        self.offset = START;
        Ok(())
    }
}

/// Why a group is not durable.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not in the journal.
    Write(io::Error),
    /// Who knows: the kernel shows what the disk does not have.
    Sync(io::Error),
}

/// A file of full size. Its bytes are written once, so that a record never has to wait for room to be found.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it has to be there and is not what was made.
fn open_file(folder: &Path, name: &str, is_expected: bool) -> io::Result<File> {
    let path = folder.join(name);
    let file = OpenOptions::new().read(true).write(true).create(!is_expected).truncate(false).open(path);
    let file = match file {
        Err(error) if is_expected && error.kind() == io::ErrorKind::NotFound => return Err(not_whole(name)),
        file => file?,
    };
    let mut title = [0; TITLE.len()];
    let is_whole =
        file.metadata()?.len() == FILE_BYTES && file.read_exact_at(&mut title, 0).is_ok() && title == *TITLE;
    if is_whole {
        return Ok(file);
    }
    if is_expected {
        return Err(not_whole(name));
    }
    // The title last: a file that has one is whole.
    file.set_len(0)?;
    file.write_all_at(&vec![0; usize::try_from(FILE_BYTES).expect("a small file")], 0)?;
    file.sync_all()?;
    file.write_all_at(TITLE, 0)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

fn not_whole(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its file `{name}` is not what was written"))
}

/// The records from the beginning of the file on, as long as each follows the one before.
fn read(file: &mut File) -> io::Result<Vec<Record>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(START))?;
    file.read_to_end(&mut bytes)?;
    let (mut records, mut at) = (Vec::<Record>::new(), 0);
    while let Some(record) = record::decode(&bytes[at..]) {
        if records.last().is_some_and(|last| record.sequence != last.sequence + 1) {
            break;
        }
        at += record.length;
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests;

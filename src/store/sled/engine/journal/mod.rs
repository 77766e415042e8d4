//! The journal, which makes a group durable with one write and one sync of a file that has its size already.
//!
//! Two files take turns. One is written; the other holds the frozen memtable, and is written over once that
//! was flushed. Why nothing is lost by that is said in [`engine`](super).
//!
//! ```text
//! left behind by a kill or a power cut         what is found
//! before the write was durable                 no record, or a torn one: the group never was, no caller was told
//! after it, before a caller was told           the group
//! while the other file was flushed             the other file still counts; flushing it twice is flushing it once
//! ```

mod buffer;
mod file;
#[cfg(fuzzing)]
mod fuzz;
mod record;
mod sector;

#[cfg(fuzzing)]
pub use fuzz::fuzz_record;

use std::io;
use std::path::Path;
use std::time::Instant;

use super::memtable::Memtable;
use crate::metrics::{self, Synced};
use crate::store::Durability;
use buffer::Buffer;
use file::{FILE_BYTES, JournalFile, START};
use record::{HEADER, Record};

const NAMES: [&str; 2] = ["journal.0", "journal.1"];

/// Both files, and the place of the next record.
#[derive(Debug)]
pub(super) struct Journal {
    files: [JournalFile; 2],
    current: usize,
    offset: u64,
    /// The number of the last record.
    sequence: u64,
    /// The number of the last record that was flushed to sled for good.
    flushed: u64,
    /// The number that the last record gives as flushed.
    said: u64,
    /// The number of the last record of the other file, which is the end of the frozen memtable.
    turned: u64,
    durability: Durability,
    buffer: Buffer,
}

/// The changes that were found in the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// The frozen memtable.
    pub(super) earlier: Memtable,
    /// The active memtable.
    pub(super) later: Memtable,
}

impl Journal {
    /// Opens the files of a folder, makes them if the folder is new, and reads the changes in them.
    ///
    /// # Errors
    /// The error of the operating system; [`io::ErrorKind::InvalidData`] if the files have to exist and do
    /// not, or if a record between others is gone. Without syncs a power cut may do that: then the records
    /// after it count as never written.
    pub(super) fn open(
        folder: &Path,
        is_expected: bool,
        durability: Durability,
    ) -> io::Result<(Self, Found)> {
        let open = |name| JournalFile::open(folder, name, is_expected, durability);
        let files = [open(NAMES[0])?, open(NAMES[1])?];
        let [(first, end_of_first), (second, end_of_second)] = [files[0].records()?, files[1].records()?];
        let is_older = |one: &[Record], other: &[Record]| {
            let sequence = |records: &[Record]| records.first().map_or(0, |first| first.sequence);
            sequence(one) < sequence(other)
        };
        let current = usize::from(is_older(&first, &second));
        let (mut newer, older, mut offset) =
            if current == 0 { (first, second, end_of_first) } else { (second, first, end_of_second) };
        let flushed = newer.last().or(older.last()).map_or(0, |last| last.flushed);
        let turned = older.last().map_or(0, |last| last.sequence);
        if newer.first().is_some_and(|first| first.sequence > flushed.max(turned) + 1) {
            if durability.syncs() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a record of its journal is gone"));
            }
            tracing::error!("a record of the journal is gone; what came after it is left out");
            (newer, offset) = (Vec::new(), START);
        }
        let journal = Self {
            files,
            current,
            offset,
            sequence: newer.last().map_or(turned.max(flushed), |last| last.sequence),
            flushed,
            said: flushed,
            turned,
            durability,
            buffer: Buffer::default(),
        };
        let after = |records: Vec<Record>| {
            let mut changes = Memtable::default();
            let missing = records.into_iter().filter(|record| record.sequence > flushed);
            missing.for_each(|record| changes.merge(record.changes));
            changes
        };
        Ok((journal, Found { earlier: after(older), later: after(newer) }))
    }

    /// Adds a group, which is durable when this returns.
    ///
    /// # Errors
    /// The error of the operating system. After a failed write the group was never added; after a failed sync
    /// that is unknown, and the journal must not be used any more.
    pub(super) fn append(&mut self, changes: &Memtable) -> Result<(), Failure> {
        let file = &mut self.files[self.current];
        let buffer = self.buffer.begin(record::length_of(changes));
        record::encode(buffer, file.seed(), self.sequence + 1, self.flushed, changes);
        let end = file.write(&mut self.buffer, self.offset).map_err(Failure::Write)?;
        if self.durability.syncs() {
            let begun = Instant::now();
            file.sync().map_err(Failure::Sync)?;
            metrics::get().synced(Synced::Journal, begun);
        }
        self.sequence += 1;
        self.said = self.flushed;
        self.offset = end;
        Ok(())
    }

    /// The number of the last record that was flushed to sled for good.
    pub(super) fn flushed(&self) -> u64 {
        self.flushed
    }

    /// The number of the last record of the other file: the end of what is being flushed, or was.
    pub(super) fn turned(&self) -> u64 {
        self.turned
    }

    /// Whether a group fits into the file, and after it the empty record that may come before a turn. Nothing
    /// fits into a file that was made for another durability: its records may share sectors.
    pub(super) fn has_room_for(&self, changes: &Memtable) -> bool {
        let file = &self.files[self.current];
        let record = file.place(self.offset, record::length_of(changes));
        file.is_for(self.durability) && file.place(record.end, HEADER).end <= FILE_BYTES
    }

    /// Notes that everything in the other file was flushed.
    pub(super) fn other_is_flushed(&mut self) {
        self.flushed = self.flushed.max(self.turned);
    }

    /// Turns to the other file, of which everything was flushed. This one is then the other.
    ///
    /// # Errors
    /// The errors of [`Journal::append`]; after one, the journal has not turned.
    pub(super) fn turn(&mut self) -> Result<(), Failure> {
        // The first record may tear the other file, so this file has to say first that the other is not
        // needed.
        if self.said < self.flushed {
            self.append(&Memtable::default())?;
        }
        let other = &mut self.files[1 - self.current];
        if other.renew(self.durability).map_err(Failure::Write)? {
            other.sync().map_err(Failure::Sync)?;
        }
        self.turned = self.sequence;
        self.current = 1 - self.current;
        self.offset = START;
        Ok(())
    }
}

/// The reason why a group is not durable.
#[derive(Debug)]
pub(super) enum Failure {
    /// The group is not in the journal.
    Write(io::Error),
    /// The group may be durable or not: the kernel shows what the disk does not have.
    Sync(io::Error),
}

#[cfg(test)]
mod tests;

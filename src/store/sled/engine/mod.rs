//! The engine: rows under keys, durable before a caller is told. It is a log-structured merge tree with sled
//! as its only level, and knows of the tables no more than a [`layout`].
//!
//! ```text
//!  operations ─► a group ─► journal ─► active memtable ─► frozen memtable ─► sled
//!                one batch  durable    visible            the journal has    flushed:
//!                                                         turned             its file is free
//! ```
//! The committer does everything up to the active memtable, for all waiting callers at once; the checkpointer
//! flushes the frozen one at its own pace. A reader merges the memtables with sled: what it sees is durable,
//! and it never waits.
//!
//! # Why nothing is lost that was acknowledged
//!
//! 1. **A group is durable when its record is**, and answered after that. The record has a checksum, which
//!    begins with the file's random seed, and a number. It counts if it is whole and its number follows the
//!    one before: neither what an earlier turn left behind the last record nor bytes that a client uploaded
//!    are taken for the next one. Of a torn record no caller was told, and the next one takes its place.
//! 2. **A file is written over only when it is not needed.** Two files take turns. The journal turns to the
//!    other file when the frozen memtable, which is all that the other file has, was flushed and synced, and
//!    a record of this file says so: every record says up to which number everything was flushed. Otherwise a
//!    torn first record after the turn would destroy the other file while a start still needs it.
//! 3. **A start knows which file is newer**, the one whose first number is higher, **and that nothing is
//!    missing**: that number is at most one more than the last one of the older file, or than what was
//!    flushed. Anything else is damage, and is refused. What was flushed is skipped; the rest of the older
//!    file is the frozen memtable, the newer file the active one. To flush a row twice is to flush it once.
//! 4. **A start knows that sled kept what was flushed.** sled takes a log that ends early for one whose end
//!    was never written. So the last row of a flush is the number of the record that it ends with, and a
//!    folder in which that is lower than what the journal says was flushed is refused. sled also writes over
//!    what a power cut may still need, which is made good by having its file [written
//!    through](write_through).
//! 5. **Volatile rows outlive their record.** Only the journal has them: small bytes of files that are not
//!    synced yet, and the places that files went to. A flush begins by having those made durable by
//!    themselves ([`outside`]). Only then can the number of 4 get to sled, and only after that is the
//!    journal's file written over. A start does once more what the rows say, before its first flush.
//! 6. **A deleted row stays deleted.** A row that comes and goes within a memtable leaves no tombstone, which
//!    is right only if nothing below has the key. So only a [`rows::Fresh`] key can be such a one, and only
//!    looking makes one.
//!
//! **What is assumed of a disk**, as SQLite and PostgreSQL do: what was synced stays, and so does a sector
//! that it was not told to write. The one that it writes in a power cut may have anything in it afterwards.
//! Sectors have 512 or 4,096 bytes; a record that is synced begins with a sector, whichever it is
//! ([`journal`]), and shares none. Nothing is assumed of the order in which unsynced sectors are written.
//! `power` needs a file system that writes single files through, and is refused where there is none.
//!
//! # Why it is there
//!
//! sled alone, written through, is durable as well: a group as one batch, flush, sync. A build that did that,
//! without journal and memtables, was measured against this one, five runs of each, in turns, on two cores
//! that others used as well. The figures are the other build's as a multiple of this one's, requests a second
//! and CPU time of the server for each: the median of the runs, and the lowest and highest.
//!
//! | work | requests a second | CPU time |
//! | --- | --- | --- |
//! | creations, 1 client | 0.25 (0.15–0.59) | 2.87 (2.20–3.46) |
//! | creations, 16 clients | 0.82 (0.69–0.89) | 1.66 (1.51–1.88) |
//! | creations, 64 clients | 0.32 (0.25–0.36) | 1.51 (1.25–1.68) |
//! | 4 KiB PATCHes, 16 uploads | 0.19 (0.17–0.26) | 3.03 (2.77–3.51) |
//! | 64 KiB PATCHes, 4 uploads | 0.52 (0.18–0.74) | 1.92 (1.71–2.07) |
//! | 16 KiB with the creation, to a message | 0.72 (0.58–0.75) | 2.13 (1.76–2.40) |
//! | 16 KiB as a form | 0.41 (0.24–0.58) | 2.20 (1.76–2.47) |
//! | HEADs, 16 clients | 0.89 (0.80–1.18) | 1.05 (0.83–1.19) |
//! | 4 × 256 MiB at once, MiB/s | 1.31 (0.96–1.37) | 0.90 (0.80–1.14) |
//!
//! Builds without a part of it, measured in the same way: without [`runs`], among 100,000 records creations
//! 0.64 (0.55–1.35) and HEADs 0.58 (0.51–0.77), and the folder 1.7 times as large; without the rests of
//! [`checkpoints`], there 0.64 (0.50–0.83) and 0.65 (0.48–0.85), and files of 16 KiB to messages 0.82
//! (0.61–1.37). Two parts went, since no row was a tenth lower without them: a wait of the committer for
//! callers that are about to come again (creations, 64 clients: 1.05 (0.74–1.45)), and commits on the
//! caller's task where nothing is synced (creations 1.71 (0.77–2.65), 4 KiB PATCHes 1.02 (0.63–2.03)).

mod checkpoints;
mod committer;
pub(crate) mod core;
mod database;
mod fault;
mod journal;
pub(crate) mod key;
pub(crate) mod layered;
pub(crate) mod layout;
mod memtable;
pub(crate) mod open;
pub(crate) mod outside;
pub(crate) mod rows;
mod runs;
pub(crate) mod view;
mod write_through;

#[cfg(fuzzing)]
pub use journal::fuzz_record;

pub use write_through::why_not_written_through;

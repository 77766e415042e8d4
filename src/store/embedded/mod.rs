//! Files and records that know each other: few bytes become durable with the row that tells of them, in the
//! record store's journal, and their file is synced later, together with others. Syncing a file for every few
//! kilobytes is the most expensive thing that a disk can be asked for.
//!
//! ```text
//! bytes ─► written to the file ─► carried by the journal, with their row ─► told ─► the file synced ─► let go of
//!          page cache             durable                                           durable
//! ```
//! [`Carrying`] is the port that requests append to; [`Files`] is the port that the record store asks, and
//! that the disk implements.

mod carrying;
mod files;

pub use carrying::Carrying;
pub use files::{Carried, Files, Placement};

/// The most bytes that are carried with one row: more are as quick to sync as to write twice.
pub const MOST_BYTES: usize = 64 * 1024;

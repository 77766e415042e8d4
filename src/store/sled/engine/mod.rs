//! What makes groups of changes durable, and reads them.

mod checkpoints;
mod committer;
pub(crate) mod core;
mod database;
mod fault;
mod journal;
pub(crate) mod key;
pub(crate) mod layered;
pub(crate) mod layout;
pub(crate) mod memtable;
pub(crate) mod open;
pub(crate) mod outside;
pub(crate) mod runs;
pub(crate) mod view;
mod write_through;

#[cfg(fuzzing)]
pub use journal::fuzz_record;

pub use write_through::why_not_written_through;

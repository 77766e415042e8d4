//! What becomes of uploads over a bad network.
//!
//! The [`rows`] of the matrix are uploads: a client, a way to upload, a moment, and something that
//! goes wrong then. [`run()`] plays each of them through a proxy of its own and returns a
//! [`Report`].
//!
//! Pure, and tested as such: the matrix, the shape of an upload, where a `Trap` snaps, what the
//! client that behaves does after an answer (`Decisions`), what an upload costs (`Ledger`), what
//! is to be thought of it, and the report. On the wire: the `Session`, which does what the
//! decisions say; the rogue, which does not; and the look at the server's bytes afterwards.
//! Every wait is bounded: one for an answer by 30 seconds, a row by two minutes.

mod decision;
mod fault;
mod ledger;
mod matrix;
mod outcome;
mod parallel;
mod report;
mod rogue;
mod run;
mod runner;
mod session;
mod settings;
mod shape;
mod sight;
mod subject;
mod trap;
mod verify;
mod witness;

pub use fault::{Fault, Misdeed, Moment, Scene, Way};
pub use matrix::{Row, rows};
pub use outcome::{Bytes, Course, End, Outcome, Verdict};
pub use report::{Counts, CourseRecord, Record, Report, RowRecord, side_by_side};
pub use runner::run;
pub use settings::Settings;
pub use shape::Shape;
pub use subject::CouldNotRun;

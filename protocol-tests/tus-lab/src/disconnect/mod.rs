//! Tests uploads over a bad network.
//!
//! Each of the [`rows`] of the matrix is an upload: a client, a way to upload, a moment, and a trouble at
//! that moment. [`run()`] plays each row through a proxy of its own and returns a [`Report`].
//!
//! Pure, and with unit tests: the matrix, the shape of an upload, the place of a `Trap`, the stock client's
//! reactions to answers (`Decisions`), the cost of an upload (`Ledger`), the verdict, and the report. On the
//! wire: the `Session`, which follows the decisions; the rogue client, which does not; and the comparison of
//! the server's bytes afterwards. Every wait is bounded: for an answer by 30 seconds, for a row by two
//! minutes.

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

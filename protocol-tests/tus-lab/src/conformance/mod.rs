//! Tests whether a server does what the text of tus 1.0.0 says.
//!
//! A [`Case`] stands for one sentence of the text, or for one event of real traffic. It is a small function
//! that gets a `Bench`, creates uploads of its own, sends requests, and returns an outcome: passed, passed
//! with a remark where the text leaves room, wrong, or not to be judged. The tables of `cases/` list the
//! cases by section. [`run`] finds out what the server offers, runs the cases one after another, each in
//! bounded time, cleans up after each, and returns a [`Report`], which is plain data.
//!
//! A server fails a case of level [`Level::Must`] or [`Level::Should`] only for what the text
//! says, and one of level [`Level::Robust`] only for what plainly loses, doubles or corrupts
//! bytes, hangs, or breaks down.

mod answer;
mod bench;
mod case;
mod cases;
mod options;
mod place;
mod report;
mod runner;
mod subject;
mod verdict;

pub use case::{Case, Level, Section};
pub use cases::SECTIONS;
pub use options::{Options, Pattern};
pub use place::{BadUrl, Place};
pub use report::{CaseRecord, Counts, Outcome, Record, Report, side_by_side};
pub use runner::run;
pub use subject::{CouldNotRun, Offer, Subject};
pub use verdict::Verdict;

//! `tus-lab load`: measures how much a server does in a second, and what that costs it.
//!
//! The scenarios know only the URL where uploads are created. Preparations, such as creating the uploads to
//! fill, are done before the clock of a scenario runs; reading back and cleaning up are done after it.

mod client;
mod failure;
mod meter;
mod payload;
mod process;
mod report;
mod scenario;
mod socket;
mod subject;
mod tally;
mod tickets;
mod upload;

/// User and system time of this process so far.
#[must_use]
pub fn cpu_secs_of_this_process() -> f64 {
    process::cpu_secs("self")
}

pub use failure::Failure;
pub use meter::{Resources, ServerResources};
pub use report::{Latency, Report};
pub use scenario::{
    Announce, Big, Chunked, Concat, Create, End, Head, Idle, OneShot, Parts, Read, Records, Resume, Scenario,
    Tiny, Uploads,
};
pub use subject::Settings;
pub use tickets::Pace;

//! `tus-lab load`: how much a server does in a second, and what that costs it.
//!
//! Nothing here knows more of a server than the URL where uploads are created. What is not the subject of a
//! scenario, such as creating the uploads that it is going to fill, is done before its clock runs, reading
//! back and cleaning up after it.

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

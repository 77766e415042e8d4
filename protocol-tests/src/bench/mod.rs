//! `bench`: longhaul, tusd and the bare sinks under the same load, in turns, and what came of it.
//!
//! For each work of the plan all servers that take part in it are started on loopback with empty folders and
//! warmed up; what they took then is read back and compared. Then every repetition measures each of them once, in an
//! order that rotates, so that whatever else happens on the machine strikes them alike. A ratio is made within a
//! repetition; the table tells the medians, and between which values all repetitions lie.

mod contender;
mod ended;
mod figure;
mod instance;
mod machine;
mod measure;
mod plan;
mod results;
mod rows;
mod table;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use contender::Contender;
pub use results::Results;
pub use table::tables;

use measure::measure;
use plan::plan;

/// The programs, and how much is to be done with them.
#[derive(Debug, Clone)]
pub struct Options {
    /// `tus-lab`, which makes the load and is the sinks.
    pub lab: PathBuf,
    /// longhaul.
    pub longhaul: PathBuf,
    /// The released tusd; none if there is none here.
    pub tusd: Option<PathBuf>,
    /// tusd's handler with its locks in memory; none if there is none here.
    pub tusd_mem: Option<PathBuf>,
    /// Where the servers' folders are made: on the disk that counts.
    pub folder: PathBuf,
    /// Less of everything.
    pub quick: bool,
    /// Only works whose names begin like one of these; all if there is none.
    pub only: Vec<String>,
    /// How often each server is measured, instead of what the plan says.
    pub repetitions: Option<usize>,
}

/// Measures everything; `progress` hears a line for each measurement.
///
/// # Errors
/// When a server does not start, or the load cannot be made.
pub async fn run(options: &Options, mut progress: impl FnMut(&str)) -> Result<Results, String> {
    ended::clear(options);
    let outcome = run_all(options, &mut progress).await;
    ended::clear(options);
    outcome
}

async fn run_all(options: &Options, progress: &mut impl FnMut(&str)) -> Result<Results, String> {
    let mut results = Results::new(options);
    for work in plan(options.quick) {
        let is_meant = options.only.is_empty() || options.only.iter().any(|name| work.name.starts_with(name));
        if is_meant {
            measure(options, &work, &mut results, progress).await?;
        }
    }
    Ok(results)
}

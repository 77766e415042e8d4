//! `bench`: measures longhaul, tusd and the bare sinks under the same load, in turns.
//!
//! For each work of the plan, all servers that take part are started on loopback with empty folders and
//! warmed up; the uploads of the warm-up are read back and compared. Then every repetition measures each
//! server once, in an order that rotates, so that other load on the machine disturbs them alike. A ratio is
//! made within a repetition; the table tells the medians, and the lowest and highest value of all
//! repetitions.

mod cloud;
mod contender;
mod ended;
mod figure;
mod filled;
mod film;
mod instance;
mod killed;
mod load;
mod machine;
mod measure;
mod nginx;
mod options;
mod plan;
mod results;
mod rows;
mod running;
mod table;
#[cfg(test)]
mod tests;

pub use contender::Contender;
pub use options::Options;
pub use results::Results;
pub use table::tables;

use measure::measure;
use plan::plan;

/// Measures all works; `progress` gets a line for each measurement.
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

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tus_lab::amount::bytes;
use tus_lab::conformance::Pattern;
use tus_lab::disconnect::{Outcome, Report, Row, Settings, Shape, rows, run as run_matrix};

use crate::arguments::header;

/// The size of the smallest upload in which the places of trouble lie apart.
const SMALLEST: u64 = 64 * 1024;

/// The exit statuses: nothing is wrong, something is wrong, there was no run.
const GOOD: u8 = 0;
const BAD: u8 = 1;
const COULD_NOT_RUN: u8 = 2;

/// The arguments of `tus-lab disconnect`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Rows are named client/way/moment/trouble, like stock/chunks/50%/reset or \
rogue/one-patch/50%/twins; --list shows them.

Exit status:
  0  every upload of the stock client finished with identical bytes, and no upload of any
     client was corrupted; whatever followed a 400 to a half-closed request is no fault
  1  not so
  2  there was no run, or none to its end: nothing to run against, or the server went away")]
pub(crate) struct Args {
    /// The URL of creation
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    endpoint: Option<String>,
    /// A header for every request, like 'Authorization: Bearer …'; repeatable
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    header: Vec<(String, String)>,
    /// A key and a value of Upload-Metadata, like 'filename a.bin'; {row} in the value becomes
    /// something that no other upload has; repeatable
    #[arg(long, value_name = "KEY VALUE", value_parser = pair)]
    metadata: Vec<(String, String)>,
    /// How large an upload is
    #[arg(long, value_name = "SIZE", value_parser = bytes, default_value = "8MiB")]
    size: u64,
    /// Only the rows whose name matches; * stands for anything; repeatable
    #[arg(long, value_name = "GLOB", default_value = "*")]
    only: Vec<String>,
    /// Where the server keeps its files, named by the ids of their uploads: read these, and do
    /// not ask for the bytes with GET
    #[arg(long, value_name = "DIR")]
    verify_dir: Option<PathBuf>,
    /// How many rows run at the same time
    #[arg(long, value_name = "N", default_value_t = 8)]
    jobs: usize,
    /// The waits before retries, as a multiple of 0, 1, 3 and 5 seconds
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    delays: f64,
    /// Write everything here as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a JUnit report here
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Show the names of all rows and end
    #[arg(long)]
    list: bool,
}

/// Uploads over connections that break, and tells what became of every byte.
pub(crate) async fn run(args: Args) -> ExitCode {
    if args.list {
        let only = patterns(&args.only);
        let is_meant = |row: &&Row| only.iter().any(|pattern| pattern.matches(&row.to_string()));
        rows().iter().filter(is_meant).for_each(say);
        return ExitCode::from(GOOD);
    }
    let (json, junit) = (args.json.clone(), args.junit.clone());
    let report = match settings(args) {
        Ok(settings) => run_matrix(settings, progress()).await.map_err(|error| error.to_string()),
        Err(why) => Err(why),
    };
    let report = report.and_then(|report| write(&report, json.as_deref(), junit.as_deref()).map(|()| report));
    match report {
        Ok(report) => {
            say(report.table().trim_end());
            ExitCode::from(if report.is_good() { GOOD } else { BAD })
        }
        Err(why) => {
            complain(format_args!("tus-lab disconnect: {why}"));
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

fn settings(args: Args) -> Result<Settings, String> {
    if args.size < SMALLEST {
        return Err(format!("an upload of {} bytes is too small: {SMALLEST} at least", args.size));
    }
    if !(0.1..=100.0).contains(&args.delays) {
        return Err("--delays is a factor from 0.1 to 100".to_owned());
    }
    Ok(Settings {
        endpoint: args.endpoint.unwrap_or_default(),
        headers: args.header,
        metadata: args.metadata,
        shape: Shape { size: args.size },
        only: patterns(&args.only),
        folder: args.verify_dir,
        jobs: args.jobs,
        delay_factor: args.delays,
    })
}

/// Prints a line for each row that has ended: the table comes only at the end.
fn progress() -> impl FnMut(&Outcome) {
    let is_watched = std::io::stderr().is_terminal();
    let mut ended = 0;
    move |outcome| {
        ended += 1;
        if is_watched {
            complain(format_args!("{ended:4} {} {}", outcome.verdict(), outcome.row));
        }
    }
}

fn write(report: &Report, json: Option<&Path>, junit: Option<&Path>) -> Result<(), String> {
    let written = |path: &Path, text: String| {
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    if let Some(path) = json {
        written(path, report.json())?;
    }
    if let Some(path) = junit {
        written(path, report.junit())?;
    }
    Ok(())
}

fn patterns(globs: &[String]) -> Vec<Pattern> {
    globs.iter().map(|glob| Pattern::new(glob)).collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once(' ').unwrap_or((text, ""));
    if key.is_empty() {
        Err("metadata is written 'key value'".to_owned())
    } else {
        Ok((key.to_owned(), value.to_owned()))
    }
}

/// Prints a line, and goes on if standard output is closed.
fn say(line: impl std::fmt::Display) {
    _ = writeln!(std::io::stdout(), "{line}");
}

fn complain(line: std::fmt::Arguments<'_>) {
    _ = writeln!(std::io::stderr(), "{line}");
}

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use tokio::runtime;
use tus_lab::load::{Report, Scenario, Settings};

use tus_lab::open_files::allow_open_files;

use crate::arguments::{header, pair};

/// The exit statuses: nothing failed, something failed, nothing could be done.
const GOOD: u8 = 0;
const BAD: u8 = 1;
const COULD_NOT_RUN: u8 = 2;

/// The arguments of `tus-lab load`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status:
  0  every request was answered as it should be
  1  some were not, or what was read back differed
  2  nothing could be done")]
pub(crate) struct Args {
    /// The URL where uploads are created, for example http://127.0.0.1:1080/files/
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// A further URL of the same service: connections go to all of them in turn; may be repeated
    #[arg(long, value_name = "URL")]
    also: Vec<String>,
    /// A header for every request, such as a token; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A pair for the Upload-Metadata of every creation, the value as plain text; may be repeated
    #[arg(long = "metadata", value_name = "KEY VALUE", value_parser = pair)]
    metadata: Vec<String>,
    /// A process of the server; the resources that it and its descendants use are reported; may be repeated
    #[arg(long = "pid", value_name = "PID")]
    pids: Vec<u32>,
    /// How many threads send
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// How long a request may take before it counts as failed
    #[arg(long, value_name = "SECS", default_value_t = 120)]
    timeout: u64,
    /// Read finished uploads back with GET, at most 64 of them, and compare
    #[arg(long)]
    verify: bool,
    /// Terminate the uploads at the end
    #[arg(long)]
    clean_up: bool,
    /// Write the report as JSON, to standard output if FILE is -
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    scenario: Scenario,
}

/// Puts a server under load, and tells what it did and what that cost.
pub(crate) async fn run(args: Args) -> ExitCode {
    allow_open_files();
    let json = args.json.clone();
    let done = tokio::task::spawn_blocking(move || load(&args)).await;
    let report = done.expect("no scenario panics").and_then(|report| {
        write(&report, json.as_deref())?;
        Ok(report)
    });
    match report {
        Ok(report) => ExitCode::from(if report.is_good() { GOOD } else { BAD }),
        Err(why) => {
            _ = writeln!(std::io::stderr(), "tus-lab load: {why}");
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}

/// Runs the scenario in a runtime with the chosen number of threads.
fn load(args: &Args) -> Result<Report, String> {
    let mut builder = match args.threads {
        0 | 1 => runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    let runtime = builder.enable_all().build().map_err(|error| error.to_string())?;
    let settings = Settings {
        also: args.also.clone(),
        headers: args.headers.clone(),
        metadata: args.metadata.join(","),
        pids: args.pids.clone(),
        patience: Duration::from_secs(args.timeout),
        verify: args.verify,
        clean_up: args.clean_up,
        ..Settings::of(&args.endpoint)
    };
    runtime.block_on(args.scenario.run(&settings)).map_err(|failure| failure.to_string())
}

fn write(report: &Report, json: Option<&Path>) -> Result<(), String> {
    match json {
        Some(path) if path == Path::new("-") => {
            _ = writeln!(std::io::stdout(), "{}", report.json());
            return Ok(());
        }
        Some(path) => {
            let written = std::fs::write(path, report.json());
            written.map_err(|error| format!("{}: {error}", path.display()))?;
        }
        None => {}
    }
    _ = write!(std::io::stdout(), "{report}");
    Ok(())
}

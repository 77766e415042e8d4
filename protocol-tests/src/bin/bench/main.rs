//! `bench`: measures longhaul, tusd and the bare sinks under the same load, in turns, and prints the tables.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use protocol_tests::bench::{self, Options, tables};

use tus_lab::open_files::allow_open_files;

/// Measures longhaul, tusd and the sinks in turns, and prints the tables.
#[derive(Debug, Parser)]
#[command(
    name = "bench",
    version,
    after_help = "\
Exit status: 0 if every request was answered as it should be, 1 if not, 2 if there was no run. A goal that is missed \
is no failure."
)]
struct Args {
    /// The program tus-lab, which makes the load and is the sinks
    #[arg(long, value_name = "FILE")]
    tus_lab: PathBuf,
    /// The program longhaul
    #[arg(long, value_name = "FILE")]
    longhaul: PathBuf,
    /// The released tusd; left out without it
    #[arg(long, value_name = "FILE")]
    tusd: Option<PathBuf>,
    /// tusd's handler with its locks in memory; left out without it
    #[arg(long, value_name = "FILE")]
    tusd_mem: Option<PathBuf>,
    /// PostgreSQL, Redis and versitygw are here; the works with an object store are left out without them
    #[arg(long)]
    cloud: bool,
    /// nginx; left out without it
    #[arg(long, value_name = "FILE")]
    nginx: Option<PathBuf>,
    /// Where the servers' folders are made and removed: on the disk that counts
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// Less of everything
    #[arg(long)]
    quick: bool,
    /// Only the works whose names begin like this; may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// How often each server is measured
    #[arg(long, value_name = "N")]
    repetitions: Option<usize>,
    /// Write every single report, a line of JSON each
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    allow_open_files();
    match measure(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(why) => {
            _ = writeln!(std::io::stderr(), "bench: {why}");
            ExitCode::from(2)
        }
    }
}

async fn measure(args: Args) -> Result<bool, String> {
    fs::create_dir_all(&args.folder).map_err(|error| format!("{}: {error}", args.folder.display()))?;
    let options = Options {
        lab: args.tus_lab,
        longhaul: args.longhaul,
        tusd: args.tusd,
        tusd_mem: args.tusd_mem,
        has_cloud: args.cloud,
        nginx: args.nginx,
        folder: args.folder,
        quick: args.quick,
        only: args.only,
        repetitions: args.repetitions,
    };
    let results = bench::run(&options, |line| _ = writeln!(std::io::stderr(), "{line}")).await?;
    if let Some(path) = args.json {
        let written = fs::write(&path, results.json_lines());
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    _ = write!(std::io::stdout(), "{}", tables(&results));
    Ok(results.is_good())
}

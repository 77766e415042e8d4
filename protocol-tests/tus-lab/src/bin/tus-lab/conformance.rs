use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use tus_lab::conformance::{self, Level, Options, Outcome, Pattern, Report};

use crate::arguments::{header, pair};

/// The end of the help text.
const STATUS: &str = "\
Every case has an id, the section that it cites, and a level: MUST and SHOULD are the text's own \
words, ROBUST is what real traffic brings. A case whose extension is not offered in the answer to \
OPTIONS is skipped; where the text leaves room the case passes with a remark.

Exit status:
  0  no case failed on the chosen level or a weightier one
  1  one did: MUST with --level must, also SHOULD with --level should, any with --level robust
  2  there was nothing to test, or a report could not be written";

/// The arguments of `tus-lab conformance`.
#[derive(Debug, clap::Args)]
#[command(after_help = STATUS)]
pub(crate) struct Args {
    /// The URL where uploads are created, for example http://127.0.0.1:1080/files/
    #[arg(long, value_name = "URL")]
    endpoint: String,
    /// A header for every request; may be repeated
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// A pair for the Upload-Metadata of every creation, the value as plain text; may be repeated
    #[arg(long = "metadata", value_name = "KEY VALUE", value_parser = pair)]
    metadata: Vec<String>,
    /// Write the report as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the report as JUnit's XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// What counts as a failure: `must` only what the text demands, `should` also what it
    /// recommends, `robust` also lost bytes, hangs and breakdowns that it does not speak of
    #[arg(long, value_enum, default_value_t = Chosen::Robust)]
    level: Chosen,
    /// Only the cases of this id, or whose ids begin like this; `*` stands for anything; may be
    /// repeated
    #[arg(long, value_name = "ID")]
    only: Vec<String>,
    /// How long a case may last before it counts as a hang; after five hangs the rest is skipped
    #[arg(long, value_name = "SECS", default_value_t = 20)]
    timeout: u64,
    /// Print only the summary by section, as Markdown, and what failed
    #[arg(long)]
    summary: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Chosen {
    Must,
    Should,
    Robust,
}

impl From<Chosen> for Level {
    fn from(chosen: Chosen) -> Self {
        match chosen {
            Chosen::Must => Self::Must,
            Chosen::Should => Self::Should,
            Chosen::Robust => Self::Robust,
        }
    }
}

/// Runs the cases and reports: 0 if nothing failed on the chosen level, 1 if something did, 2 if
/// there was nothing to test or no place for the report.
pub(crate) async fn run(args: Args) -> ExitCode {
    let options = Options {
        endpoint: args.endpoint.clone(),
        headers: args.headers.clone(),
        metadata: (!args.metadata.is_empty()).then(|| args.metadata.join(",")),
        only: args.only.iter().map(|only| Pattern::new(only)).collect(),
        bound: Duration::from_secs(args.timeout),
    };
    let mut section = "";
    let progress = |outcome: &Outcome| {
        if !args.summary {
            say(&heading(outcome, &mut section));
        }
    };
    let report = match conformance::run(&options, progress).await {
        Ok(report) => report,
        Err(error) => return complain(&error.to_string()),
    };
    match publish(&args, &report) {
        Ok(()) if report.failures(args.level.into()).next().is_none() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => complain(&error),
    }
}

/// The outcome's line, below the name of its section where that begins.
fn heading(outcome: &Outcome, section: &mut &'static str) -> String {
    if *section == outcome.section.name {
        return outcome.line();
    }
    *section = outcome.section.name;
    outcome.heading() + &outcome.line()
}

fn publish(args: &Args, report: &Report) -> Result<(), String> {
    if args.summary {
        say(&report.summary());
        for outcome in report.failures(Level::Robust) {
            say(&outcome.line());
        }
    }
    say(&ending(report));
    let level = args.level.into();
    write(args.json.as_deref(), || report.json())?;
    write(args.junit.as_deref(), || report.junit(level))
}

fn ending(report: &Report) -> String {
    let counts = report.counts();
    let compared = if report.bytes_compared {
        "bytes were read back with GET and compared"
    } else {
        "GET gives no bytes back, so only offsets were compared"
    };
    format!(
        "\n{} cases in {:.1} s against {}; {compared}\n\
         passed {} ({} with a note), failed {} MUST, {} SHOULD, {} ROBUST, skipped {}\n",
        report.outcomes.len(),
        report.took.as_secs_f64(),
        report.endpoint,
        counts.passed,
        counts.noted,
        counts.failed_must,
        counts.failed_should,
        counts.failed_robust,
        counts.skipped
    )
}

fn write(path: Option<&Path>, text: impl FnOnce() -> String) -> Result<(), String> {
    let Some(path) = path else {
        return Ok(());
    };
    fs::write(path, text()).map_err(|error| format!("{} could not be written: {error}", path.display()))
}

/// Prints a text. If standard output is closed, the run goes on, because the exit status still tells the
/// result.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(what: &str) -> ExitCode {
    _ = writeln!(io::stderr(), "tus-lab: {what}");
    ExitCode::from(2)
}

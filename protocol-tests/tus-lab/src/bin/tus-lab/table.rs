use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use tus_lab::{conformance, disconnect};

/// The arguments of `tus-lab table`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A name for the server, and the file that `conformance --json` or `disconnect --json` wrote about it
    #[arg(required = true, value_name = "NAME=FILE", value_parser = named)]
    reports: Vec<(String, PathBuf)>,
}

/// Prints the tables: 0 if it could, 2 if a report could not be read.
pub(crate) fn run(args: &Args) -> ExitCode {
    let tables = read(args, conformance::Record::read).map(|reports| conformance::side_by_side(&reports));
    let tables = tables.or_else(|why| {
        let reports = read(args, disconnect::Record::read).map_err(|_| why)?;
        Ok(disconnect::side_by_side(&reports))
    });
    let printed = tables.and_then(|tables| {
        let printed = io::stdout().lock().write_all(tables.as_bytes());
        printed.map_err(|error| format!("standard output could not be written: {error}"))
    });
    match printed {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            _ = writeln!(io::stderr(), "tus-lab: {what}");
            ExitCode::from(2)
        }
    }
}

/// Reads all reports, which have to be of the same kind.
fn read<R>(args: &Args, of: impl Fn(&str) -> serde_json::Result<R>) -> Result<Vec<(String, R)>, String> {
    let read = |(name, path): &(String, PathBuf)| {
        let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let json = fs::read_to_string(path).map_err(|error| unreadable(&error))?;
        Ok((name.clone(), of(&json).map_err(|error| unreadable(&error))?))
    };
    args.reports.iter().map(read).collect()
}

/// Splits `NAME=FILE` at the last equals sign, because names may contain some.
fn named(text: &str) -> Result<(String, PathBuf), String> {
    let (name, path) = text.rsplit_once('=').ok_or("a report is NAME=FILE")?;
    Ok((name.to_owned(), PathBuf::from(path)))
}

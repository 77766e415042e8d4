//! Tests that are left out where the machine lacks a program.

use std::env;
use std::io::Write;
use std::panic::Location;

/// Whether this machine has to do without `what`. If so, the test has nothing to do: the place where it is
/// left out is printed, past the runner's capture.
///
/// `protocol-tests/run` names in `LONGHAUL_WITHOUT` the programs that it could neither find nor install.
/// Nothing else leaves a test out: without the variable, a test whose program is missing fails.
#[must_use]
#[track_caller]
pub fn left_out(what: &str) -> bool {
    let missing = env::var("LONGHAUL_WITHOUT").unwrap_or_default();
    let is_missing = missing.split_whitespace().any(|name| name == what);
    if is_missing {
        let line = format!("LEFT OUT, as there is no {what} here: {}\n", Location::caller());
        _ = std::io::stderr().write_all(line.as_bytes());
    }
    is_missing
}

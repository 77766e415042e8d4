//! What a test leaves out where the machine lacks something.

use std::env;
use std::io::Write;
use std::panic::Location;

/// Whether this machine has to do without `what`. Then it is said, past the runner's capture, where something
/// is left out for that, and the test has nothing to do there.
///
/// `protocol-tests/run` names in `LONGHAUL_WITHOUT` what it could neither find nor install. Nothing else
/// leaves a test out: started without it, a test fails for what it does not find.
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

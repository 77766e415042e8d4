use std::env;
use std::io::Write;

/// Whether this machine has to do without `what`. Then it is said, past the runner's capture, which test that
/// concerns, and the test has nothing to do.
///
/// `protocol-tests/run` names in `LONGHAUL_WITHOUT` what it could neither find nor install. Nothing else leaves a
/// test out: started without it, a test fails for what it does not find.
#[must_use]
pub fn left_out(what: &str) -> bool {
    let missing = env::var("LONGHAUL_WITHOUT").unwrap_or_default();
    let is_missing = missing.split_whitespace().any(|name| name == what);
    if is_missing {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        _ = writeln!(std::io::stderr(), "LEFT OUT, as there is no {what} here: {test}");
    }
    is_missing
}

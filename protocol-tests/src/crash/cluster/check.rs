//! What `longhaul check` says of the database and the bucket.

use std::path::Path;
use std::time::Duration;

use harness::cluster::Place;
use harness::server::run_binary_to_its_end;

/// How long the check may take, which reads every byte, before that counts as a hang.
const HANG: Duration = Duration::from_secs(600);
/// What a kill may leave by design, as the check says it.
const LEFT: [&str; 2] = ["it is garbage from now on", "a server frees them within hours"];

/// Has the server check everything, and make garbage of what a kill left. What it might still get a row for
/// is made old before, as no client is at work.
///
/// # Panics
/// When it finds anything else.
pub(super) async fn check(place: &Place, longhaul: &Path) {
    place.age_what_no_row_names();
    let settings = place.settings();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let arguments = [&["check", "--deep", "--repair"], &settings[..]].concat();
    let outcome = run_binary_to_its_end(longhaul, &arguments, &Place::CREDENTIALS, HANG).await;
    let notes = outcome.log.lines().filter(|line| line.starts_with("note: "));
    let others: Vec<_> = notes.filter(|note| !LEFT.iter().any(|left| note.ends_with(left))).collect();
    assert!(outcome.status.success() && others.is_empty(), "longhaul check: {outcome}");
}

use std::sync::Arc;
use std::time::Instant;

use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};

/// How many times a second the work is done, and its tally. It is first done uncounted for the same time,
/// because a server is quicker in its first moments; the tally has the uncounted uploads, too.
pub(super) async fn counted(
    subject: &Arc<Subject>,
    secs: f64,
    clients: u64,
    work: impl AsyncWork + Clone + Send + 'static,
) -> (f64, Tally) {
    let pace = || Pace { count: u64::MAX, secs, clients };
    let mut all = at_pace(subject, &pace(), work.clone()).await;
    let started = Instant::now();
    let tally = at_pace(subject, &pace(), work).await;
    let per_sec = tally.requests as f64 / started.elapsed().as_secs_f64();
    all.add(tally);
    (per_sec, all)
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::decision::Ask;
use super::fault::{Scene, Way};
use super::matrix::{Row, rows};
use super::outcome::{Bytes, Course, End, Outcome, Verdict};
use super::parallel;
use super::report::Report;
use super::rogue;
use super::run::Run;
use super::session::Session;
use super::settings::{BOUND, Settings};
use super::sight::Sight;
use super::subject::{CouldNotRun, Subject};
use super::verify::{claims, compare};
use crate::content::Content;

/// How long cleaning up after a row may take. It is only a courtesy.
const TIDYING: Duration = Duration::from_secs(10);

/// Runs the chosen rows, some at a time, and calls `seen` with each outcome.
///
/// # Errors
/// When there is no server, when an upload without trouble fails, or when the server goes away.
///
/// # Panics
/// When the system has no random bytes.
pub async fn run(settings: Settings, mut seen: impl FnMut(&Outcome)) -> Result<Report, CouldNotRun> {
    let is_meant = |row: &Row| settings.only.iter().any(|pattern| pattern.matches(&row.to_string()));
    let chosen: Vec<_> = rows().into_iter().filter(is_meant).collect();
    if chosen.is_empty() {
        return Err(CouldNotRun::NothingChosen);
    }
    let started = Instant::now();
    let subject = Subject::discover(&settings).await?;
    let content = Content::random(settings.shape.size);
    let mark = getrandom::u64().expect("the system has random bytes");
    let run = Arc::new(Run { settings, subject, content, mark });
    let sight = look(&run).await?;
    let mut outcomes = play_all(&run, &sight, chosen, &mut seen).await?;
    outcomes.sort_by_key(|(number, _)| *number);
    let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome).collect();
    Ok(Report::new(&run.settings, &sight, outcomes, started.elapsed()))
}

/// Finds out with an upload without trouble whether uploads succeed at all, and where their bytes can be
/// read.
async fn look(run: &Run) -> Result<Sight, CouldNotRun> {
    // A user who names a folder may have a reason against GET, so it is not sent then.
    let sight = run.settings.folder.clone().map_or(Sight::Get, Sight::Folder);
    let course = play(run, &sight, Row::CALM, "calm".to_owned()).await.map_err(CouldNotRun::NotEvenCalm)?;
    if !run.subject.is_there().await {
        return Err(CouldNotRun::Gone(Row::CALM));
    }
    match (course.end, course.bytes) {
        (End::GaveUp(why), _) => Err(CouldNotRun::NotEvenCalm(why)),
        (End::TimedOut, _) => Err(CouldNotRun::NotEvenCalm("it took too long".to_owned())),
        // Other bytes from GET are no proof of corruption: it may give a page about the upload.
        (End::Finished, Bytes::Different(_) | Bytes::NotChecked(_)) if sight == Sight::Get => Ok(Sight::None),
        (End::Finished, _) => Ok(sight),
    }
}

async fn play_all(
    run: &Arc<Run>,
    sight: &Sight,
    chosen: Vec<Row>,
    seen: &mut impl FnMut(&Outcome),
) -> Result<Vec<(usize, Outcome)>, CouldNotRun> {
    let room = Arc::new(Semaphore::new(run.settings.jobs.max(1)));
    let mut playing = JoinSet::new();
    for (number, row) in chosen.into_iter().enumerate() {
        let (run, sight, room) = (Arc::clone(run), sight.clone(), Arc::clone(&room));
        playing.spawn(async move {
            let _turn = room.acquire().await.expect("it is never closed");
            let result = match row.way.extension().filter(|extension| !run.subject.offers(extension)) {
                Some(missing) => Err(format!("{missing} is not offered")),
                None => play(&run, &sight, row, number.to_string()).await,
            };
            (number, Outcome { row, result })
        });
    }
    let mut outcomes = Vec::new();
    while let Some(outcome) = playing.join_next().await {
        let outcome = outcome.expect("a row does not panic");
        seen(&outcome.1);
        if outcome.1.verdict() == Verdict::Unfinished && !run.subject.is_there().await {
            return Err(CouldNotRun::Gone(outcome.1.row));
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Plays one row; an error tells why the row counts as skipped.
async fn play(run: &Run, sight: &Sight, row: Row, name: String) -> Result<Course, String> {
    let started = Instant::now();
    let mut session = Session::new(run, row, format!("{:016x}-{name}", run.mark)).await;
    let upload = async {
        match row.scene {
            Scene::Stock(_) if row.way == Way::Parallel => parallel::play(&mut session).await,
            Scene::Stock(_) => session.drive(Ask::Create).await,
            Scene::Rogue(misdeed) => rogue::play(&mut session, misdeed).await,
        }
    };
    let end = timeout(BOUND, upload).await.unwrap_or(End::TimedOut);
    let took = started.elapsed();
    if end == End::Finished && !session.is_over_it() {
        return Err("the trouble never came".to_owned());
    }
    let bytes = look_at_bytes(run, sight, &session, &end).await;
    let (uploads, ledger) = (count_uploads(run, &session).await, &session.ledger);
    let course = Course {
        end,
        bytes,
        sent_again: ledger.sent_again(),
        went_on: ledger.went_on(),
        starts_again: ledger.starts_again(),
        uploads,
        may_be_more: ledger.is_unsure,
        requests: ledger.requests,
        took,
    };
    _ = timeout(TIDYING, tidy(run, &session)).await;
    Ok(course)
}

/// Compares the server's bytes, and the offset that it tells, with the content.
async fn look_at_bytes(run: &Run, sight: &Sight, session: &Session<'_>, end: &End) -> Bytes {
    let size = run.settings.shape.size;
    let Some(path) = session.upload.as_deref() else {
        return Bytes::NotChecked("there is no upload".to_owned());
    };
    match claims(run, path).await {
        Some(offset) if offset > size || (*end == End::Finished && offset != size) => {
            Bytes::Different(format!("HEAD says {offset} of {size} bytes"))
        }
        _ if *end == End::Finished => compare(run, sight, path).await,
        _ => Bytes::NotChecked("it did not finish".to_owned()),
    }
}

/// How many of the uploads that were created still exist.
async fn count_uploads(run: &Run, session: &Session<'_>) -> u64 {
    let mut count = 0;
    for path in &session.ledger.uploads {
        count += u64::from(claims(run, path).await.is_some());
    }
    count
}

async fn tidy(run: &Run, session: &Session<'_>) {
    if !run.subject.offers("termination") {
        return;
    }
    for path in session.ledger.uploads.iter().chain(&session.ledger.parts) {
        _ = run.subject.request(run.subject.endpoint.address, "DELETE", path).try_send().await;
    }
}

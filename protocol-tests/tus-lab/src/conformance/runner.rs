use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench::Bench;
use super::case::{Case, Section};
use super::cases::SECTIONS;
use super::options::Options;
use super::report::{Outcome, Report};
use super::subject::{CouldNotRun, Subject};
use super::verdict::Verdict;

/// How long cleaning up after a case may take. It is only a courtesy.
const TIDYING: Duration = Duration::from_secs(10);

/// How long a server may be away after a case before it counts as broken down.
const AWAY: Duration = Duration::from_secs(5);

/// After this many hangs the other cases are skipped, so that a run ends within minutes.
const HANGS: usize = 5;

/// Runs the chosen cases one after another, and calls `seen` with each outcome.
///
/// # Errors
/// When there is no server, or it refuses the credentials.
pub async fn run(options: &Options, mut seen: impl FnMut(&Outcome)) -> Result<Report, CouldNotRun> {
    let chosen: Vec<_> = SECTIONS
        .iter()
        .flat_map(|section| section.cases.iter().map(move |case| (*section, case)))
        .filter(|(_, case)| options.chooses(case.id))
        .collect();
    if chosen.is_empty() {
        return Err(CouldNotRun::NothingChosen);
    }
    let started = Instant::now();
    let mut run = Run::of(Arc::new(look_at(options).await?), options.bound);
    let mut outcomes = Vec::new();
    for (section, case) in chosen {
        let outcome = run.judge(section, case).await;
        seen(&outcome);
        outcomes.push(outcome);
    }
    Ok(Report::new(options, &run.subject, outcomes, started.elapsed()))
}

/// Finds out what the server offers, whether it accepts the credentials, and whether it gives bytes back.
async fn look_at(options: &Options) -> Result<Subject, CouldNotRun> {
    let subject = Subject { gives_bytes_back: true, ..Subject::discover(options).await? };
    let bench = Bench::new(Arc::new(subject.clone()));
    let gives_bytes_back = match tokio::time::timeout(options.bound, probe(&bench)).await {
        Ok(Ok(gives)) => gives,
        Ok(Err(status)) => return Err(CouldNotRun::Unauthorized(status)),
        Err(_) => false,
    };
    _ = tokio::time::timeout(TIDYING, bench.tidy()).await;
    if !is_there(&subject).await {
        let error = io::Error::other("the server went away while it was looked at");
        return Err(CouldNotRun::Unreachable(error));
    }
    Ok(Subject { gives_bytes_back, ..subject })
}

/// Makes a small upload and reads it; a status that asks for credentials is an error.
async fn probe(bench: &Bench) -> Result<bool, u16> {
    if !bench.subject.offers("creation") {
        return Ok(false);
    }
    let Ok(answer) = bench.ask(bench.creation(5)).await else {
        return Ok(false);
    };
    if matches!(answer.status, 401 | 403) {
        return Err(answer.status);
    }
    let reading = async {
        let upload = bench.located(&answer).await?;
        bench.fill(&upload, 0, b"hello").await?;
        bench.expect_bytes(&upload, b"hello").await
    };
    Ok(reading.await.is_ok())
}

/// The state of a run.
struct Run {
    subject: Arc<Subject>,
    bound: Duration,
    hung: usize,
    gone: bool,
}

impl Run {
    fn of(subject: Arc<Subject>, bound: Duration) -> Self {
        Self { subject, bound, hung: 0, gone: false }
    }

    async fn judge(&mut self, section: &'static Section, case: &'static Case) -> Outcome {
        let started = Instant::now();
        let verdict = match self.hindrance(section, case) {
            Some(why) => Verdict::Skip(why),
            None => self.attempt(case).await,
        };
        Outcome { section, case, verdict, took: started.elapsed() }
    }

    /// Why a case is skipped; none if it can be tried.
    fn hindrance(&self, section: &Section, case: &Case) -> Option<String> {
        let mut needs = section.needs.iter().chain(case.needs);
        match needs.find(|extension| !self.subject.offers(extension)) {
            Some(missing) => Some(format!("{missing} is not offered")),
            None if self.gone => Some("the server is gone".to_owned()),
            None if self.hung == HANGS => Some(format!("{HANGS} cases have hung before")),
            None => None,
        }
    }

    async fn attempt(&mut self, case: &Case) -> Verdict {
        let bench = Bench::new(Arc::clone(&self.subject));
        let verdict = match tokio::time::timeout(self.bound, (case.run)(&bench)).await {
            Ok(judged) => Verdict::from(judged).remarked(bench.remarks()),
            Err(_) => {
                self.hung += 1;
                Verdict::Fail(format!("it was not over after {} s", self.bound.as_secs()))
            }
        };
        let verdict = verdict.reworded(|text| bench.without_urls(text));
        _ = tokio::time::timeout(TIDYING, bench.tidy()).await;
        self.gone = !is_there(&self.subject).await;
        match self.gone {
            true => Verdict::Fail("afterwards the server does not answer OPTIONS any more".to_owned()),
            false => verdict,
        }
    }
}

/// Whether the server answers; a supervisor gets some time to restart it.
async fn is_there(subject: &Subject) -> bool {
    let answers = async || subject.request("OPTIONS", &subject.endpoint).try_send().await.is_ok();
    let asking = async {
        while !answers().await {
            tokio::time::sleep(super::bench::PAUSE).await;
        }
    };
    tokio::time::timeout(AWAY, asking).await.is_ok()
}

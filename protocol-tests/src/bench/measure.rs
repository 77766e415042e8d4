use std::time::Duration;

use super::instance::Instance;
use super::load::load;
use super::plan::{Course, Film, Work};
use super::{Options, Results, filled, film, killed, machine};
use tus_lab::load::Report;

/// How long the machine rests between two measurements.
const PAUSE: Duration = Duration::from_millis(100);

/// Measures one work with all its servers, as often as the plan says.
pub(super) async fn measure(
    options: &Options,
    work: &Work,
    results: &mut Results,
    progress: &mut impl FnMut(&str),
) -> Result<(), String> {
    let mut servers = Vec::new();
    for contender in work.contenders.iter().filter(|contender| contender.is_here(options)) {
        servers.push(Instance::start(options, *contender, work.flags).await?);
    }
    results.begin(work);
    let film = match work.film {
        Some(_) => Some(film::send(options, work, &mut servers).await?),
        None => None,
    };
    for server in servers.iter().filter(|_| !work.warm_up.is_empty() && film.is_none()) {
        let report = load(options, work, server, &work.warm_up, server.contender.gives_back()).await?;
        results.add_warm_up(work.name, server.contender, &report);
    }
    for repetition in 0..options.repetitions.unwrap_or(work.repetitions) {
        let first = repetition % servers.len().max(1);
        let (late, early) = servers.split_at_mut(first);
        for server in early.iter_mut().chain(late) {
            settle(options).await?;
            if let (Some(Film::Cold), Some(film)) = (work.film, &film) {
                film::forget(film)?;
            }
            tokio::time::sleep(PAUSE).await;
            let mut report = run(options, work, server).await?;
            if work.restart {
                server.kill(0).await?;
                let start_secs = server.start_again(options, 0).await?;
                report.extra.insert("start_secs".to_owned(), start_secs);
            }
            progress(&line(work, server, &report));
            results.add(work.name, server.contender, repetition, report);
        }
    }
    for server in servers {
        server.end(options).await?;
    }
    Ok(())
}

/// Puts a server through the work once, and counts what goes over loopback meanwhile if it has a bucket.
async fn run(options: &Options, work: &Work, server: &mut Instance) -> Result<Report, String> {
    let before = machine::loopback_bytes();
    let mut report = match work.course {
        Course::Load => load(options, work, server, &work.scenario, false).await?,
        Course::Filled(records) => filled::measure(options, work, server, records).await?,
        Course::Killed(times) => killed::measure(options, work, server, times).await?,
    };
    if server.contender.has_bucket() {
        let bytes = machine::loopback_bytes().saturating_sub(before);
        report.extra.insert("loopback_bytes".to_owned(), bytes as f64);
    }
    Ok(report)
}

/// Writes the dirty pages of the server before to the disk: otherwise the next server's syncs would pay for
/// them.
async fn settle(options: &Options) -> Result<(), String> {
    let folder = options.folder.clone();
    let sync = move || std::fs::File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    let synced = tokio::task::spawn_blocking(sync).await.map_err(|error| error.to_string())?;
    synced.map_err(|error| format!("{}: {error}", options.folder.display()))
}

fn line(work: &Work, server: &Instance, report: &Report) -> String {
    let busy = Results::share_of_others(report) * 100.0;
    let mut line = format!(
        "{:14} {:30} {:10.0} requests/s {:8.0} MiB/s, others {busy:.0} %",
        work.name,
        server.contender.name(),
        report.requests_per_sec,
        report.mib_per_sec
    );
    for (failure, count) in &report.failures {
        line += &format!("; FAILED {count} times: {failure}");
    }
    line
}

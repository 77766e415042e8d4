use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::film::{self, Film};
use super::instance::Instance;
use super::plan::{Place, Work};
use super::{Options, Results};
use tus_lab::load::Report;

/// How long a measurement may take before it counts as hung; a million messages take some minutes.
const BOUND: Duration = Duration::from_secs(1800);

/// The load's flag that makes an upload count as done only when it is a message.
const UNTIL_MESSAGE: &str = "--until-header=Chat-Message-Id";

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
            let mut report = load(options, work, server, &work.scenario, false).await?;
            if work.restart {
                server.restart(options).await?;
                report.extra.insert("start_secs".to_owned(), server.start_secs);
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

/// Writes the dirty pages of the server before to the disk: otherwise the next server's syncs would pay for
/// them.
async fn settle(options: &Options) -> Result<(), String> {
    let folder = options.folder.clone();
    let sync = move || std::fs::File::open(folder).and_then(|folder| Ok(rustix::fs::syncfs(folder)?));
    let synced = tokio::task::spawn_blocking(sync).await.map_err(|error| error.to_string())?;
    synced.map_err(|error| format!("{}: {error}", options.folder.display()))
}

/// Puts one server under load, from a process of its own, whose memory and CPU time are its alone.
pub(super) async fn load(
    options: &Options,
    work: &Work,
    server: &Instance,
    scenario: &str,
    verify: bool,
) -> Result<Report, String> {
    let endpoint = match work.place {
        Place::Plain => server.plain(),
        Place::Bound => server.bound(),
        Place::Form => server.form(),
    };
    let mut command = Command::new(&options.lab);
    command.args(["load", "--json", "-", "--endpoint", &endpoint]);
    command.args(server.pid().map(|pid| format!("--pid={pid}")));
    command.args(server.token().map(|token| format!("--header=Authorization: Bearer {token}")));
    command.args(work.clean_up.then_some("--clean-up")).args(verify.then_some("--verify"));
    command.args(scenario.split_whitespace()).args(extra(work, server, scenario));
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(BOUND, output).await;
    let output = output.map_err(|_| format!("{}: not done within {BOUND:?}", work.name))?;
    let output = output.map_err(|error| format!("{}: {error}", options.lab.display()))?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let why = String::from_utf8_lossy(&output.stderr);
        format!("{}, {}: {}", work.name, server.contender.name(), why.trim())
    })
}

/// The further arguments of a scenario at a server that makes messages.
fn extra(work: &Work, server: &Instance, scenario: &str) -> Vec<String> {
    if let (true, Some(film)) = (scenario.starts_with("read"), &server.film) {
        return vec![format!("--path={film}")];
    }
    let (Some(conversation), Some(listener)) = (&server.conversation, server.listener()) else {
        return Vec::new();
    };
    match scenario.split_whitespace().next() {
        Some("tiny") if work.place == Place::Bound => vec![UNTIL_MESSAGE.to_owned()],
        Some("oneshot") => vec![format!("--field=conversation_id={conversation}")],
        Some("uploads") => vec![UNTIL_MESSAGE.to_owned()],
        Some("announce") => {
            let auth = json!({"token": listener});
            vec![format!("--auth={auth}"), "--event=new_message".to_owned(), "--key=upload_id".to_owned()]
        }
        _ => Vec::new(),
    }
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

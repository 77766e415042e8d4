use std::iter::{once, repeat};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::process::Command;

use super::Options;
use super::instance::Instance;
use super::plan::{Place, Work};
use tus_lab::load::Report;

/// How long a measurement may take before it counts as hung; a million messages take some minutes.
const BOUND: Duration = Duration::from_secs(1800);

/// The load's flag that makes an upload count as done only when it is a message.
const UNTIL_MESSAGE: &str = "--until-header=Chat-Message-Id";

/// Puts one server under load, from a process of its own, whose memory and CPU time are its alone.
pub(super) async fn load(
    options: &Options,
    work: &Work,
    server: &Instance,
    scenario: &str,
    verify: bool,
) -> Result<Report, String> {
    let mut command = Command::new(&options.lab);
    command.args(["load", "--json", "-"]);
    let options_of_urls = once("--endpoint").chain(repeat("--also"));
    for (option, url) in options_of_urls.zip(server.endpoints(work.place)) {
        command.args([option, &url]);
    }
    command.args(server.pids().map(|pid| format!("--pid={pid}")));
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
    if let (true, Some(paths)) = (scenario.starts_with("records"), &server.records) {
        return vec![format!("--among={}", paths.display())];
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

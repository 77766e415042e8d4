//! `tus-lab disconnect` passes a correct server, and finds the faults of a wrong one.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tus_lab::conformance::Pattern;
use tus_lab::disconnect::{CouldNotRun, Outcome, Report, Settings, Shape, Verdict, run};
use tus_lab::http::Request;
use tus_lab::note::note;
use tus_lab::wait;

mod tiny;

use tiny::{Late, Tiny};

const MIB: u64 = 1 << 20;

/// Settings for these rows, with short waits.
fn settings(endpoint: String, only: &[&str]) -> Settings {
    Settings {
        shape: Shape { size: 2 * MIB },
        only: only.iter().map(|pattern| Pattern::new(pattern)).collect(),
        jobs: 16,
        delay_factor: 0.3,
        ..Settings::of(endpoint)
    }
}

async fn report(settings: Settings) -> Report {
    let report = run(settings, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    note(report.table());
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_appends_late_bytes_is_found_guilty() {
    let tiny = Tiny::start(Late::Appended).await;
    let report = report(settings(tiny.endpoint(), &["rogue/*/late-*", "stock/one-patch/*/nothing"])).await;
    assert!(!report.is_good());
    let corrupted: BTreeSet<_> = report
        .outcomes
        .iter()
        .filter(|outcome| outcome.verdict() == Verdict::Corrupted)
        .map(|outcome| outcome.row.to_string())
        .collect();
    let expected = ["late-after", "late-between", "late-during"];
    assert_eq!(corrupted, expected.map(|misdeed| format!("rogue/one-patch/50%/{misdeed}")).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_waits_for_dead_connections_is_found_guilty() {
    let tiny = Tiny::start(Late::Locked).await;
    let rows = ["stock/one-patch/50%/fin", "stock/one-patch/50%/reset", "stock/one-patch/50%/vanish"];
    let report = report(settings(tiny.endpoint(), &rows)).await;
    let verdicts: Vec<_> = report.outcomes.iter().map(Outcome::verdict).collect();
    assert_eq!(verdicts, [Verdict::Good, Verdict::Good, Verdict::Unfinished]);
    assert!(!report.is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_server_without_that_flaw_is_not() {
    let tiny = Tiny::start(Late::Refused).await;
    let rows = ["rogue/*", "stock/*/50%/reset", "stock/*/50%/vanish", "stock/*/last-answer/lose-answer"];
    let report = report(settings(tiny.endpoint(), &rows)).await;
    assert!(report.is_good());
    let skipped = report.outcomes.iter().filter(|outcome| outcome.verdict() == Verdict::Skipped);
    assert!(skipped.count() > 0, "what it does not offer is left out");
}

#[tokio::test]
async fn without_a_server_there_is_no_run() {
    let tiny = Tiny::start(Late::Refused).await;
    let endpoint = tiny.endpoint();
    drop(tiny);
    let answer = run(settings(endpoint, &["*"]), |_| {}).await;
    assert!(matches!(answer, Err(CouldNotRun::Unreachable(_))), "{answer:?}");
}

/// The program itself, as a command.
fn tus_lab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tus-lab"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    command
}

async fn disconnect(endpoint: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let arguments =
        [&["disconnect", "--endpoint", endpoint, "--size", "256KiB", "--delays", "0.1"], arguments];
    let output = wait::bounded("tus-lab ends", tus_lab(&arguments.concat()).output()).await;
    let Output { status, stdout, .. } = output.expect("tus-lab can be started");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

#[tokio::test]
async fn the_exit_status_says_what_was_found() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (json, junit) = (path("report.json"), path("report.xml"));
    let files = ["--only", "rogue/*/late-*", "--json", &json, "--junit", &junit];
    for (late, expected) in [(Late::Refused, 0), (Late::Appended, 1)] {
        let tiny = Tiny::start(late).await;
        let (code, printed) = disconnect(&tiny.endpoint(), &files).await;
        assert_eq!(code, Some(expected), "{printed}");
        assert_eq!(printed.contains("CORRUPTED"), expected == 1, "{printed}");
        let report = fs::read_to_string(&json).expect("the report was written");
        assert_eq!(report.contains("\"good\": true"), expected == 0, "{report}");
        let xml = fs::read_to_string(&junit).expect("the report was written");
        assert_eq!(xml.contains("failures=\"0\""), expected == 0, "{xml}");
    }
    assert_eq!(disconnect("http://127.0.0.1:1/files", &[]).await.0, Some(2));
    assert_eq!(disconnect("not a URL", &[]).await.0, Some(2));
}

#[tokio::test]
async fn the_proxy_alone_tells_what_it_does_and_ends_when_it_is_interrupted() {
    let tiny = Tiny::start(Late::Refused).await;
    let target = tiny.endpoint().trim_start_matches("http://").trim_end_matches("/files").to_owned();
    let mut child =
        tus_lab(&["proxy", "--target", &target, "--up", "reset@20", "--up", "bad-gateway:1ms@30"])
            .spawn()
            .expect("tus-lab can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let mut next =
        async || wait::bounded("a line", lines.next_line()).await.ok().flatten().unwrap_or_default();
    let address = next().await.strip_prefix("listening on http://").map(str::to_owned);
    let address = address.expect("the first line tells the address").parse().expect("it is one");
    let request = Request::new(address, "OPTIONS", "/files");
    assert!(request.clone().try_send().await.is_err());
    assert_eq!(request.clone().send().await.status, 502);
    let id = child.id().expect("it runs");
    kill_process(Pid::from_raw(id.cast_signed()).expect("it is not zero"), Signal::INT).expect("it is ours");
    let status = wait::bounded("the proxy ends", child.wait()).await.expect("it is ours");
    assert!(status.success(), "{status}");
    let mut said = String::new();
    while let line = next().await
        && !line.is_empty()
    {
        said += &line;
    }
    for part in ["#1 opened", "#1 cut (reset) after 20 bytes up", "#2 lost its server", "#2 answered 502"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

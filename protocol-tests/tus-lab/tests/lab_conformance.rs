//! `tus-lab conformance` finds no fault in a correct server, and exactly the faults of a wrong one.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tus_lab::conformance::{CouldNotRun, Level, Options, Pattern, Report, Verdict, run};
use tus_lab::note::note;
use tus_lab::wait;

mod wrong;

use wrong::{Wrong, WrongServer};

/// Options with a long bound: many tests share the machine, and slowness is no hang.
fn patient(endpoint: String) -> Options {
    Options { bound: Duration::from_secs(60), ..Options::of(endpoint) }
}

fn patterns(only: &[&str]) -> Vec<Pattern> {
    only.iter().map(|pattern| Pattern::new(pattern)).collect()
}

async fn report(options: &Options) -> Report {
    let report = run(options, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    note(report.table());
    report
}

fn failed(report: &Report) -> BTreeSet<&'static str> {
    report.failures(Level::Robust).map(|outcome| outcome.case.id).collect()
}

/// The cases that were not judged, but for those of extensions that are not offered.
fn skipped(report: &Report) -> BTreeSet<&'static str> {
    let skipped =
        |verdict: &Verdict| matches!(verdict, Verdict::Skip(reason) if !reason.ends_with("is not offered"));
    let outcomes = report.outcomes.iter().filter(|outcome| skipped(&outcome.verdict));
    outcomes.map(|outcome| outcome.case.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_flaws_passes_every_case_of_every_extension() {
    let server = WrongServer::start(&[]).await;
    let report = report(&patient(server.endpoint())).await;
    assert_eq!(failed(&report), BTreeSet::new());
    assert_eq!(skipped(&report), ["core.patch.timeout-closes"].into());
    assert_eq!(report.counts().skipped, 1);
}

/// The cases that a server with exactly these faults fails.
async fn found(wrongs: &[Wrong]) -> BTreeSet<&'static str> {
    let server = WrongServer::start(wrongs).await;
    failed(&report(&patient(server.endpoint())).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_of_the_core_are_found_and_nothing_else() {
    let wrongs = [
        Wrong::HidesVersions,
        Wrong::HeadTakesEveryVersion,
        Wrong::NeverOverrides,
        Wrong::Cacheable,
        Wrong::ConflictIsLocked,
        Wrong::TakesEveryType,
        Wrong::LossyMetadata,
        Wrong::WrapsNumbers,
        Wrong::MissingHasOffset,
        Wrong::LeadsOut,
    ];
    let expected = [
        "core.version.412-tells-versions",
        "core.version.head-412",
        "core.override.patch",
        "core.override.head",
        "core.override.delete",
        "core.override.any-method",
        "core.override.actual-ignored",
        "core.head.no-store",
        "core.head.missing-offset",
        "core.patch.content-type",
        "core.patch.no-content-type",
        "core.offset.ahead",
        "core.offset.behind",
        "core.offset.overflow",
        "creation.length-past-64-bits",
        "metadata.binary-value",
        "ids.traversal",
    ];
    assert_eq!(found(&wrongs).await, expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_of_the_extensions_are_found_and_nothing_else() {
    let wrongs = [
        Wrong::GoesPastTheLength,
        Wrong::HidesDeferral,
        Wrong::ChangesLength,
        Wrong::HidesExpiry,
        Wrong::KeepsMismatch,
        Wrong::IgnoresTrailers,
        Wrong::NeverDeletes,
        Wrong::JoinsInOtherOrder,
        Wrong::FinalIsConflict,
        Wrong::InheritsMetadata,
        Wrong::HidesUnfinished,
    ];
    let expected = [
        "core.override.delete",
        "core.patch.at-the-end",
        "defer.told",
        "defer.set-once",
        "defer.known-length-stays",
        "with-upload.too-long",
        "expiration.on-refused-patch",
        "checksum.mismatch-discards",
        "checksum.mismatch-at-the-end",
        "checksum.malformed",
        "checksum.chunked",
        "checksum.large",
        "trailer.mismatch",
        "trailer.mismatch-discards",
        "trailer.mismatch-at-the-end",
        "trailer.unsupported",
        "trailer.malformed",
        "trailer.large",
        "termination.then-head",
        "termination.then-patch",
        "termination.then-delete",
        "termination.then-get",
        "termination.while-sending",
        "concat.final-order",
        "concat.patch-403",
        "concat.metadata-apart",
        "concat.unfinished-announced",
        "bodies.too-long",
        "bodies.too-long-chunked",
    ];
    assert_eq!(found(&wrongs).await, expected.into());
}

#[tokio::test(flavor = "multi_thread")]
async fn late_bytes_that_are_kept_are_found() {
    let server = WrongServer::start(&[Wrong::KeepsLateBytes]).await;
    let options = Options { only: patterns(&["races.latecomer"]), ..patient(server.endpoint()) };
    assert_eq!(failed(&report(&options).await), ["races.latecomer"].into());
}

#[tokio::test]
async fn two_reports_about_the_same_server_differ_in_nothing_but_time() {
    let server = WrongServer::start(&[Wrong::Cacheable]).await;
    let options =
        Options { only: patterns(&["core.head", "creation", "concat"]), ..patient(server.endpoint()) };
    let timeless = async || {
        let json = report(&options).await.json();
        json.lines().filter(|line| !line.contains("\"took_secs\"")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(timeless().await, timeless().await);
}

#[tokio::test]
async fn without_a_server_or_a_case_there_is_no_run() {
    let away = run(&Options::of("http://127.0.0.1:1/files"), |_| {}).await;
    assert!(matches!(away, Err(CouldNotRun::Unreachable(_))), "{away:?}");
    let server = WrongServer::start(&[]).await;
    let options = Options { only: patterns(&["head"]), ..patient(server.endpoint()) };
    let nothing = run(&options, |_| {}).await;
    assert!(matches!(nothing, Err(CouldNotRun::NothingChosen)), "{nothing:?}");
}

/// Runs the program itself, and returns its exit status and output.
async fn tus_lab(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tus-lab"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = wait::bounded("tus-lab ends", command.output()).await;
    let Output { status, stdout, .. } = output.expect("tus-lab can be started");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned())
}

#[tokio::test]
async fn the_exit_status_follows_the_level() {
    let [must, should] = [&[Wrong::Cacheable][..], &[Wrong::TakesEveryType]];
    for (wrongs, level, expected) in [
        (must, "must", 1),
        (must, "robust", 1),
        (should, "must", 0),
        (should, "should", 1),
        (&[], "robust", 0),
    ] {
        let server = WrongServer::start(wrongs).await;
        let endpoint = server.endpoint();
        let arguments =
            ["conformance", "--endpoint", &endpoint, "--only", "core.head", "--only", "core.patch.c*"];
        let (code, printed) = tus_lab(&[&arguments[..], &["--level", level]].concat()).await;
        assert_eq!(code, Some(expected), "{wrongs:?} {level}: {printed}");
        assert!(
            printed.contains("core.head.no-store") && !printed.contains("core.patch.status"),
            "{printed}"
        );
    }
    assert_eq!(tus_lab(&["conformance", "--endpoint", "http://127.0.0.1:1/files"]).await.0, Some(2));
}

#[tokio::test]
async fn reports_are_written_and_put_side_by_side() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut reports = Vec::new();
    for (name, wrongs) in [("good", &[][..]), ("bad", &[Wrong::Cacheable])] {
        let server = WrongServer::start(wrongs).await;
        let endpoint = server.endpoint();
        let (json, junit) = (path(&format!("{name}.json")), path(&format!("{name}.xml")));
        let arguments = ["conformance", "--endpoint", &endpoint, "--only", "core.head"];
        tus_lab(&[&arguments[..], &["--json", &json, "--junit", &junit]].concat()).await;
        let xml = fs::read_to_string(&junit).expect("the report was written");
        assert_eq!(xml.contains("failures=\"0\""), wrongs.is_empty(), "{xml}");
        reports.push(format!("{name}={json}"));
    }
    let (code, printed) = tus_lab(&["table", &reports[0], &reports[1]]).await;
    assert_eq!(code, Some(0));
    for line in [
        "| 9 of 9 | 8 of 9 |",
        "| `core.head.no-store` | MUST |",
        "| pass | FAIL |",
        "- `core.head.no-store`, bad: ",
    ] {
        assert!(printed.contains(line), "{line}: {printed}");
    }
    assert_eq!(tus_lab(&["table", "none=/nowhere"]).await.0, Some(2));
}

//! longhaul passes `tus-lab conformance`.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::note::note;
use harness::server::{Server, Setup};
use harness::token::Token;
use tus_lab::conformance::{CouldNotRun, Level, Options, Pattern, Report, Verdict, run};

/// The options for our server: a token, and no metadata, which an upload without a conversation does not
/// need.
fn ours(server: &Server, only: &[&str]) -> Options {
    let token = Token::of("lab@example.com").mint();
    let authorization = ("Authorization".to_owned(), format!("Bearer {token}"));
    let endpoint = format!("{}/files", server.url());
    let only = only.iter().map(|pattern| Pattern::new(pattern)).collect();
    // Many tests share the machine: slowness is no hang.
    Options { headers: vec![authorization], only, bound: Duration::from_secs(60), ..Options::of(endpoint) }
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
async fn our_server_passes_every_case() {
    let server = Server::start().await;
    let report = report(&ours(&server, &[])).await;
    assert_eq!(failed(&report), BTreeSet::new());
    // Both cases wait for long times; the one about expiry has a server with short times below.
    assert_eq!(skipped(&report), ["core.patch.timeout-closes", "expiration.gone"].into());
    assert!(report.bytes_compared);
    assert_eq!(report.counts().skipped, 2, "every extension is offered");
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_our_server_expire_as_it_says() {
    let server = Setup::default().setting("--expire-after", 5).start().await;
    let report = report(&ours(&server, &["expiration"])).await;
    assert_eq!(failed(&report), BTreeSet::new());
    assert_eq!(skipped(&report), BTreeSet::new());
}

#[tokio::test]
async fn without_a_token_there_is_no_run() {
    let server = Server::start().await;
    let stranger = run(&Options { headers: Vec::new(), ..ours(&server, &[]) }, |_| {}).await;
    assert!(matches!(stranger, Err(CouldNotRun::Unauthorized(401))), "{stranger:?}");
}

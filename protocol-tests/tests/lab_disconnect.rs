//! `tus-lab disconnect` finds our server good, and a server that deserves it guilty.

use std::collections::BTreeSet;
use std::time::Duration;

use protocol_tests::lab::conformance::Pattern;
use protocol_tests::lab::disconnect::{CouldNotRun, Report, Settings, Shape, Verdict, run};
use protocol_tests::{Chat, Server, Token, note};

mod tiny;

use tiny::{Late, Tiny};

const MIB: u64 = 1 << 20;

/// A run of these rows, with short waits.
fn settings(endpoint: String, only: &[&str]) -> Settings {
    Settings {
        shape: Shape { size: 2 * MIB, seed: 5 },
        only: only.iter().map(|pattern| Pattern::new(pattern)).collect(),
        jobs: 16,
        delay_factor: 0.3,
        patience: Duration::from_secs(20),
        bound: Duration::from_secs(50),
        ..Settings::of(endpoint)
    }
}

/// An upload that belongs to no conversation needs nothing but a token.
fn ours(server: &Server, only: &[&str]) -> Settings {
    let token = Token::of("lab@example.com").mint();
    let authorization = ("Authorization".to_owned(), format!("Bearer {token}"));
    Settings { headers: vec![authorization], ..settings(format!("{}/files", server.url()), only) }
}

async fn report(settings: Settings) -> Report {
    let report = run(settings, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    note(report.list());
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_loses_nothing_to_a_bad_network() {
    let server = Server::start().await;
    let report = report(ours(
        &server,
        &["stock/*/fin", "stock/*/reset", "stock/*/vanish", "stock/*/lose-answer", "stock/*/bad-gateway"],
    ))
    .await;
    assert!(report.is_good());
    assert!(report.counts(true).good > 80, "{:?}", report.counts(true));
    assert_eq!(report.counts(true).skipped, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_waits_for_a_slow_network() {
    let server = Server::start().await;
    let report = report(ours(&server, &["stock/*/stall", "stock/*-line", "stock/*/nothing"])).await;
    assert!(report.is_good());
    assert!(report.counts(true).good > 20, "{:?}", report.counts(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_is_not_corrupted_by_a_client_that_does_not_behave() {
    let server = Server::start().await;
    let report = report(ours(&server, &["rogue/*"])).await;
    assert!(report.is_good());
    assert_eq!(report.counts(false).corrupted + report.counts(false).unchecked, 0);
}

#[ignore = "a body that ends early is answered 400, at which a stock client gives up for good"]
#[tokio::test(flavor = "multi_thread")]
async fn our_server_lets_a_client_go_on_whose_body_ended_early() {
    let server = Server::start().await;
    assert!(report(ours(&server, &["stock/*/half-close"])).await.is_good());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_named_creation_makes_no_second_upload() {
    let chat = Chat::start().await;
    let endpoint = format!("{}/conversations/{}/files", chat.server.url(), chat.conversation);
    let headers = vec![("Authorization".to_owned(), format!("Bearer {}", chat.alice.token))];
    let metadata = vec![("client_message_id".to_owned(), "{row}".to_owned())];
    let report =
        report(Settings { headers, metadata, ..settings(endpoint, &["stock/*/post-answer/*"]) }).await;
    assert!(report.is_good());
    let most = report.outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok()).map(|it| it.uploads);
    assert_eq!(most.max(), Some(1));
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

#[tokio::test]
async fn without_the_right_token_there_is_no_run() {
    let server = Server::start().await;
    let stranger = settings(format!("{}/files", server.url()), &["*"]);
    let answer = run(stranger, |_| {}).await;
    assert!(matches!(answer, Err(CouldNotRun::NotEvenCalm(_))), "{answer:?}");
}

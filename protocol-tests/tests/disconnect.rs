//! longhaul passes `tus-lab disconnect`.

use harness::chat::Chat;
use harness::note::note;
use harness::server::Server;
use harness::token::Token;
use tus_lab::conformance::Pattern;
use tus_lab::disconnect::{CouldNotRun, Fault, Moment, Report, Scene, Settings, Shape, Verdict, Way, run};

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

/// Settings for our server. Uploads without a conversation need only a token.
fn ours(server: &Server, only: &[&str]) -> Settings {
    let token = Token::of("lab@example.com").mint();
    let authorization = ("Authorization".to_owned(), format!("Bearer {token}"));
    Settings { headers: vec![authorization], ..settings(format!("{}/files", server.url()), only) }
}

async fn report(settings: Settings) -> Report {
    let report = run(settings, |_| {}).await.unwrap_or_else(|error| panic!("{error}"));
    note(report.table());
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn our_server_passes_the_whole_matrix() {
    let server = Server::start().await;
    let report = report(ours(&server, &["*"])).await;
    assert!(report.is_good());
    assert!(report.counts(true).good > 160, "{:?}", report.counts(true));
    for outcome in &report.outcomes {
        let (row, verdict) = (outcome.row, outcome.verdict());
        // A rogue client may be refused, and so may one whose body ended early.
        let may_fail = !row.is_stock() || row.scene == Scene::Stock(Fault::HalfClose);
        let has_failed = verdict == Verdict::Unfinished && may_fail;
        assert!(verdict == Verdict::Good || has_failed, "{row}: {verdict}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_trouble_costs_our_server_more_than_the_content_once_again() {
    let server = Server::start().await;
    let report = report(ours(&server, &["stock/*/50%/*", "stock/*/end/*", "stock/*-answer/*"])).await;
    for outcome in &report.outcomes {
        let Ok(course) = &outcome.result else {
            continue;
        };
        let (row, again, uploads) = (outcome.row, course.sent_again, course.uploads);
        // The server cannot know that a repeated creation is the same, unless it is a final upload of the
        // same parts.
        let most = if row.way == Way::Parallel { 1 } else { 2 };
        assert!(again <= 2 * MIB && uploads <= most, "{row}: {again} bytes again, {uploads} uploads");
        let is_lost =
            matches!(row.scene, Scene::Stock(Fault::LoseAnswer)) && row.moment != Moment::PostAnswer;
        assert!(again == 0 || !is_lost, "{row}: what was answered was stored");
    }
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

#[tokio::test]
async fn without_the_right_token_there_is_no_run() {
    let server = Server::start().await;
    let stranger = settings(format!("{}/files", server.url()), &["*"]);
    let answer = run(stranger, |_| {}).await;
    assert!(matches!(answer, Err(CouldNotRun::NotEvenCalm(_))), "{answer:?}");
}

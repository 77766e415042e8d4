//! `tus-lab load` against longhaul: each scenario does what it says, counts it right, and notices failures.

use std::collections::BTreeMap;

use clap::Parser;
use harness::chat::Chat;
use harness::cluster::{Cluster, left_out};
use harness::note::note;
use harness::server::{Server, Setup};
use harness::{tus, wait};
use serde_json::json;
use tus_lab::load::{Report, Scenario, Settings};

const KIB: u64 = 1024;

/// A command line with a scenario.
#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn scenario(line: &str) -> Scenario {
    Line::try_parse_from(format!("load {line}").split_whitespace()).expect("a scenario").scenario
}

async fn run(settings: &Settings, line: &str) -> Report {
    let report = wait::bounded(line, scenario(line).run(settings)).await.expect("it can be run");
    note(&report);
    report
}

/// Runs a scenario in which nothing may fail.
async fn good(settings: &Settings, line: &str) -> Report {
    let report = run(settings, line).await;
    assert_eq!(report.failures, BTreeMap::new(), "{line}");
    assert!(report.is_good());
    report
}

fn at(chat: &Chat, target: &str) -> Settings {
    let authorization = ("Authorization".to_owned(), format!("Bearer {}", chat.alice.token));
    Settings {
        headers: vec![authorization],
        verify: true,
        ..Settings::of(format!("{}{target}", chat.server.url()))
    }
}

fn plain(chat: &Chat) -> Settings {
    at(chat, "/files")
}

fn bound(chat: &Chat) -> Settings {
    at(chat, &format!("/conversations/{}/files", chat.conversation))
}

#[tokio::test(flavor = "multi_thread")]
async fn large_uploads_arrive_whole() {
    let chat = Chat::start().await;
    let report = good(&plain(&chat), "big --size 300KiB --clients 3").await;
    assert_eq!((report.requests, report.bytes, report.compared), (3, 900 * KIB, 3));
    assert_eq!(report.connects, 3);
    assert!(report.latency.is_some() && report.mib_per_sec > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_counted_and_the_last_one_may_be_short() {
    let chat = Chat::start().await;
    let line = "chunked --size 150KiB --chunk 64KiB --clients 2 --secs 60";
    let report = good(&plain(&chat), line).await;
    assert_eq!((report.requests, report.bytes, report.compared), (6, 300 * KIB, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_are_uploads_and_cleaning_up_terminates_them() {
    let chat = Chat::start().await;
    let report = good(&plain(&chat), "create -n 30 --clients 4 --secs 60").await;
    assert_eq!((report.requests, report.bytes, report.connects), (30, 0, 4));
    assert_eq!(unfinished(&chat).await, 30);
    let settings = Settings { clean_up: true, ..plain(&chat) };
    assert_eq!(good(&settings, "create -n 20 --clients 2 --secs 60").await.requests, 20);
    assert_eq!(unfinished(&chat).await, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_ask_for_complete_uploads() {
    let chat = Chat::start().await;
    let report = good(&plain(&chat), "head -n 50 --clients 4 --uploads 5 --secs 60").await;
    assert_eq!((report.requests, report.compared), (50, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn tiny_uploads_become_messages() {
    let chat = Chat::start().await;
    for (line, count, patches) in [
        ("tiny -n 12 --size 1000 --clients 3 --until-header chat-message-id --secs 60", 12, 0.0),
        ("tiny -n 5 --size 1000 --clients 2 --until-header chat-message-id --two-requests --secs 60", 5, 5.0),
    ] {
        let report = good(&bound(&chat), line).await;
        assert_eq!((report.requests, report.bytes, report.compared), (count, count * 1000, count));
        assert_eq!(report.extra["needed_a_patch"], patches);
    }
    assert_eq!(chat.messages().await.len(), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_become_messages() {
    let chat = Chat::start().await;
    let line = format!(
        "oneshot -n 7 --size 2000 --clients 2 --secs 60 --file-name a.bin --field conversation_id={}",
        chat.conversation
    );
    let report = good(&at(&chat, "/messages/upload"), &line).await;
    assert_eq!((report.requests, report.bytes), (7, 14_000));
    let messages = chat.messages().await;
    assert_eq!(messages.len(), 7);
    assert!(messages.iter().all(|message| message["file_name"] == "a.bin" && message["file_size"] == 2000));
}

#[tokio::test(flavor = "multi_thread")]
async fn media_is_read_whole_and_in_ranges() {
    let chat = Chat::start().await;
    good(&bound(&chat), "big --size 300KiB").await;
    let path = chat.messages().await[0]["media_url"].as_str().expect("text").to_owned();
    let settings = Settings { verify: false, ..plain(&chat) };
    let whole =
        good(&settings, &format!("read --path {path} --size 300KiB -n 3 --clients 2 --secs 60")).await;
    assert_eq!((whole.requests, whole.bytes), (3, 900 * KIB));
    let line = format!("read --path {path} --size 300KiB --range 64KiB -n 5 --clients 2 --secs 60");
    let ranges = good(&settings, &line).await;
    assert_eq!((ranges.requests, ranges.bytes), (5, 320 * KIB));
    let short = run(&settings, &format!("read --path {path} --size 200KiB -n 1 --clients 1 --secs 60")).await;
    assert!(!short.is_good(), "more came than there should be");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_joined_in_their_order() {
    let chat = Chat::start().await;
    let report = good(&bound(&chat), "concat --size 100001 --parts 3 -n 2").await;
    assert_eq!((report.requests, report.compared), (2, 2));
    assert!(report.extra.contains_key("whole_ms_max"));
    assert_eq!(chat.messages().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_uploads_go_on_whatever_broke_them() {
    let chat = Chat::start().await;
    for end in ["vanish", "reset", "fin"] {
        let report = good(&plain(&chat), &format!("resume --size 2MiB -n 3 --end {end}")).await;
        assert_eq!((report.requests, report.compared, report.connects), (3, 3, 6), "{end}");
        assert!(report.extra["sent_again_kib_max"] <= 2048.0, "{end}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_uploads_end_whole_while_another_client_sends_head() {
    let chat = Chat::start().await;
    let report = good(&plain(&chat), "idle --clients 20 --rate 100 --secs 3").await;
    assert_eq!((report.requests, report.bytes, report.compared), (20, 6000, 20));
    assert!(report.extra["heads"] > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_member_hears_of_every_upload() {
    let chat = Chat::start().await;
    let line = format!(
        "announce -n 5 --size 3000 --event new_message --key upload_id --auth {}",
        json!({"token": chat.bob.token})
    );
    let report = good(&bound(&chat), &line).await;
    assert_eq!((report.requests, report.bytes, report.compared), (5, 15_000, 5));
    assert_eq!(chat.messages().await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_may_happen_at_another_node() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let chat = &cluster.chat;
    let at_both = |settings: Settings| {
        let path = settings.endpoint.strip_prefix(&chat.server.url()).expect("a URL of the chat").to_owned();
        let [endpoint, other] = [0, 1].map(|node| format!("{}{path}", cluster.node(node).url()));
        Settings { endpoint, also: vec![other], ..settings }
    };
    let report = good(&at_both(plain(chat)), "resume --size 2MiB -n 3").await;
    assert_eq!((report.requests, report.compared, report.connects), (3, 3, 6));
    let line = format!(
        "announce -n 3 --event new_message --key upload_id --auth {}",
        json!({"token": chat.bob.token})
    );
    assert_eq!(good(&at_both(bound(chat)), &line).await.compared, 3);
    assert_eq!(chat.messages().await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_made_until_there_are_enough() {
    let chat = Chat::start().await;
    let report = good(&plain(&chat), "records -n 600 --fillers 8 --clients 2 --secs 0.1").await;
    assert!(report.extra["records"] >= 600.0, "{:?}", report.extra);
    assert!(report.extra["head_per_sec_full"] > 0.0 && report.extra["create_per_sec_full"] > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_were_there_before_are_asked_for_among_the_records() {
    let chat = Chat::start().await;
    let file = chat.server.scratch("paths");
    let line = format!("records -n 1 --clients 1 --secs 0.1 --among {}", file.display());
    let there = tus::create_unbound(&chat, 1000).await;
    let path = there.strip_prefix(&chat.server.url()).unwrap_or(&there).to_owned();
    for (paths, is_good) in [(path.clone(), true), (format!("{path}0\n{path}"), false)] {
        std::fs::write(&file, paths).expect("a folder of the test can be written");
        let report = run(&plain(&chat), &line).await;
        assert_eq!(report.is_good(), is_good, "{:?}", report.failures);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_made_until_there_are_enough() {
    let chat = Chat::start().await;
    let report = good(
        &bound(&chat),
        "uploads -n 100 --until-header chat-message-id --fillers 8 --clients 2 --secs 0.1",
    )
    .await;
    assert!(report.extra["uploads"] >= 100.0, "{:?}", report.extra);
    assert_eq!(chat.messages().await.len() as f64, report.extra["uploads"]);
    assert!(report.extra["upload_per_sec_empty"] > 0.0 && report.extra["upload_per_sec_full"] > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_are_begun_until_there_are_enough_and_all_are_finished() {
    let chat = Chat::start().await;
    let report = good(&bound(&chat), "parts -n 60 --fillers 8 --clients 2 --secs 0.1 --rest 0").await;
    assert!(report.extra["parts"] >= 60.0, "{:?}", report.extra);
    assert_eq!(chat.messages().await.len() as f64, report.extra["parts"]);
    assert!(unfinished(&chat).await > 0, "those that were counted in the end stay");
    assert!(report.extra["create_per_sec_full"] > 0.0 && report.extra["create_per_sec_empty"] > 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resources_of_a_process_are_reported() {
    let server = Chat::start().await;
    let settings = Settings { pids: vec![std::process::id()], ..plain(&server) };
    let report = good(&settings, "big --size 1MiB").await;
    let used = report.resources.server.expect("there is such a process");
    assert!(used.peak_mib >= 1.0 && used.cpu_secs_per_gib.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_a_failure() {
    let server = Server::start().await;
    let settings = Settings::of(format!("{}/files", server.url()));
    let report = run(&settings, "create -n 3 --clients 1 --secs 60").await;
    assert!(!report.is_good());
    assert_eq!((report.requests, report.failures.values().sum::<u64>()), (0, 3), "{:?}", report.failures);
    assert!(report.failures.keys().all(|what| what.contains("401")), "{:?}", report.failures);
    let refused = scenario("head --uploads 1").run(&settings).await;
    assert!(refused.is_err_and(|failure| failure.to_string().contains("401")));
}

async fn unfinished(chat: &Chat) -> usize {
    let answer = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).json();
    answer["uploads"].as_array().expect("a list of uploads").len()
}

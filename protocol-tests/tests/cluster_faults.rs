//! Several nodes whose PostgreSQL or S3 server dies, hangs or answers late: clients wait, and nothing is
//! lost.

use harness::chat::check_code;
use harness::cluster::{Cluster, Trouble, left_out};
use harness::content::Content;
use harness::server::Setup;
use harness::{tus, wait};

mod nodes;

use nodes::{finish, is_the_only_message, offset_on, on, patch_on, stall};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_database_that_dies_in_the_middle_costs_a_wait() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start_alone(Setup::default(), 2).await;
    let content = Content::random(12 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    patch_on(&cluster, 0, &location, 0).body(content.slice(0..MIB)).send().await.expecting(204);
    let mut sending = stall_at(&cluster, &location, &content, MIB).await;
    sending.send(&content.slice(MIB..2 * MIB)).await;
    cluster.services.postgres().kill();
    let away = on(&cluster, 1, "HEAD", &location).try_send().await;
    // A HEAD waits for what is away, and is told to come again.
    assert!(away.is_ok_and(|answer| [423, 503].contains(&answer.status)));
    cluster.services.restart_postgres();
    drop(sending);
    let answer = finish(&cluster, 1, &location, &content, 4 * MIB).await;
    assert!(answer.number("Upload-Offset") == content.len());
    is_the_only_message(&cluster, &content).await;
}

/// A failover may take back that a request has the upload, as that waits for no disk.
#[tokio::test]
async fn a_sender_that_the_database_forgot_goes_on() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(5 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut sending = stall_at(&cluster, &location, &content, 0).await;
    let forget = "update uploads set epoch = 0, node = null where node is not null returning id";
    wait::until_true("the request has the upload, and is forgotten", async || {
        !cluster.place().rows(forget).is_empty()
    })
    .await;
    sending.send(&content.bytes()).await;
    let answer = wait::bounded("the sender is told", sending.try_answer(false)).await.expect("an answer");
    // Not 400, with which a client gives the upload up.
    harness::chat::check_code(&answer, 503, "unavailable");
    assert!(answer.header("Retry-After").is_some());
    finish(&cluster, 1, &location, &content, content.len()).await;
    is_the_only_message(&cluster, &content).await;
}

async fn stall_at(
    cluster: &Cluster,
    location: &str,
    content: &Content,
    offset: u64,
) -> harness::http::Connection {
    let patch = patch_on(cluster, 0, location, offset).header("Expect", "100-continue");
    let mut connection = patch.declared_length(content.len() - offset).open().await;
    assert_eq!(connection.head().await.status, 100);
    connection
}

#[tokio::test]
async fn while_the_bucket_is_away_bytes_go_on() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(12 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    cluster.s3.has(Trouble::Cut);
    let first = patch_on(&cluster, 0, &location, 0).body(content.slice(0..3 * MIB));
    first.send().await.expecting(204);
    assert_eq!(offset_on(&cluster, 1, &location).await, 3 * MIB);
    let second = patch_on(&cluster, 1, &location, 3 * MIB).body(content.slice(3 * MIB..4 * MIB));
    second.send().await.expecting(204);
    cluster.s3.has(Trouble::None);
    finish(&cluster, 0, &location, &content, 5 * MIB).await;
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn parts_that_land_late_harm_nothing() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(20 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let mut dying = stall(&cluster, 0, &location, &content, 9 * MIB).await;
    let parts = async |what: &str, sql: &str| {
        wait::until_true(what, async || !cluster.place().rows(sql).is_empty()).await;
    };
    parts("a part is there", "select 1 from upload_parts").await;
    cluster.s3.has(Trouble::Late);
    dying.send(&content.slice(9 * MIB..17 * MIB)).await;
    parts("the put of the next is under way", "select 1 from upload_intents where idx = 1").await;
    cluster.node(0).kill().await;
    let kept = offset_on(&cluster, 1, &location).await;
    assert!(kept <= 17 * MIB, "{kept}");
    let sending = patch_on(&cluster, 1, &location, kept).body(content.slice(kept..18 * MIB)).send();
    // The node's own put is behind that of the dead one.
    cluster.s3.has(Trouble::None);
    sending.await.expecting(204);
    cluster.node(0).restart().await;
    finish(&cluster, 1, &location, &content, 6 * MIB).await;
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn lines_that_are_cut_and_slow_cost_nothing_but_time() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    let content = Content::random(12 * MIB);
    let location = tus::create(&cluster.chat, content.len(), &[]).await;
    let late = Trouble::LateAnswers(std::time::Duration::from_millis(20));
    for line in [&cluster.postgres, &cluster.s3, &cluster.redis] {
        line.cut();
        line.has(late);
    }
    finish(&cluster, 0, &location, &content, 3 * MIB).await;
    for line in [&cluster.postgres, &cluster.s3, &cluster.redis] {
        line.cut();
        line.has(Trouble::None);
    }
    is_the_only_message(&cluster, &content).await;
}

#[tokio::test]
async fn an_upload_whose_parts_the_bucket_forgot_is_refused_and_begun_anew() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 2).await;
    // The next bytes are put and refused, or are so few that the parts are only looked for.
    for (name, some) in [("many", 12 * MIB), ("few", 17 * MIB)] {
        let content = Content::random(20 * MIB);
        let (location, kept) = begun(&cluster, name, &content, some).await;
        let (other, _) = begun(&cluster, &format!("not {name}"), &content, some).await;
        cluster.place().forgets_parts_of(tus::id_of(&location));
        assert_eq!(offset_on(&cluster, 1, &location).await, kept, "HEAD asks no bucket");
        let rest = patch_on(&cluster, 1, &location, kept).body(content.slice(kept..content.len()));
        check_code(&rest.send().await, 410, "upload_damaged");
        for node in 0..2 {
            let head = on(&cluster, node, "HEAD", &location).send().await;
            assert_eq!((head.status, head.expect("Chat-Upload-State")), (410, "rejected"));
        }
        on(&cluster, 0, "DELETE", &location).send().await.expecting(204);
        let (again, _) = begun(&cluster, name, &content, some).await;
        assert_ne!(again, location);
        for location in [other, again] {
            finish(&cluster, 0, &location, &content, 6 * MIB).await;
        }
    }
    let messages = cluster.chat.messages().await;
    let ids = messages.iter().rev().map(|message| message["client_message_id"].as_str());
    assert_eq!(ids.collect::<Vec<_>>(), ["not many", "many", "not few", "few"].map(Some));
    cluster.chat.check_folders().await;
}

/// An upload with this `client_message_id`, of which this many bytes were sent, or some more, until a part of
/// them was recorded; and how many that are.
async fn begun(cluster: &Cluster, name: &str, content: &Content, some: u64) -> (String, u64) {
    let location = tus::create(&cluster.chat, content.len(), &[("client_message_id", name)]).await;
    let sql = format!("select 1 from upload_parts where upload = '{}'", tus::id_of(&location));
    let (mut kept, mut until) = (0, some);
    wait::until("a part is recorded", async || {
        let patch = patch_on(cluster, 0, &location, kept).body(content.slice(kept..until));
        patch.send().await.expecting(204);
        (kept, until) = (until, until + 1);
        (!cluster.place().rows(&sql).is_empty()).then_some((location.clone(), kept))
    })
    .await
}

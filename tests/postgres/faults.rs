//! What breaks: connections, and requests that are cancelled.

use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{join_all, poll_fn};
use longhaul::store::contract::samples::{last_row, unbound, user, whole};
use longhaul::store::postgres::{MigrationError, Postgres};
use longhaul::store::{Created, Hints, Leases, Records, StoreError, Taking, Wanted};
use longhaul::upload::{Appended, Bounds, Held, State, Upload, UploadId};
use serde_json::json;
use tokio_postgres::NoTls;

use super::{Fixture, Node, connections, server};

/// How often a future may be polled in these tests before it is surely done.
pub(crate) const MANY: usize = 24;

/// Runs a statement beside everything else.
pub(super) async fn run(address: &str, sql: &str) {
    let address = address.replace("application_name=", "application_name=beside_");
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await.expect("a connection");
    let driver = tokio::spawn(connection);
    client.batch_execute(sql).await.expect("done");
    drop(client);
    driver.await.expect("no panic").expect("a connection that ends well");
}

/// Ends every connection of a fixture and its nodes, as a database does that is restarted.
pub(super) async fn break_connections(fixture: &Fixture) {
    let schema = server::name_of(&fixture.address);
    let sql =
        format!("select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{schema}'");
    run(&fixture.address, &sql).await;
}

/// Polls a future so often at the most, and then drops it; `None` if it was not done by then.
async fn cut<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    begin(polls, pin!(future)).await
}

/// Polls a future so often at the most; `None` if it was not done by then.
pub(crate) async fn begin<T>(polls: usize, mut future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// Asks until there is an answer, as clients do.
pub(crate) async fn answered<T>(ask: impl AsyncFn() -> Result<T, StoreError>) -> T {
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(StoreError::Unavailable(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn processes_that_start_at_once_make_the_tables_once() {
    let address = server::schema();
    let opened = join_all((0..5).map(|_| Postgres::open(connections(&address)))).await;
    for store in opened {
        let store = store.expect("opened");
        let upload = unbound();
        assert!(store.create(&upload, Taking::IfFree).await.expect("stored").is_new());
    }
}

#[tokio::test]
async fn tables_that_need_a_newer_version_are_left_alone() {
    let fixture = Fixture::new().await;
    let newer = "insert into longhaul_tables (version, usable_from) values (1000, 1)";
    run(&fixture.address, newer).await;
    Postgres::open(connections(&fixture.address)).await.expect("this version may use them");
    let newer = "insert into longhaul_tables (version, usable_from) values (1001, 1001)";
    run(&fixture.address, newer).await;
    let outcome = Postgres::open(connections(&fixture.address)).await;
    assert!(matches!(outcome, Err(MigrationError::TooNew(1001, _))), "{outcome:?}");
}

#[tokio::test]
async fn a_store_goes_on_after_its_connections_broke() {
    let fixture = Fixture::new().await;
    let upload = unbound();
    fixture.store.create(&upload, Taking::IfFree).await.expect("stored");
    break_connections(&fixture).await;
    let found = answered(async || Records::find(&*fixture.store, upload.id).await).await;
    assert_eq!(found, Some(upload));
}

/// A request may be cancelled between any two steps of its change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cancelled_is_done_or_not_begun() {
    let fixture = Fixture::new().await;
    let store = &fixture.store;
    for polls in 1..MANY {
        let upload = Upload { owner: user(&format!("user {polls}")), ..whole(Some(&format!("c{polls}"))) };
        let claim_at = Some(upload.created_at);
        let create = store.create_with(&upload, Taking::IfFree, Bounds::NONE, claim_at);
        let cut = cut(polls, create).await;
        let found = Records::find(&**store, upload.id).await.expect("readable");
        assert!(cut.is_none() || found.is_some(), "{polls}: what was told is there");
        let held = store.held(&upload.owner).await.expect("readable");
        let holder = store.holder(&upload).await.expect("readable");
        match found {
            // A commit that was sent may come to be after the look.
            None => {}
            Some(found) => {
                assert!(matches!(found.state, State::Finalizing(_)), "{polls}: {found:?}");
                assert_eq!((held, holder), (upload.weight().held, Some(upload.id)), "{polls}");
            }
        }
        assert!(held == Held::default() || held == upload.weight().held, "{polls}: {held:?}");
    }
    for _ in 0..MANY {
        let upload = unbound();
        let created = store.create(&upload, Taking::IfFree).await.expect("no connection has half a change");
        assert_eq!(created, Created::New(State::Receiving));
        store.append(upload.id, &last_row(0)).await.expect("appended");
    }
}

#[tokio::test]
async fn nodes_hear_each_other_again_after_their_lines_broke() {
    let one = Node::new().await;
    let two = one.beside();
    let mut completed = two.node.completed();
    break_connections(&one.store).await;
    let id = UploadId::random();
    let heard = loop {
        one.node.complete(id);
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(50), completed.next()).await {
            break heard;
        }
    };
    assert_eq!(heard, Some(id));
}

/// What one node tells another may come over a line that is slow, when the request that it meant is gone.
#[tokio::test]
async fn a_wish_that_is_told_late_displaces_no_request_that_came_since() {
    let one = Node::new().await;
    let (upload, last) = (unbound(), UploadId::random());
    one.store.store.create(&upload, Taking::IfFree).await.expect("stored");
    let earlier = one.node.take_over(upload.id, Wanted::WhatCame).await.expect("idle");
    let late = earlier.epoch().number();
    drop(earlier);
    let lease = one.node.take_over(upload.id, Wanted::WhatCame).await.expect("idle");
    let mut heard = one.node.completed();
    for (epoch, wish) in [(late, None), (lease.epoch().number(), Some(Wanted::WhatCame))] {
        let ask = json!({"id": upload.id, "epoch": epoch, "at_recorded_offset": false, "from": 0});
        // One that is told afterwards is heard afterwards.
        let words = [json!({"ask": ask}), json!({"complete": {"id": last}})];
        for said in words {
            let sql = format!(
                "select pg_notify('longhaul_' || current_schema()::regnamespace::oid || '_' || id, '{said}')
                 from nodes"
            );
            run(&one.store.address, &sql).await;
        }
        assert_eq!(heard.next().await, Some(last));
        assert_eq!(lease.is_displaced(), wish, "{epoch}");
    }
}

/// The node lives on, so no other node takes an upload from it that carries its name: it has to take that
/// off.
#[tokio::test]
async fn what_is_let_go_over_a_broken_line_is_free_once_that_is_there_again() {
    let one = Node::new().await;
    let two = one.beside();
    let upload = unbound();
    one.store.store.create(&upload, Taking::IfFree).await.expect("stored");
    let lease = one.node.take_over(upload.id, Wanted::WhatCame).await.expect("idle");
    assert!(two.node.take_idle(upload.id).await.expect("asked").is_none());
    break_connections(&one.store).await;
    drop(lease);
    while answered(async || two.node.take_idle(upload.id).await).await.is_none() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_cancelled_while_it_takes_an_upload_lets_it_go() {
    let one = Node::new().await;
    let two = one.beside();
    for polls in 1..MANY {
        let upload = unbound();
        one.store.store.create(&upload, Taking::IfFree).await.expect("stored");
        drop(cut(polls, one.node.take_over(upload.id, Wanted::WhatCame)).await);
        let lease = loop {
            if let Some(lease) = two.node.take_idle(upload.id).await.expect("asked") {
                break lease;
            }
        };
        let row = Appended { epoch: lease.epoch(), ..last_row(0) };
        let state = two.store.store.append(upload.id, &row).await;
        assert!(matches!(state, Ok(State::Complete)), "{polls}: nobody waits for it elsewhere: {state:?}");
    }
}

//! What the server itself goes through, and processes that stand still: nothing that was told is lost, and
//! nothing is waited for without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures_util::future::join_all;
use longhaul::message::MessageId;
use longhaul::store::contract::samples::{
    at, binding, conversation, digest, last_row, row, unbound, user, whole,
};
use longhaul::store::postgres::Postgres;
use longhaul::store::{Created, Dependency, Leases, Messages, Records, StoreError, Taking, Wanted};
use longhaul::upload::{Appended, Binding, Bounds, Chunk, Length, State, Upload};

use super::control::{self, Frozen};
use super::faults::{MANY, answered, begin, run};
use super::process::Process;
use super::proxy::Proxy;
use super::server::{self, Server};
use super::{Fixture, MOST, Node};

/// How often a server is killed.
const KILLS: usize = 4;
/// The length of an upload that is not complete before the test ends.
const LONG: u64 = 1 << 40;

/// A client that goes on after every failure, from what is stored. It knows what it was told.
#[derive(Default)]
struct Client {
    told: AtomicU64,
    is_over: AtomicBool,
}

impl Client {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }

    /// Appends to an upload of its own, a byte a time, until it is over.
    async fn append(&self, store: &Postgres) -> Upload {
        let upload = Upload { length: Length::Known(LONG), ..unbound() };
        answered(async || store.create(&upload, Taking::IfFree).await).await;
        while !self.is_over() {
            let there = answered(async || Records::find(store, upload.id).await).await.expect("there");
            assert!(there.offset >= self.told.load(Ordering::SeqCst), "what was told is there");
            let chunk = Chunk { offset: there.offset, length: 1, at: at(2_000), digest: digest(0) };
            let row = Appended { chunk, length: there.length, ..row(0, 1) };
            match store.append(upload.id, &row).await {
                Ok(_) => self.told.store(there.offset + 1, Ordering::SeqCst),
                Err(StoreError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        upload
    }

    /// Makes messages until it is over, each from its creation on until it is told that it is committed.
    async fn make_messages(&self, store: &Postgres) -> Vec<MessageId> {
        let mut told = Vec::new();
        while !self.is_over() {
            let upload = Upload { owner: user("bob"), ..whole(Some(&format!("c{}", told.len()))) };
            let created = answered(async || {
                match store.create_with(&upload, Taking::IfFree, Bounds::NONE, Some(at(5_000))).await {
                    // It was made before, and nothing was told of it.
                    Err(StoreError::Conflict(_)) => Ok(Created::New(State::Receiving)),
                    created => created,
                }
            });
            assert!(created.await.is_new());
            let there = answered(async || Records::find(store, upload.id).await).await.expect("there");
            let State::Finalizing(stamp) = there.state else { panic!("{there:?}") };
            let message = there.message(stamp).expect("bound");
            answered(async || store.commit(&message, at(6_000)).await).await;
            told.push(message.id);
        }
        told
    }

    /// Kills the server a few times while it changes something.
    async fn kill(&self, server: &Arc<Server>) {
        for _ in 0..KILLS {
            let before = self.told.load(Ordering::SeqCst);
            while self.told.load(Ordering::SeqCst) < before + 20 {
                tokio::task::yield_now().await;
            }
            let server = Arc::clone(server);
            let restarted = tokio::task::spawn_blocking(move || {
                control::kill(&server);
                control::start(&server);
            });
            restarted.await.expect("no panic");
        }
        self.is_over.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_in_the_middle_of_changes_loses_nothing_that_was_told() {
    let server = Arc::new(Server::start());
    let fixture = Fixture::at(server.schema()).await;
    let (client, store, second) = (Client::default(), &*fixture.store, fixture.again());
    let (upload, told, ()) =
        tokio::join!(client.append(store), client.make_messages(&second), client.kill(&server));
    let there = answered(async || Records::find(store, upload.id).await).await.expect("there");
    assert!(there.offset >= client.told.load(Ordering::SeqCst));
    let listed = answered(async || store.page(conversation(1), None, 100_000).await).await;
    let listed: Vec<_> = listed.iter().rev().map(|message| message.id).collect();
    assert_eq!(listed, told, "each message once, in its order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_waited_for_a_while_only() {
    let server = Server::start();
    let fixture = Fixture::at(server.schema()).await;
    let (store, upload) = (&fixture.store, unbound());
    store.create(&upload, Taking::IfFree).await.expect("stored");
    assert!(store.answers().await);
    let frozen = Frozen::new(&server);
    assert!(!store.answers().await);
    // More than there are connections; each of them is given up.
    let (late, row) = (Upload { owner: user("late"), ..unbound() }, last_row(0));
    let (reads, late, rows) = tokio::join!(
        join_all((0..2 * MOST).map(|_| Records::find(&**store, upload.id))),
        store.create(&late, Taking::IfFree),
        store.append(upload.id, &row),
    );
    let unavailable = |error: &StoreError| matches!(error, StoreError::Unavailable(_));
    assert!(reads.iter().all(|read| read.as_ref().is_err_and(unavailable)), "{reads:?}");
    assert!(late.as_ref().is_err_and(unavailable), "{late:?}");
    assert!(rows.as_ref().is_err_and(unavailable), "{rows:?}");
    drop(frozen);
    let found = answered(async || Records::find(&**store, upload.id).await).await.expect("there");
    assert!(matches!(found.offset, 0 | 10), "it may have read the row that was given up: {found:?}");
    assert!(store.answers().await);
    for found in join_all((0..2 * MOST).map(|_| Records::find(&**store, upload.id))).await {
        assert!(found.expect("there are connections again").is_some());
    }
}

/// A process that is stopped anywhere in a change, and goes on much later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stands_still_in_a_change_keeps_no_other_from_it() {
    let fixture = Fixture::new().await;
    let stops = (1..MANY).map(async |polls| {
        let (stopped, other) = (fixture.again(), fixture.again());
        let conversation_id = conversation(u8::try_from(polls).expect("few"));
        let binding = Some(Binding { conversation_id, ..binding(Some("stopped")) });
        let upload = Upload { binding, ..whole(None) };
        other.create(&upload, Taking::IfFree).await.expect("stored");
        let claim = async { stopped.claim(upload.id, at(5_000)).await };
        let mut claim = Box::pin(claim);
        let begun = begin(polls, claim.as_mut()).await;
        let claimed = other.claim(upload.id, at(5_000)).await.expect("not kept from it");
        match begun {
            Some(before) => assert_eq!(before.expect("claimed"), claimed),
            None => match claim.await {
                Ok(after) => assert_eq!(after, claimed),
                Err(error) => assert!(matches!(error, StoreError::Unavailable(_)), "{error}"),
            },
        }
        let found = Records::find(&*other, upload.id).await.expect("readable").expect("there");
        assert!(matches!(found.state, State::Finalizing(_)), "{found:?}");
    });
    join_all(stops).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_whose_answer_is_lost_can_be_made_again() {
    let server = Server::start();
    let proxy = Proxy::before(&server);
    let fixture = Fixture::at(proxy.instead_of(&server, &server.schema())).await;
    let (store, upload) = (&fixture.store, unbound());
    proxy.lose_answers(true);
    let lost = store.create(&upload, Taking::IfFree).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    proxy.lose_answers(false);
    let again = answered(async || store.create(&upload, Taking::IfFree).await).await;
    assert_eq!(again, Created::New(State::Receiving));
    proxy.lose_answers(true);
    let lost = store.append(upload.id, &last_row(0)).await;
    assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
    proxy.lose_answers(false);
    let stored = async || Records::find(&**store, upload.id).await;
    while answered(stored).await.expect("there").state != State::Complete {
        let there = answered(stored).await.expect("there");
        if there.offset == 0 {
            let _ = store.append(upload.id, &last_row(0)).await;
        }
    }
}

/// The node lives on, and does not know that it holds the upload.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_took_without_learning_of_it_is_let_go() {
    let server = Server::start();
    let proxy = Proxy::before(&server);
    let address = server.schema();
    let lossy = Fixture::at(proxy.instead_of(&server, &address)).await;
    let one = Node::on(lossy, longhaul::store::memory::MemoryPayloads::sealing());
    let two = Node::on(Fixture::at(address).await, one.payloads.clone());
    let upload = unbound();
    two.store.store.create(&upload, Taking::IfFree).await.expect("stored");
    // Its connection knows the statement, which arrives with one message.
    drop(one.node.take_over(upload.id, Wanted::WhatCame).await.expect("idle"));
    while two.node.take_idle(upload.id).await.expect("asked").is_none() {}
    proxy.lose_answers(true);
    one.node.take_over(upload.id, Wanted::WhatCame).await.expect_err("no answer");
    proxy.lose_answers(false);
    loop {
        let Some(lease) = two.node.take_idle(upload.id).await.expect("asked") else { continue };
        let row = Appended { epoch: lease.epoch(), ..last_row(0) };
        assert_eq!(two.store.store.append(upload.id, &row).await.expect("held"), State::Complete);
        break;
    }
}

/// Others need not wait until it is taken for gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_told_to_end_leaves_no_node() {
    let database = server::schema();
    let folder = tempfile::tempdir().expect("a folder");
    let mut process = Process::start(&database, folder.path(), 0);
    let has_nodes = |some: &str| {
        format!("do $$ begin if {some} exists (select from nodes) then raise 'nodes'; end if; end $$")
    };
    run(&database, &has_nodes("not")).await;
    process.end();
    run(&database, &has_nodes("")).await;
}

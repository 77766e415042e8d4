//! What a node's requests leave to be done while the database is away, or loses its answers.

use futures_util::future::join_all;
use longhaul::store::contract::samples::unbound;
use longhaul::store::memory::MemoryPayloads;
use longhaul::store::{Hints, Leases, Records, Taking, Wanted};
use longhaul::upload::UploadId;

use super::control;
use super::faults::{answered, break_connections, run};
use super::proxy::Proxy;
use super::server::Server;
use super::{Fixture, MOST, Node};

/// How many uploads are held when the database goes away.
const HELD: usize = 300;
/// How many requests come while it is away.
const ASKED: usize = 5_000;
/// How often all connections lose an answer.
const ROUNDS: usize = 12;

async fn stored(node: &Node, count: usize) -> Vec<UploadId> {
    let uploads: Vec<_> = (0..count).map(|_| unbound()).collect();
    let store = &node.store.store;
    for created in join_all(uploads.iter().map(|upload| store.create(upload, Taking::IfFree))).await {
        assert!(created.expect("stored").is_new());
    }
    uploads.iter().map(|upload| upload.id).collect()
}

/// Waits until the other node can take every upload, as the sweep does.
async fn all_are_free(other: &Node, uploads: &[UploadId]) {
    for id in uploads {
        while answered(async || other.node.take_idle(*id).await).await.is_none() {}
    }
}

/// Some held an upload since before, some ask for one, and some have only something to tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_thousands_of_requests_to_a_database_that_was_away_every_upload_is_free() {
    let server = Server::start();
    let node = Node::on(Fixture::at(server.schema()).await, MemoryPayloads::sealing());
    let uploads = stored(&node, HELD).await;
    let take = async |id: &UploadId| node.node.take_over(*id, Wanted::WhatCame).await.expect("idle");
    let leases = join_all(uploads.iter().map(take)).await;
    control::kill(&server);
    drop(leases);
    let mut refused = 0;
    for id in uploads.iter().cycle() {
        refused += usize::from(node.node.take_idle(*id).await.is_err());
        node.node.complete(*id);
        if refused == ASKED {
            break;
        }
    }
    control::start(&server);
    all_are_free(&node.beside(), &uploads).await;
    drop(answered(async || node.node.take_idle(uploads[0]).await).await.expect("it takes uploads again"));
}

/// Each may have been taken, and none of the requests knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_many_answers_were_lost_every_upload_is_free() {
    let server = Server::start();
    let proxy = Proxy::before(&server);
    let address = server.schema();
    let lossy = Fixture::at(proxy.instead_of(&server, &address)).await;
    let node = Node::on(lossy, MemoryPayloads::sealing());
    let other = Node::on(Fixture::at(address).await, node.payloads.clone());
    let uploads = stored(&other, ROUNDS * MOST).await;
    for round in uploads.chunks(MOST) {
        // Connections that know the statement send it with one message.
        join_all(round.iter().map(|id| answered(async || node.node.take_idle(*id).await))).await;
        proxy.lose_answers(true);
        for lost in join_all(round.iter().map(|id| node.node.take_idle(*id))).await {
            assert!(!matches!(lost, Ok(Some(_))), "no answer");
        }
        proxy.lose_answers(false);
    }
    all_are_free(&other, &uploads).await;
}

/// No commit that lets an upload go waits for the disk, so a database that crashes may forget it. This one is
/// made to.
#[tokio::test]
async fn what_was_let_go_and_is_held_again_after_a_crash_of_the_database_is_free() {
    let node = Node::on(Fixture::new().await, MemoryPayloads::sealing());
    let uploads = stored(&node, 3).await;
    let take = async |id: &UploadId| node.node.take_idle(*id).await.expect("taken").expect("idle");
    let leases = join_all(uploads.iter().map(take)).await;
    let address = &node.store.address;
    run(address, "create table crashed as select id, node from uploads where node is not null").await;
    drop(leases);
    let is_done = "do $$ begin
        while exists (select from uploads where node is not null) loop perform pg_sleep(0.01); end loop;
        end $$";
    run(address, is_done).await;
    run(address, "update uploads u set node = c.node from crashed c where u.id = c.id").await;
    break_connections(&node.store).await;
    all_are_free(&node.beside(), &uploads).await;
}

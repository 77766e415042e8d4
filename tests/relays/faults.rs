//! What a broken channel costs is a wait, never a message.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use longhaul::message::{Message, MessageId};
use longhaul::store::contract::samples::conversation;

use crate::cluster::{Cluster, Kind, Process};
use crate::postgres::Server;

/// Every process told every message once, and those of each conversation in their order.
async fn assert_told(processes: &[Process], count: usize) {
    for process in processes {
        let told = process.heard(count).await;
        let ids: HashSet<MessageId> = told.iter().map(|message| message.id).collect();
        assert_eq!((told.len(), ids.len()), (count, count), "each of them once");
        for number in 1..=3 {
            let of_it = |message: &&Message| message.conversation_id == conversation(number);
            let told: Vec<_> = told.iter().filter(of_it).map(|message| message.id).collect();
            assert_eq!(told, process.stored(number).await, "in the order of the conversation");
        }
    }
}

/// Each process tells this many messages, one after the other, at the same time as the others.
async fn tell(processes: &[Process], each: usize) {
    let telling = processes.iter().map(|process| async move {
        for n in 0..each {
            // Some are larger than a notification.
            let words = "w".repeat(if n % 5 == 0 { 9_000 } else { 10 });
            process.tell(u8::try_from(n % 3 + 1).expect("small"), &words).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    futures_util::future::join_all(telling).await;
}

async fn processes(cluster: &Cluster) -> [Process; 3] {
    let processes = [cluster.process().await, cluster.process().await, cluster.process().await];
    // Each listens: it hears a message of each of the others.
    for process in &processes {
        process.tell(1, "begun").await;
    }
    processes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listeners_that_are_cut_off_miss_no_message() {
    let cluster = Cluster::of(Kind::Postgres).await;
    let processes = processes(&cluster).await;
    let cutting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            cluster.cut_listeners().await;
        }
    };
    tokio::select! {
        () = tell(&processes, 150) => {}
        () = cutting => {}
    }
    assert_told(&processes, 3 + 450).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_that_are_cut_off_miss_no_message() {
    let cluster = Cluster::of(Kind::Both).await;
    let processes = processes(&cluster).await;
    let cutting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(400)).await;
            cluster.redis.cut_subscribers();
        }
    };
    tokio::select! {
        () = tell(&processes, 150) => {}
        () = cutting => {}
    }
    assert_told(&processes, 3 + 450).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_dies_and_comes_back_costs_no_message() {
    let mut cluster = Cluster::of(Kind::Both).await;
    let processes = processes(&cluster).await;
    tell(&processes, 20).await;
    cluster.redis.kill();
    tell(&processes, 20).await;
    assert_told(&processes, 3 + 120).await;
    cluster.redis.again();
    tell(&processes, 40).await;
    assert_told(&processes, 3 + 240).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_costs_no_message() {
    let cluster = Cluster::of(Kind::Both).await;
    let processes = processes(&cluster).await;
    cluster.redis.stop(true);
    tell(&processes, 4).await;
    assert_told(&processes, 3 + 12).await;
    cluster.redis.stop(false);
    tell(&processes, 20).await;
    assert_told(&processes, 3 + 72).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_that_swallows_is_found_by_its_marks() {
    for kind in [Kind::Postgres, Kind::Both] {
        let cluster = Cluster::of(kind).await;
        let (deaf, proxy) = cluster.process_behind_a_proxy().await;
        let processes = [deaf, cluster.process().await, cluster.process().await];
        tell(&processes, 2).await;
        assert_told(&processes, 6).await;
        proxy.swallow(true);
        tell(&processes, 2).await;
        assert_told(&processes, 12).await;
        proxy.swallow(false);
        tell(&processes, 4).await;
        assert_told(&processes, 24).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_dies_and_comes_back_costs_no_message() {
    for kind in [Kind::Postgres, Kind::Both] {
        let server = Server::start();
        let cluster = Cluster::on(server.schema(), kind).await;
        let processes = processes(&cluster).await;
        let server = Arc::new(server);
        // A crash, an orderly stop, and a crash again.
        for (round, way) in ["immediate", "fast", "immediate"].into_iter().enumerate() {
            let stopped = Arc::clone(&server);
            let restart = tokio::task::spawn_blocking(move || {
                stopped.stop(way);
                stopped.again();
            });
            tell(&processes, 30).await;
            restart.await.expect("it was restarted");
            assert_told(&processes, 3 + 90 * (round + 1)).await;
        }
    }
}

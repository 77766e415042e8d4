//! Facts of processes that share a relay.

use tokio_util::sync::CancellationToken;

use super::*;
use crate::store::contract::samples::{self, conversation, user};
use crate::store::memory::{Memory, MemoryAnnouncements, MemoryRelay};
use crate::store::{Claim, Records, Taking};

/// What the processes share.
#[derive(Default)]
struct Cluster {
    relay: MemoryRelay,
    memory: Arc<Memory>,
}

/// A process with what its connections hear, and what it hears of uploads elsewhere.
struct Process {
    heard: MemoryAnnouncements,
    elsewhere: Arc<Mutex<Vec<Announcement>>>,
    announcements: Arc<RelayedAnnouncements>,
    _ends: tokio_util::sync::DropGuard,
}

impl Cluster {
    async fn new() -> Self {
        let cluster = Self::default();
        cluster.memory.put(conversation(1), &[user("ann")]).await.expect("stored");
        cluster
    }

    async fn process(&self) -> Process {
        let heard = MemoryAnnouncements::default();
        let relays = Relays {
            relay: Arc::new(self.relay.clone()),
            recent: self.memory.clone(),
            messages: self.memory.clone(),
            memberships: self.memory.clone(),
        };
        let announcements = Arc::new(RelayedAnnouncements::new(Arc::new(heard.clone()), relays));
        let elsewhere = Arc::new(Mutex::new(Vec::new()));
        let ending = CancellationToken::new();
        let (delivering, cancelled, hears) = (announcements.clone(), ending.clone(), elsewhere.clone());
        let hear = move |what: &Announcement| hears.lock().expect("no panic").push(what.clone());
        tokio::spawn(async move { delivering.keep_delivering(hear, &cancelled).await });
        Process { heard, elsewhere, announcements, _ends: ending.drop_guard() }
    }

    /// A committed message that is in the outbox.
    async fn made(&self, secs: u64) -> Message {
        let upload = samples::whole(None);
        self.memory.create(&upload, Taking::IfFree).await.expect("created");
        let claim = self.memory.claim(upload.id, samples::at(secs)).await.expect("claimed");
        let Claim::Finalizing(stamp) = claim else { panic!("it is the first") };
        let message = upload.message(stamp).expect("bound");
        self.memory.commit(&message, samples::at(secs)).await.expect("committed");
        message
    }

    async fn announced(&self, by: &Process, message: &Message) {
        by.announcements.announce(&[user("ann")], &new(message)).await.expect("handed over");
        self.memory.published(&[message.id]).await.expect("published");
    }
}

fn new(message: &Message) -> Announcement {
    Announcement::NewMessage(Box::new(message.clone()))
}

fn every_kind(message: &Message) -> Vec<Announcement> {
    let progress = Progress::of_message(message);
    vec![
        Announcement::UploadStarted(progress.clone()),
        Announcement::UploadProgress(Progress { length: None, ..progress.clone() }),
        Announcement::UploadPaused(progress.clone()),
        new(message),
        Announcement::UploadFinished(progress.clone(), message.id),
        Announcement::UploadCancelled(progress),
    ]
}

async fn heard(process: &Process, count: usize) -> Vec<Announcement> {
    while process.heard.all().len() < count {
        tokio::task::yield_now().await;
    }
    process.heard.all().into_iter().map(|(_, what)| what).collect()
}

#[tokio::test]
async fn what_one_process_announces_each_tells_once_in_one_order() {
    let cluster = Cluster::new().await;
    let [one, other] = [cluster.process().await, cluster.process().await];
    let message = cluster.made(1).await;
    let every_kind = every_kind(&message);
    let all = every_kind.iter().cloned();
    let all: Vec<_> = all.map(|announcement| Addressed { to: vec![user("ann")], announcement }).collect();
    one.announcements.announce_all(&all).await.expect("handed over");
    assert_eq!(heard(&one, 6).await, every_kind, "they are told when the answer comes");
    other.announcements.announce(&[user("ann")], &new(&message)).await.expect("handed over");
    let last = Announcement::UploadPaused(Progress { offset: 0, ..Progress::of_message(&message) });
    other.announcements.announce(&[user("ann")], &last).await.expect("handed over");
    let expected: Vec<_> = every_kind.iter().cloned().chain([last.clone()]).collect();
    for process in [&one, &other] {
        assert_eq!(heard(process, 7).await, expected, "the message is told once");
    }
    assert_eq!(*one.elsewhere.lock().expect("no panic"), [new(&message), last]);
    assert_eq!(*other.elsewhere.lock().expect("no panic"), every_kind);
}

#[tokio::test]
async fn a_broken_relay_costs_hints_and_delays_messages() {
    let cluster = Cluster::new().await;
    let [one, other] = [cluster.process().await, cluster.process().await];
    let message = cluster.made(1).await;
    let to = [user("ann")];
    let hint = Announcement::UploadStarted(Progress::of_message(&message));
    cluster.relay.break_off(true);
    one.announcements.announce(&to, &hint).await.expect_err("others do not hear of it");
    one.announcements.announce(&to, &new(&message)).await.expect_err("it stays owed");
    one.announcements.leave(&to, &message).await.expect_err("it stays owed");
    assert_eq!(heard(&one, 1).await, [hint]);
    assert_eq!(one.heard.left_for(&user("ann")), []);
    cluster.relay.break_off(false);
    cluster.announced(&one, &message).await;
    assert_eq!(heard(&other, 1).await, [new(&message)]);
}

#[tokio::test(start_paused = true)]
async fn messages_that_the_relay_loses_are_found_in_their_order() {
    let cluster = Cluster::new().await;
    let [one, other] = [cluster.process().await, cluster.process().await];
    let first = cluster.made(1).await;
    cluster.announced(&one, &first).await;
    cluster.relay.lose(true);
    let (second, third) = (cluster.made(9).await, cluster.made(2).await);
    // The one was announced, and the other not yet.
    cluster.announced(&one, &second).await;
    one.announcements.announce(&[user("ann")], &new(&third)).await.expect("lost on the way");
    cluster.relay.lose(false);
    let expected = [new(&first), new(&second), new(&third)];
    for process in [&one, &other] {
        assert_eq!(heard(process, 3).await, expected);
    }
    cluster.announced(&one, &third).await;
    let fourth = cluster.made(10).await;
    cluster.announced(&other, &fourth).await;
    for process in [&one, &other] {
        assert_eq!(heard(process, 4).await[3], new(&fourth), "nothing is told twice");
    }
}

#[tokio::test]
async fn a_listener_that_is_too_slow_misses_nothing() {
    let cluster = Cluster::new().await;
    let [one, other] = [cluster.process().await, cluster.process().await];
    let mut made = Vec::new();
    for secs in 0..200 {
        made.push(cluster.made(secs).await);
    }
    let to = |message| Addressed { to: vec![user("ann")], announcement: new(message) };
    let all: Vec<_> = made.iter().map(to).collect();
    one.announcements.announce_all(&all).await.expect("more than the relay keeps");
    let expected: Vec<_> = made.iter().map(new).collect();
    for process in [&one, &other] {
        assert_eq!(heard(process, made.len()).await, expected);
    }
}

#[tokio::test]
async fn what_was_left_is_told_once_here_and_elsewhere() {
    let cluster = Cluster::new().await;
    let [one, other] = [cluster.process().await, cluster.process().await];
    let message = cluster.made(1).await;
    assert!(one.announcements.leave(&[user("ann")], &message).await.expect("handed over"));
    assert_eq!(heard(&other, 2).await[0], new(&message));
    cluster.announced(&other, &message).await;
    let last = cluster.made(2).await;
    cluster.announced(&other, &last).await;
    assert_eq!(heard(&one, 3).await[2], new(&last));
    assert_eq!(heard(&other, 3).await[2], new(&last));
}

#[tokio::test]
async fn events_of_different_uploads_may_come_in_any_order() {
    let cluster = Cluster::new().await;
    let process = cluster.process().await;
    let [one, other] = [cluster.made(1).await, cluster.made(2).await].map(|made| Progress::of_message(&made));
    let from = Uuid::new_v4();
    let parcel = |number, announcement| {
        let what = Addressed { to: vec![user("ann")], announcement };
        Parcel { from, number, is_told_there: false, what }
    };
    let [started, paused] = [Announcement::UploadStarted(one.clone()), Announcement::UploadPaused(one)];
    let elsewhere = Announcement::UploadStarted(other);
    let parcels = [
        parcel(3, paused.clone()),
        // It is about the same upload, and comes too late.
        parcel(1, started),
        parcel(2, elsewhere.clone()),
        parcel(4, paused.clone()),
    ];
    cluster.relay.hand_on(&parcels).await.expect("handed on");
    assert_eq!(heard(&process, 3).await, [paused.clone(), elsewhere, paused]);
}

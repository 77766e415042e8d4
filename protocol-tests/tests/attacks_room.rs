//! One user who tries to fill a small disk: whatever this user announces, sends or joins, other users are
//! served, the reserve that the records need stays free, and memory stays bounded.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use harness::attack::{self, WAVE};
use harness::chat::{Chat, User, check_detail};
use harness::http::{Connection, Request};
use harness::note::note;
use harness::server::Setup;
use harness::token::Token;
use harness::{multipart, tus, wait};
use protocol_tests::crash::{Format, Image};
use tokio::task::JoinSet;
use tokio::time::Instant;

const MIB: u64 = 1 << 20;

/// The reserve: how many bytes of the disk the server leaves free.
const RESERVE: u64 = 64 * MIB;
const DISK_MIB: u64 = 400;
/// How many bytes of the reserve the records and the file system may take: it is meant for them.
const RECORDS: u64 = 12 * MIB;
/// How many bytes the server may have resident, with ten bodies that come at full speed.
const ALLOWED: u64 = 120 * MIB;

/// A server on a small disk of its own.
struct House {
    chat: Arc<Chat>,
    least_free: Arc<AtomicU64>,
    image: Arc<Image>,
}

impl House {
    /// A server on a new disk; `None`, with a note, where no disk can be mounted.
    async fn new(setup: Setup) -> Option<Self> {
        let image = match Image::new(Format::Ext4, DISK_MIB) {
            Ok(image) => Arc::new(image),
            Err(why) => {
                note(format_args!("LEFT OUT, as no disk can be mounted here: {why}"));
                return None;
            }
        };
        let setup = setup.data_folder(&image.root().join("data")).setting("--reserve", RESERVE);
        let chat = Arc::new(Chat::on(setup).await);
        Some(Self { chat, least_free: Arc::new(AtomicU64::new(u64::MAX)), image })
    }

    fn free(&self) -> u64 {
        let stat = rustix::fs::statvfs(self.image.root()).expect("it is mounted");
        stat.f_bavail * stat.f_frsize
    }

    /// Runs an attack, while another user has to get an upload of 2 MiB, a message and the health of the
    /// server through.
    async fn others_are_served_while(&self, attack: impl AsyncFnMut()) {
        let watched = async {
            loop {
                self.least_free.fetch_min(self.free(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let others = async || self.is_somebody_served().await;
        tokio::select! {
            () = attack::beside(&self.chat.server, ALLOWED, others, attack) => {}
            () = watched => unreachable!("it goes on"),
        }
    }

    async fn is_somebody_served(&self) {
        let chat = &self.chat;
        chat.server.request("GET", "/healthz").send().await.expecting(200);
        let location = self.until_taken(|| tus::creation(chat, &chat.bob, "/files", 2 * MIB), 201).await;
        let location = location.expect("the creation was taken");
        self.until_taken(|| tus::patch(chat, &chat.bob, &location, 0).body(vec![7; 2 << 20]), 204).await;
        // Only the attack is to fill the disk.
        tus::request(chat, &chat.bob, "DELETE", &location).send().await.expecting(204);
        let form = || {
            multipart::Form::of("note.txt", b"x", &chat.conversation).into_request(chat.one_shot(&chat.bob))
        };
        self.until_taken(form, 200).await;
    }

    /// Repeats a request until there is room, and returns its `Location`; every refusal before says when to
    /// ask again.
    async fn until_taken(&self, request: impl Fn() -> Request, status: u16) -> Option<String> {
        wait::until("a request is taken", async || {
            let answer = request().send().await;
            if answer.status == 507 {
                assert!(answer.header("Retry-After").is_some());
                return None;
            }
            Some(answer.expecting(status).header("Location").map(str::to_owned))
        })
        .await
    }

    /// Checks that the reserve stayed free and that the server lives.
    async fn is_well(&self) {
        let least = self.least_free.load(Ordering::Relaxed);
        note(format_args!("{} MiB were free at the least", least / MIB));
        assert!(least >= RESERVE - RECORDS, "{least} bytes were free");
        assert!(!self.chat.server.has_died());
    }
}

fn part(chat: &Chat, user: &User, length: u64) -> Request {
    tus::creation(chat, user, "/files", length).header("Upload-Concat", "partial")
}

/// Creates a part with all of its bytes, and returns its URL.
async fn whole_part(chat: &Chat, user: &User, bytes: usize) -> String {
    let location = part(chat, user, bytes as u64).send().await.expecting(201);
    let location = location.expect("Location").to_owned();
    tus::patch(chat, user, &location, 0).body(vec![3; bytes]).send().await.expecting(204);
    location
}

/// A request that joins these parts; each name makes another final upload.
fn join(chat: &Chat, user: &User, parts: &str, name: &str) -> Request {
    tus::request(chat, user, "POST", "/files")
        .header("Upload-Concat", format!("final;{parts}"))
        .header("Upload-Metadata", tus::metadata(&[("filename", name)]))
}

fn path_of(location: &str) -> &str {
    location.rsplit_once("/files/").map_or(location, |(_, id)| id)
}

#[tokio::test(flavor = "multi_thread")]
async fn creations_without_a_byte_lock_no_other_user_out() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default()).await else { return };
    let chat = &house.chat;
    let mut taken = 0;
    let attack = async || {
        let end = Instant::now() + WAVE;
        while Instant::now() < end {
            let answer = tus::creation_in_chat(chat, 100 * MIB).send().await;
            assert!([201, 507].contains(&answer.status), "{}", answer.text());
            taken += u64::from(answer.status == 201);
        }
    };
    house.others_are_served_while(attack).await;
    note(format_args!("{taken} promises were made"));
    let metrics = chat.server.request("GET", "/metrics").send().await.expecting(200).text().clone();
    let figure = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(&format!("longhaul_{name} ")));
        line.and_then(|line| line.split(' ').nth(1)?.parse::<u64>().ok()).expect("it is told")
    };
    let (reserved, free) = (figure("room_reserved_bytes"), figure("room_free_bytes"));
    assert!(reserved > 0 && reserved <= 3 * (reserved + free) / 4 + MIB, "{reserved} of {free}");
    chat.server.request("GET", "/readyz").send().await.expecting(200);
    house.is_well().await;
}

/// The room that a silent client reserved goes to a client that sends. The silent client's bytes stay, and
/// its upload goes on when there is room again.
#[tokio::test(flavor = "multi_thread")]
async fn a_promise_lapses_when_its_room_is_wanted() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default().setting("--lapse-after", "1s")).await else { return };
    let chat = &house.chat;
    let silent = tus::create(chat, 200 * MIB, &[]).await;
    tus::append(chat, &silent, 0, &vec![1; 20 << 20]).await.expecting(204);
    let creation = tus::creation(chat, &chat.bob, "/files", 200 * MIB);
    let location = house.until_taken(|| creation.clone(), 201).await.expect("taken");
    let sent = vec![2; 200 << 20];
    house.until_taken(|| tus::patch(chat, &chat.bob, &location, 0).body(sent.clone()), 204).await;
    let refused = tus::append(chat, &silent, 20 * MIB, &vec![1; 180 << 20]).await;
    check_detail(&refused, 507);
    assert!(refused.header("Retry-After").is_some());
    assert_eq!(tus::offset(chat, &silent).await, 20 * MIB, "nothing is lost");
    let metrics = chat.server.request("GET", "/metrics").send().await.text().clone();
    assert!(metrics.lines().any(|line| line == "longhaul_promises_lapsed_total 1"), "{metrics}");
    tus::request(chat, &chat.bob, "DELETE", &location).send().await.expecting(204);
    tus::append(chat, &silent, 20 * MIB, &vec![1; 180 << 20]).await.expecting(204);
    assert_eq!(chat.first_message().await["file_size"], 200 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_unknown_length_side_by_side_leave_the_reserve() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default()).await else { return };
    let attack = async || {
        let end = Instant::now() + WAVE;
        let mut attackers = JoinSet::new();
        for _ in 0..10 {
            let chat = Arc::clone(&house.chat);
            attackers.spawn(async move {
                while Instant::now() < end {
                    let request = multipart::content_type(chat.one_shot(&chat.alice)).chunked();
                    endless(request, multipart::before_file("a").as_bytes(), end).await;
                }
            });
        }
        attackers.join_all().await;
    };
    house.others_are_served_while(attack).await;
    house.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_unknown_length_side_by_side_leave_the_reserve() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default()).await else { return };
    let attack = async || {
        let end = Instant::now() + WAVE;
        let mut attackers = JoinSet::new();
        for _ in 0..10 {
            let chat = Arc::clone(&house.chat);
            attackers.spawn(async move {
                while Instant::now() < end {
                    let creation =
                        tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Defer-Length", 1);
                    let answer = creation.send().await;
                    let Some(location) = answer.header("Location").map(str::to_owned) else { continue };
                    endless(tus::patch(&chat, &chat.alice, &location, 0).chunked(), &[], end).await;
                    tus::request(&chat, &chat.alice, "DELETE", &location).send().await;
                }
            });
        }
        attackers.join_all().await;
    };
    house.others_are_served_while(attack).await;
    house.is_well().await;
}

/// Sends chunks until the server refuses or the time is up.
async fn endless(request: Request, beginning: &[u8], end: Instant) {
    let mut connection: Connection = request.open().await;
    if !beginning.is_empty() && !connection.pour_chunk(beginning).await {
        return;
    }
    let piece = vec![0; 1 << 20];
    while Instant::now() < end && connection.pour_chunk(&piece).await {}
    if let Ok(answer) = tokio::time::timeout(Duration::from_secs(1), connection.try_answer(false)).await {
        assert!(answer.is_ok_and(|answer| answer.status == 507));
    }
}

/// The joins name a part of 20 MiB forty times, or eight times.
#[tokio::test(flavor = "multi_thread")]
async fn joins_without_room_wait_and_leave_the_reserve() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default()).await else { return };
    let chat = &house.chat;
    let twenty = whole_part(chat, &chat.alice, 20 << 20).await;
    let twenty = format!("/files/{}", path_of(&twenty));
    let mut number = 0;
    let attack = async || {
        let end = Instant::now() + WAVE;
        while Instant::now() < end {
            // Forty times never fits; eight times fits once, but not again and again.
            for times in [40, 8] {
                number += 1;
                let parts = vec![twenty.as_str(); times].join(" ");
                let answer = join(chat, &chat.alice, &parts, &format!("{number}.mp4")).send().await;
                assert!([201, 503, 507].contains(&answer.status), "{} {}", answer.status, answer.text());
                if answer.status != 201 {
                    // Joins that wait for room count as unfinished uploads, whose limit is reached in the
                    // end.
                    let is_told = answer.header("Retry-After").is_some();
                    assert!(is_told || answer.text().contains("unfinished uploads"), "{}", answer.text());
                }
            }
        }
    };
    house.others_are_served_while(attack).await;
    house.is_well().await;
    let listed = tus::request(chat, &chat.alice, "GET", "/files").send().await.expecting(200).json();
    let made = listed["uploads"].as_array().map_or(0, Vec::len);
    note(format_args!("{made} uploads wait or are made"));
}

/// A join costs its sender one small request; many of them do not delay the joins of other users.
#[tokio::test(flavor = "multi_thread")]
async fn joins_of_a_part_named_a_hundred_times_delay_no_other_user() {
    let _alone = harness::heavy::alone().await;
    let Some(house) = House::new(Setup::default()).await else { return };
    let chat = &house.chat;
    let five = format!("/files/{}", path_of(&whole_part(chat, &chat.alice, 5000).await));
    let parts = vec![five.as_str(); 120].join(" ");
    let (mut wave, mut joined) = (0, 0);
    let attack = async || {
        wave += 1;
        let end = Instant::now() + WAVE;
        let mut attackers = JoinSet::new();
        for worker in 0..6 {
            let (chat, parts) = (Arc::clone(&house.chat), parts.clone());
            attackers.spawn(async move {
                let mut number = 0;
                while Instant::now() < end {
                    number += 1;
                    let name = format!("{wave}-{worker}-{number}.mp4");
                    let answer = join(&chat, &chat.alice, &parts, &name).send().await;
                    assert!([201, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
                    if let Some(made) = answer.header("Location") {
                        // Filling the disk is another attack.
                        tus::request(&chat, &chat.alice, "DELETE", made).send().await.expecting(204);
                    }
                }
            });
        }
        while Instant::now() < end {
            let two = [whole_part(chat, &chat.bob, 1000).await, whole_part(chat, &chat.bob, 1000).await];
            let both = two.map(|location| format!("/files/{}", path_of(&location))).join(" ");
            join(chat, &chat.bob, &both, "b.mp4").send().await.expecting(201);
            joined += 1;
        }
        attackers.join_all().await;
    };
    house.others_are_served_while(attack).await;
    note(format_args!("another user's parts were joined {joined} times meanwhile"));
    house.is_well().await;
}

/// The limit of unfinished uploads lets a phone's photos and their parts through, stops a user with more, and
/// does not bind a backend.
#[tokio::test(flavor = "multi_thread")]
async fn the_limit_of_unfinished_uploads_leaves_phones_and_backends_alone() {
    let chat = Chat::on(Setup::default().setting("--max-unfinished", 8)).await;
    for _ in 0..6 {
        let parts = [whole_part(&chat, &chat.alice, 100).await, whole_part(&chat, &chat.alice, 100).await];
        let both = parts.map(|location| format!("/files/{}", path_of(&location))).join(" ");
        let made = join(&chat, &chat.alice, &both, "a.jpg").send().await.expecting(201);
        let made = made.expect("Location").to_owned();
        tus::request(&chat, &chat.alice, "DELETE", &made).send().await.expecting(204);
    }
    chat.server.restart().await;
    for _ in 0..8 {
        part(&chat, &chat.alice, 5).send().await.expecting(201);
    }
    check_detail(&part(&chat, &chat.alice, 5).send().await, 507);
    let name = "backend@example.com".to_owned();
    let backend = User { token: Token::of(&name).with("scope", "chat backend").mint(), name };
    for _ in 0..20 {
        part(&chat, &backend, 5).send().await.expecting(201);
    }
}

//! Limits per user and per process: one user's uploads do not take the room, the memory or the descriptors of
//! others.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use harness::chat::{Chat, check_detail};
use harness::http::{Connection, Request};
use harness::note::note;
use harness::server::Setup;
use harness::{tus, wait};
use tokio::task::JoinSet;

mod well;

use well::{ALLOWED, is_well};

const MIB: u64 = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_creations_by_one_user_stops_at_the_limit_and_is_that_users_problem() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::on(Setup::default().setting("--max-unfinished", 40)).await;
    let mut flood = JoinSet::new();
    for _ in 0..8 {
        flood.spawn(create_many(tus::creation_in_chat(&chat, 5), 100));
    }
    let locations = flood.join_all().await.concat();
    assert_eq!(locations.len(), 40, "all of them at once are no more than one after the other");

    check_detail(&tus::creation_in_chat(&chat, 5).send().await, 507);
    tus::creation(&chat, &chat.bob, "/files", 5).send().await.expecting(201);
    assert_eq!(tus::offset(&chat, &locations[0]).await, 0, "what is there goes on");
    tus::append(&chat, &locations[0], 0, b"whole").await.expecting(204);
    tus::request(&chat, &chat.alice, "DELETE", &locations[1]).send().await.expecting(204);
    for _ in 0..2 {
        tus::creation_in_chat(&chat, 5).send().await.expecting(201);
    }
    check_detail(&tus::creation_in_chat(&chat, 5).send().await, 507);
    is_well(&chat, ALLOWED).await;

    chat.server.restart().await;
    check_detail(&tus::creation_in_chat(&chat, 5).send().await, 507);
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_and_waiting_concatenations_are_part_of_the_limit() {
    let chat = Chat::on(Setup::default().setting("--max-unfinished", 3)).await;
    let partial = || tus::creation(&chat, &chat.alice, "/files", 5).header("Upload-Concat", "partial");
    let first = partial().send().await.expecting(201).expect("Location").to_owned();
    let second = partial().send().await.expecting(201).expect("Location").to_owned();
    let join = |parts: &str| {
        let text = format!("final;{parts}");
        tus::request(&chat, &chat.alice, "POST", "/files").header("Upload-Concat", text)
    };
    let both = format!("{first} {second}");
    let made = join(&both).send().await.expecting(201).expect("Location").to_owned();
    check_detail(&partial().send().await, 507);
    check_detail(&join(&first).send().await, 507);
    let again = join(&both).send().await.expecting(201);
    assert_eq!(again.expect("Location"), made, "what is there already needs no room");
}

/// No byte is sent: reserved bytes count from the creation.
#[tokio::test(flavor = "multi_thread")]
async fn creations_reserve_their_bytes() {
    let chat = Chat::on(Setup::default().setting("--max-reserved-bytes", 100 * MIB)).await;
    let id = tus::metadata(&[("client_message_id", "one")]);
    let first = tus::creation_in_chat(&chat, 60 * MIB).header("Upload-Metadata", id);
    let location = first.clone().send().await.expecting(201).expect("Location").to_owned();
    let detail = check_detail(&tus::creation_in_chat(&chat, 60 * MIB).send().await, 507);
    assert!(detail.contains("reserved"), "{detail}");
    assert_eq!(first.send().await.expecting(201).expect("Location"), location, "asked for once more");
    check_detail(
        &tus::creation(&chat, &chat.eve, &format!("/conversations/{}/files", chat.conversation), 60 * MIB)
            .send()
            .await,
        403,
    );
    tus::creation(&chat, &chat.bob, "/files", 60 * MIB).send().await.expecting(201);
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    tus::creation_in_chat(&chat, 60 * MIB).send().await.expecting(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_room_of_a_disk_is_reserved_once() {
    const GIB: u64 = 1 << 30;
    let free = free_space();
    if free < 8 * GIB {
        note(format_args!("left out: the disk of the temporary folder has less than 8 GiB"));
        return;
    }
    // The server may use about 6 GiB, whatever else happens on this disk meanwhile.
    let chat = Chat::on(Setup::default().setting("--reserve", free - 6 * GIB)).await;
    let location = tus::create(&chat, 4 * GIB, &[]).await;
    let refused = tus::creation(&chat, &chat.bob, "/files", 4 * GIB).send().await;
    assert!(check_detail(&refused, 507).contains("no room"));
    tus::append(&chat, &location, 0, b"goes on").await.expecting(204);
    tus::request(&chat, &chat.alice, "DELETE", &location).send().await.expecting(204);
    tus::creation(&chat, &chat.bob, "/files", 4 * GIB).send().await.expecting(201);
}

/// Each slow upload takes two descriptors. Syncing their files must not take a third one, and connections
/// that come when there are no more wait outside.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_with_few_descriptors_takes_as_many_connections_as_it_can_serve() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = with_few_descriptors(folder.path(), 256);
    let chat = Chat::on(Setup::default().binary(&program)).await;
    assert!(chat.server.log().contains("fewer connections"), "{}", chat.server.log());

    // Their rows together exceed the batch that waits for sled, and there are few enough for other
    // connections to fit.
    let (inside, outside) = (90, 40);
    let (piece, rest) = (vec![b'a'; 60 << 10], vec![b'b'; 10]);
    let length = (piece.len() + rest.len()) as u64;
    let locations = create_many(tus::creation_in_chat(&chat, length), inside + outside).await;
    let mut slow = Vec::new();
    for (number, location) in locations.iter().enumerate() {
        if number == inside {
            for location in &locations[..inside] {
                wait::until_true("what came is recorded", async || {
                    let status = chat.status(location).await.expecting(200).json();
                    status["offset"] == piece.len()
                })
                .await;
            }
        }
        let patch = tus::patch(&chat, &chat.alice, location, 0).declared_length(length);
        let mut connection = patch.open().await;
        connection.send(&piece).await;
        slow.push(connection);
    }
    for mut connection in slow {
        connection.send(&rest).await;
        connection.answer().await.expecting(204);
    }
    assert_eq!(chat.messages().await.len(), inside + outside);
    is_well(&chat, ALLOWED).await;
}

/// A program that starts the server with this limit of open files.
fn with_few_descriptors(folder: &Path, count: u64) -> PathBuf {
    let program = folder.join("longhaul");
    let server = harness::binary::longhaul().display();
    fs::write(&program, format!("#!/bin/sh\nulimit -n {count}\nexec '{server}' \"$@\"\n")).expect("written");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("made a program");
    program
}

/// Asks for `count` uploads, one after the other, and returns the URLs of those that were created.
async fn create_many(creation: Request, count: usize) -> Vec<String> {
    let mut connection = Connection::open(creation.address()).await;
    let mut locations = Vec::new();
    for _ in 0..count {
        let answer = connection.request(&creation).await;
        match answer.status {
            201 => locations.push(answer.expect("Location").to_owned()),
            _ => assert!(check_detail(&answer, 507).contains("unfinished uploads")),
        }
    }
    locations
}

/// The free bytes of the disk with the servers' folders.
fn free_space() -> u64 {
    let stat = rustix::fs::statvfs(std::env::temp_dir()).expect("the folder is there");
    stat.f_bavail * stat.f_frsize
}

//! Bodies of many bytes, whose middle goes past the page cache: wherever they are cut, and whatever is
//! killed, what is stored is what was sent.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;

use harness::chat::Chat;
use harness::content::Content;
use harness::heavy::alone;
use harness::left_out::left_out;
use harness::multipart::Form;
use harness::server::Setup;
use harness::{tus, wait};
use protocol_tests::crash::{Format, Image};

const MIB: u64 = 1 << 20;
/// The beginning and the end stay in memory; this is many times more.
const SIZE: u64 = 40 * MIB + 4321;

/// Sends bytes up to `until` of a body that was to bring all, and breaks off.
async fn broken_off(chat: &Chat, location: &str, content: &Content, from: u64, until: u64) {
    let patch = tus::patch(chat, &chat.alice, location, from);
    let mut connection = patch.declared_length(content.len() - from).open().await;
    _ = connection.try_send(&content.slice(from..until)).await;
}

async fn dies(chat: &Chat, step: &str) {
    let status = chat.server.ended(wait::BOUND).await;
    assert_eq!(status.signal(), Some(9), "the server reached {step} and killed itself");
}

async fn finish(chat: &Chat, location: &str, content: &Content) {
    let offset = tus::offset(chat, location).await;
    tus::append(chat, location, offset, &content.slice(offset..content.len())).await.expecting(204);
    is_whole(chat, content).await;
}

async fn is_whole(chat: &Chat, content: &Content) {
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    chat.check_folders().await;
}

/// Each request begins where the last one was cut off, which is never where a block begins.
#[tokio::test]
async fn a_film_that_is_cut_off_anywhere_is_what_was_sent() {
    for (durability, reserve) in [("power", 256 * MIB), ("power", 0), ("process", 256 * MIB)] {
        let setup = Setup::default().setting("--durability", durability).setting("--reserve", reserve);
        let (chat, content) = (Chat::on(setup).await, Content::random(SIZE));
        let location = tus::create(&chat, SIZE, &[]).await;
        for until in [7 * MIB + 1, 11 * MIB + 4095, 14 * MIB - 1, 20 * MIB + 77, 29 * MIB + 4097, 39 * MIB] {
            let offset = tus::offset(&chat, &location).await;
            broken_off(&chat, &location, &content, offset, until).await;
        }
        finish(&chat, &location, &content).await;
    }
}

#[tokio::test]
async fn a_film_in_chunks_of_any_size_is_what_was_sent() {
    for chunk in [5 * MIB, 3 * MIB + 1, MIB + 4095] {
        let (chat, content) = (Chat::start().await, Content::random(SIZE));
        let location = tus::create(&chat, SIZE, &[]).await;
        let mut at = 0;
        while at < SIZE {
            let until = SIZE.min(at + chunk);
            tus::append(&chat, &location, at, &content.slice(at..until)).await.expecting(204);
            at = until;
        }
        is_whole(&chat, &content).await;
    }
}

#[tokio::test]
async fn a_film_as_a_form_is_what_was_sent() {
    let (chat, content) = (Chat::start().await, Content::random(SIZE));
    let form = Form::of("a.mp4", &content.bytes(), &chat.conversation);
    form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    is_whole(&chat, &content).await;
}

/// A kill with writes on their way in any order, and room reserved that nothing fills.
#[tokio::test]
async fn a_kill_past_the_page_cache_leaves_what_was_recorded() {
    for step in ["past.reserved", "past.written", "past.written:2", "past.written:9", "past.written:20"] {
        let (chat, content) = (Chat::on(Setup::default().crash_at(step)).await, Content::random(SIZE));
        let location = tus::create(&chat, SIZE, &[]).await;
        broken_off(&chat, &location, &content, 0, SIZE).await;
        dies(&chat, step).await;
        chat.server.restart_with(Setup::default()).await;
        let offset = tus::offset(&chat, &location).await;
        assert!(offset < SIZE, "{step}: {offset}");
        finish(&chat, &location, &content).await;
    }
}

/// A form is announced with its length, so room is reserved for it too. Nothing of it is left.
#[tokio::test]
async fn a_kill_in_a_large_form_leaves_nothing_of_it() {
    for step in ["past.reserved", "past.written:9"] {
        let (chat, content) = (Chat::on(Setup::default().crash_at(step)).await, Content::random(SIZE));
        let form = || Form::of("a.mp4", &content.bytes(), &chat.conversation);
        _ = form().into_request(chat.one_shot(&chat.alice)).try_send().await;
        dies(&chat, step).await;
        chat.server.restart_with(Setup::default()).await;
        form().into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
        is_whole(&chat, &content).await;
    }
}

/// The kernel of the machine that lost its power had writes on their way, room reserved, and a length that
/// was not on the disk.
#[tokio::test]
async fn a_power_cut_leaves_what_was_recorded() {
    for format in [Format::Ext4, Format::Xfs] {
        if left_out("xfs") {
            return;
        }
        let _heavy = alone().await;
        let mut disk = Image::new(format, 512).expect("it can be mounted, or is left out");
        let on = |disk: &Image| {
            let folder = disk.root().join("data");
            Setup::default().setting("--durability", "power").data_folder(&folder)
        };
        let (chat, content) = (Chat::on(on(&disk)).await, Content::random(SIZE));
        let location = tus::create(&chat, SIZE, &[]).await;
        let mut told = 0;
        for until in [12 * MIB + 1, 21 * MIB + 4097, 33 * MIB + 77] {
            let patch = tus::patch(&chat, &chat.alice, &location, told);
            let mut connection = patch.declared_length(SIZE - told).open().await;
            connection.send(&content.slice(told..until)).await;
            let recorded = async || offset_told(&chat, &location).await > told;
            wait::until_true("some of it is recorded", recorded).await;
            let before = offset_told(&chat, &location).await;
            chat.server.freeze();
            let cut = disk.cut();
            chat.server.kill().await;
            disk = cut;
            chat.server.restart_with(on(&disk)).await;
            told = tus::offset(&chat, &location).await;
            assert!(told >= before, "{format:?}: {before} bytes were told of, {told} are left");
        }
        finish(&chat, &location, &content).await;
    }
}

/// The offset that others are told, which takes nothing over.
async fn offset_told(chat: &Chat, location: &str) -> u64 {
    chat.status(location).await.expecting(200).json()["offset"].as_u64().expect("a number")
}

/// Something else fills the disk, so that there is neither room for what was promised, nor to reserve more.
#[tokio::test]
async fn a_disk_that_is_full_in_the_middle_costs_no_byte_that_was_recorded() {
    // Where no XFS can be mounted, no other image can.
    if left_out("xfs") {
        return;
    }
    let disk = Image::new(Format::Ext4, 160).expect("it can be mounted, or is left out");
    let data = disk.root().join("data");
    let chat = Chat::on(Setup::default().setting("--reserve", 16 * MIB).data_folder(&data)).await;
    let content = Content::random(SIZE);
    let location = tus::create(&chat, SIZE, &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0);
    let mut connection = patch.declared_length(SIZE).open().await;
    connection.send(&content.slice(0..12 * MIB)).await;
    wait::until_true("some of it is recorded", async || offset_told(&chat, &location).await > 0).await;
    let ballast = File::create(disk.root().join("ballast")).expect("made");
    let piece = vec![7; 1 << 20];
    while (&ballast).write_all(&piece).is_ok() {}
    _ = connection.try_send(&content.slice(12 * MIB..SIZE)).await;
    let answer = wait::bounded("the request ends", connection.try_answer(false)).await;
    assert!(answer.is_ok_and(|answer| answer.status >= 500), "there is no room");
    std::fs::remove_file(disk.root().join("ballast")).expect("made before");
    drop(ballast);
    finish(&chat, &location, &content).await;
}

//! The process: how it starts, what it refuses to start with, and how it ends.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use harness::chat::{Chat, check_detail};
use harness::content::Content;
use harness::http::Connection;
use harness::server::{Setup, run_to_its_end};
use harness::{multipart, tus, wait};
use serde_json::json;

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn sigterm_under_a_running_patch_keeps_its_bytes_and_ends_with_0() {
    let chat = Chat::on(Setup::default().setting("--drain-timeout", 5)).await;
    let content = Content::random(40 * MIB);
    let location = tus::create(&chat, content.len(), &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).declared_length(content.len());
    let mut running = patch.open().await;
    running.send(&content.slice(0..9 * MIB)).await;
    let recorded = wait::until("a checkpoint is recorded", async || {
        let offset = chat.status(&location).await.expecting(200).json()["offset"].as_u64();
        offset.filter(|offset| *offset > 0)
    })
    .await;
    chat.server.terminate();
    running.gone().await;
    assert_eq!(chat.server.ended(Duration::from_secs(30)).await.code(), Some(0));

    chat.server.restart().await;
    let kept = tus::offset(&chat, &location).await;
    assert!((recorded..=9 * MIB).contains(&kept), "{recorded} recorded, {kept} kept");
    let rest = content.slice(kept..content.len());
    tus::append(&chat, &location, kept, &rest).await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    chat.check_folders().await;
}

#[tokio::test]
async fn sigterm_at_rest_ends_with_0_and_loses_nothing() {
    let chat = Chat::start().await;
    let message = chat.post("a.txt", b"x").await;
    let member = chat.socket(&chat.bob).await;
    let idle = Connection::open(chat.server.address()).await;
    chat.server.terminate();
    assert_eq!(chat.server.ended(Duration::from_secs(30)).await.code(), Some(0));
    drop(idle);
    chat.server.restart().await;
    assert_eq!(chat.only_message().await, message);
    let back = || member.all("connect").len() >= 2;
    wait::until_true("the socket has come back by itself", async || back()).await;
}

/// Whether the process has read all bytes that its connections received, as Linux tells.
fn nothing_is_unread(address: SocketAddr) -> bool {
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let ours = format!(":{:04X}", address.port());
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .all(|fields| !fields[1].ends_with(&ours) || fields[3] != "01" || fields[4].ends_with(":00000000"))
}

/// Waits until the server accepts no more connections, with which a shutdown begins.
async fn drains(chat: &Chat) {
    wait::until_true("the server takes no more connections", async || {
        Connection::try_open(chat.server.address()).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn sigterm_lets_a_one_shot_end_and_takes_no_new_one() {
    let chat = Chat::on(Setup::default().setting("--drain-timeout", 60)).await;
    let content = Content::random(12 * MIB);
    let fields = [("conversation_id", chat.conversation.as_str())];
    let body = [
        multipart::before_file("late.mp4").into_bytes(),
        content.bytes(),
        multipart::after_file(&fields).into_bytes(),
    ]
    .concat();
    let one_shot = multipart::content_type(chat.one_shot(&chat.alice)).declared_length(body.len() as u64);
    let mut running = one_shot.open().await;
    running.send(&body[..10_000_000]).await;
    let folder = chat.server.folder();
    wait::until_true("the file is on its way to the disk", async || !folder.parts().is_empty()).await;
    let head = one_shot.head();
    let mut kept = Connection::open(chat.server.address()).await;
    assert_eq!(kept.request(&chat.server.request("GET", "/healthz")).await.status, 200);
    kept.send(&head[..20]).await;
    let mut socket = Connection::open(chat.server.address()).await;
    socket.send(b"GET /socket.io/?EIO=4&trans").await;

    wait::until_true("the server has read what was sent", async || nothing_is_unread(chat.server.address()))
        .await;
    chat.server.terminate();
    drains(&chat).await;
    kept.send(&head[20..]).await;
    let refused = kept.answer().await;
    check_detail(&refused, 503);
    assert!(refused.number("Retry-After") > 0);
    socket.send(b"port=polling HTTP/1.1\r\nHost: chat.example\r\n\r\n").await;
    let refused = socket.answer().await;
    check_detail(&refused, 503);
    assert!(refused.number("Retry-After") > 0);

    running.send(&body[10_000_000..]).await;
    let message = running.answer().await.expecting(200).json()["message"].clone();
    assert_eq!(chat.server.ended(wait::BOUND).await.code(), Some(0));
    chat.server.restart().await;
    assert_eq!(chat.only_message().await, message);
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    chat.check_folders().await;
}

#[tokio::test]
async fn a_one_shot_that_does_not_end_in_time_leaves_nothing() {
    let chat = Chat::on(Setup::default().setting("--drain-timeout", 1)).await;
    let mut running =
        multipart::content_type(chat.one_shot(&chat.alice)).declared_length(64 * MIB).open().await;
    running.send(multipart::before_file("gone.mp4").as_bytes()).await;
    running.send(&Content::random(10 * MIB).bytes()).await;
    let folder = chat.server.folder();
    wait::until_true("the file is on its way to the disk", async || !folder.parts().is_empty()).await;
    chat.server.terminate();
    assert_eq!(chat.server.ended(wait::BOUND).await.code(), Some(0));
    running.gone().await;
    chat.server.restart().await;
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_lets_a_send_over_a_socket_end_and_closes_the_others_at_once() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::on(Setup::default().setting("--drain-timeout", 60)).await;
    let member = chat.socket(&chat.bob).await;
    let mut sender = chat.socket(&chat.alice).await;
    let content = Content::random(30_000_000);
    content.write_to(&chat.server.scratch("large.mp4"));
    let data = json!({"conversation_id": chat.conversation, "type": "video", "file_name": "large.mp4"});
    let order = json!({"emit": "send_message", "data": data, "file": chat.server.scratch("large.mp4"), "ack": "large"});
    sender.order(&order).await;
    let folder = chat.server.folder();
    wait::until_true("the file is on its way to the disk", async || !folder.parts().is_empty()).await;
    chat.server.terminate();
    assert_eq!(member.saw("disconnect").await["reason"], "transport close");
    let ack = sender.saw("ack").await;
    sender.saw("disconnect").await;
    assert_eq!(chat.server.ended(wait::BOUND).await.code(), Some(0));

    chat.server.restart().await;
    let message = chat.only_message().await;
    assert_eq!(ack["answer"], json!({"success": true, "message": message}));
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
    let back = || sender.all("connect").len() >= 2 && member.all("connect").len() >= 2;
    wait::until_true("the sockets have come back by themselves", async || back()).await;
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_refuses_to_start() {
    let chat = Chat::start().await;
    let folder = chat.server.folder();
    let folder = folder.path().to_str().expect("a path of ours is text");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--jwt-secret",
        "anything that is long enough for HS256",
        "--data-dir",
        folder,
    ];
    let second = run_to_its_end(&arguments, &[]).await;
    assert!(second.status.code().is_some_and(|code| code != 0), "{second}");
    assert!(second.log.contains(folder), "it names the folder: {second}");
    assert!(!second.log.contains("panicked"), "{second}");
    chat.post("still-alive.txt", b"x").await;
}

#[tokio::test]
async fn without_a_key_it_listens_on_loopback_only() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let folder = folder.path().to_str().expect("a path of ours is text");
    for address in ["0.0.0.0:0", "[::]:0"] {
        let death = run_to_its_end(&["--listen", address, "--data-dir", folder], &[]).await;
        assert!(death.status.code().is_some_and(|code| code != 0), "{death}");
        assert!(death.log.contains("--jwt-secret") && death.log.contains("loopback"), "it says why: {death}");
        assert!(!death.log.contains("panicked"), "{death}");
    }
}

#[tokio::test]
async fn bad_settings_are_named_all_at_once() {
    let bad = [
        ("--listen", "LONGHAUL_LISTEN", "nowhere"),
        ("--durability", "LONGHAUL_DURABILITY", "hope"),
        ("--digest", "LONGHAUL_DIGEST", "crc7"),
        ("--payload", "LONGHAUL_PAYLOAD", "tape"),
        ("--max-upload-size", "LONGHAUL_MAX_UPLOAD_SIZE", "much"),
        ("--expire-after", "LONGHAUL_EXPIRE_AFTER", "never"),
        ("--cors-origin", "LONGHAUL_CORS_ORIGIN", "example.com"),
        ("--log", "RUST_LOG", "loud"),
    ];
    let arguments: Vec<_> = bad.iter().flat_map(|(flag, _, value)| [*flag, *value]).collect();
    let environment: Vec<_> = bad.iter().map(|(_, name, value)| (*name, *value)).collect();
    for death in [run_to_its_end(&arguments, &[]).await, run_to_its_end(&[], &environment).await] {
        assert!(death.status.code().is_some_and(|code| code != 0), "{death}");
        for (flag, _, value) in bad {
            assert!(death.log.contains(flag) && death.log.contains(value), "{flag} {value}: {death}");
        }
    }
}

#[tokio::test]
async fn a_setting_may_come_from_the_environment() {
    for (size, bytes) in [("1234", 1234), ("2 MiB", 2 * MIB), ("1gb", 1_000_000_000)] {
        let server = Setup::default().env("LONGHAUL_MAX_UPLOAD_SIZE", size).start().await;
        let answer = server.request("OPTIONS", "/files").send().await;
        assert_eq!(answer.number("Tus-Max-Size"), bytes, "{size}");
    }
}

#[tokio::test]
async fn a_variable_that_is_no_setting_is_named() {
    let environment = [("LONGHAUL_MAX_UPLOADSIZE", "1GiB"), ("LONGHAUL_RESERVE", "much")];
    let death = run_to_its_end(&[], &environment).await;
    assert_eq!(death.status.code(), Some(2), "{death}");
    for named in ["LONGHAUL_MAX_UPLOADSIZE", "--reserve", "much"] {
        assert!(death.log.contains(named), "{named}: {death}");
    }
}

#[tokio::test]
async fn a_switch_in_the_environment_is_yes_or_no() {
    let death = run_to_its_end(&[], &[("LONGHAUL_TRUST_FORWARDED", "perhaps")]).await;
    assert_eq!(death.status.code(), Some(2), "{death}");
    assert!(death.log.contains("--trust-forwarded") && death.log.contains("perhaps"), "{death}");
    let server = Setup::default().env("LONGHAUL_TRUST_FORWARDED", "off").start().await;
    server.request("GET", "/readyz").send().await.expecting(200);
}

#[tokio::test]
async fn the_help_names_every_setting_that_others_rely_on() {
    let help = run_to_its_end(&["--help"], &[]).await;
    assert_eq!(help.status.code(), Some(0));
    for (flag, variable) in [
        ("--listen", "LONGHAUL_LISTEN"),
        ("--ops-listen", "LONGHAUL_OPS_LISTEN"),
        ("--data-dir", "LONGHAUL_DATA_DIR"),
        ("--jwt-secret", "LONGHAUL_JWT_SECRET"),
        ("--max-upload-size", "LONGHAUL_MAX_UPLOAD_SIZE"),
        ("--expire-after", "LONGHAUL_EXPIRE_AFTER"),
        ("--durability", "LONGHAUL_DURABILITY"),
        ("--digest", "LONGHAUL_DIGEST"),
        ("--payload", "LONGHAUL_PAYLOAD"),
    ] {
        assert!(help.log.contains(flag) && help.log.contains(variable), "{flag}");
    }
}

#[tokio::test]
async fn the_secret_is_not_told() {
    let chat = Chat::on(Setup::default().env("RUST_LOG", "debug")).await;
    let _socket = chat.socket(&chat.bob).await;
    let form = harness::multipart::Form::of("private-name.txt", b"private bytes", &chat.conversation);
    let form = form.field("content", "private caption");
    form.into_request(chat.one_shot(&chat.alice)).send().await.expecting(200);
    let log = chat.server.log();
    assert!(!log.is_empty());
    for secret in [chat.alice.token.as_str(), &chat.bob.token, "private caption", "private bytes"] {
        assert!(!log.contains(secret), "the log tells {secret}");
    }
}

#[tokio::test]
async fn a_demo_prints_where_its_page_is_and_fits_on_a_screen() {
    let server = Setup::default().demo().start().await;
    let address = format!("{}/", server.url());
    wait::until_true("the address of the page is printed", async || {
        server.printed().iter().any(|line| line.contains(&address))
    })
    .await;
    assert!(server.printed().len() < 20, "{:?}", server.printed());
    let page = server.request("GET", &address).send().await.expecting(200);
    assert!(page.expect("Content-Type").starts_with("text/html"));
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_a_clear_error() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let file = folder.path().join("a-file");
    std::fs::write(&file, b"in the way").expect("a file of ours can be made");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).expect("the file is ours");
    let data = file.to_str().expect("a path of ours is text");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--jwt-secret",
        "anything that is long enough for HS256",
        "--data-dir",
        data,
    ];
    let death = run_to_its_end(&arguments, &[]).await;
    assert!(death.status.code().is_some_and(|code| code != 0) && death.status.signal().is_none(), "{death}");
    assert!(death.log.contains(data) && !death.log.contains("panicked"), "{death}");
}

//! The data folder: its permissions, the file systems that it may lie on, and the errors when it cannot be
//! used.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use harness::chat::{Chat, check_detail};
use harness::server::{Server, Setup, run_to_its_end};
use harness::{tus, wait};
use serde_json::json;
use tempfile::TempDir;

/// The path of Linux's file system in memory. It differs from that of the temporary folder, and cannot sync
/// single files to a disk.
const IN_MEMORY: &str = "/dev/shm";

fn temporary() -> TempDir {
    tempfile::tempdir().expect("the system has a folder for temporary files")
}

fn in_memory() -> TempDir {
    let closed = Permissions::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(closed).tempdir_in(IN_MEMORY);
    folder.expect("there is a file system in memory")
}

/// Settings with a small reserve, so that small disks have room.
fn roomy() -> Setup {
    Setup::default().setting("--reserve", "1MiB")
}

fn modes_below(folder: &Path, modes: &mut Vec<(PathBuf, u32)>) {
    let mode = fs::symlink_metadata(folder).expect("it is there").permissions().mode();
    modes.push((folder.to_owned(), mode & 0o7777));
    for entry in fs::read_dir(folder).into_iter().flatten() {
        modes_below(&entry.expect("readable").path(), modes);
    }
}

#[tokio::test]
async fn stored_files_are_open_to_the_user_and_the_group_only() {
    for payload in ["disk", "sled"] {
        let chat = Chat::on(Setup::default().setting("--payload", payload)).await;
        let unfinished = tus::create(&chat, 500, &[]).await;
        tus::append(&chat, &unfinished, 0, b"hello").await.expecting(204);
        chat.post("a.txt", b"x").await;
        let mut modes = Vec::new();
        modes_below(chat.server.folder().path(), &mut modes);
        assert!(modes.len() > 8, "{modes:?}");
        for (path, mode) in modes {
            let most = if path.is_dir() { 0o750 } else { 0o640 };
            assert_eq!(mode & !most, 0, "{mode:o} {}", path.display());
            assert_eq!(mode & 0o600, 0o600, "{mode:o} {}", path.display());
        }
        assert!(!chat.server.log().contains("open to others"), "{}", chat.server.log());
    }
}

#[tokio::test]
async fn a_folder_that_is_open_to_others_is_named_with_what_closes_it() {
    let data = temporary();
    fs::set_permissions(data.path(), Permissions::from_mode(0o755)).expect("the folder is ours");
    let server = Setup::default().data_folder(data.path()).start().await;
    fs::write(data.path().join("chats/open"), b"x").expect("the folder is ours");
    let log = server.log();
    let line = log.lines().find(|line| line.contains("open to others")).unwrap_or_else(|| panic!("{log}"));
    assert!(line.contains("WARN"), "{line}");
    let command = line.split('`').nth(1).expect("a command in backticks");
    let closed = Command::new("sh").args(["-c", command]).status().expect("sh is there");
    assert!(closed.success(), "{command}");
    server.restart().await;
    assert_eq!(server.log().matches("open to others").count(), 1, "{}", server.log());
}

/// Starts a server on a folder that it has to refuse, and returns its log.
async fn refused(data: &Path, arguments: &[&str]) -> String {
    let data = data.to_str().expect("a path of ours is text");
    let usual = ["--listen", "127.0.0.1:0", "--data-dir", data];
    let death = run_to_its_end(&[&usual[..], arguments].concat(), &[]).await;
    assert_eq!(death.status.code(), Some(2), "{death}");
    assert!(!death.log.contains("panicked"), "{death}");
    death.log
}

fn names_both(data: &Path, log: &str) {
    for name in ["parts", "chats"] {
        let path = data.join(name).display().to_string();
        assert!(log.contains(&path), "{path}: {log}");
    }
}

#[tokio::test]
async fn parts_and_chats_on_two_file_systems_are_refused_and_both_are_named() {
    for name in ["parts", "chats"] {
        let (data, other) = (temporary(), in_memory());
        symlink(other.path(), data.path().join(name)).expect("the folder is ours");
        names_both(data.path(), &refused(data.path(), &[]).await);
        assert!(!data.path().join("records").exists(), "nothing was stored");
        assert!(fs::read_dir(other.path()).expect("readable").next().is_none(), "nothing is left");
    }
}

#[tokio::test]
async fn two_mounts_of_one_file_system_are_refused() {
    let (data, other) = (temporary(), temporary());
    fs::create_dir(data.path().join("chats")).expect("the folder is ours");
    let Some(_mount) = Mount::new(&["--bind"], other.path(), &data.path().join("chats")) else { return };
    names_both(data.path(), &refused(data.path(), &[]).await);
}

#[tokio::test]
async fn a_folder_that_is_a_link_as_a_whole_is_used() {
    let (data, other) = (temporary(), in_memory());
    let link = data.path().join("data");
    symlink(other.path(), &link).expect("the folder is ours");
    let chat = Chat::on(roomy().data_folder(&link)).await;
    let message = chat.post("a.txt", b"x").await;
    assert_eq!(chat.media(&message).await.body, b"x");
}

/// A mount, which is undone at the end of the test.
struct Mount(PathBuf);

impl Mount {
    /// Mounts `what`; `None`, with a note, where that is not allowed.
    fn new(options: &[&str], what: &Path, at: &Path) -> Option<Self> {
        is_done(Command::new("mount").args(options).args([what, at])).then(|| Self(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

async fn readiness(server: &Server) -> (u16, serde_json::Value) {
    let answer = server.request("GET", "/readyz").send().await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_server_that_can_make_no_message_is_not_ready_until_it_can() {
    let chat = Chat::start().await;
    let chats = chat.server.folder().path().join("chats");
    let aside = chats.with_file_name("aside");
    fs::rename(&chats, &aside).expect("the folder is ours");
    let location = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
    wait::until_true("it is not ready", async || readiness(&chat.server).await.0 == 503).await;
    let (_, answer) = readiness(&chat.server).await;
    assert_eq!((&answer["ready"], &answer["detail"]), (&json!(false), &json!("no message can be made")));
    let patch = tus::patch(&chat, &chat.alice, &location, 0).body(b"hello");
    let sending = tokio::spawn(async move { patch.send().await.status });
    wait::until_true("a finalization fails", async || {
        chat.server.log().contains("finalizing failed and will be tried again")
    })
    .await;

    fs::rename(&aside, &chats).expect("the folder is ours");
    wait::until_true("it is ready", async || readiness(&chat.server).await.0 == 200).await;
    let message = chat.first_message().await;
    assert_eq!(chat.media(&message).await.body, b"hello");
    assert!([204, 423, 503].contains(&sending.await.expect("it was sent")));
    chat.check_folders().await;
}

#[tokio::test]
async fn a_server_is_not_ready_under_a_mount_that_came_later() {
    let chat = Chat::start().await;
    chat.post("a.txt", b"x").await;
    let chats = chat.server.folder().path().join("chats");
    let mount = Mount::new(&["-t", "tmpfs"], Path::new("none"), &chats);
    let Some(mount) = mount else { return };
    wait::until_true("it is not ready", async || readiness(&chat.server).await.0 == 503).await;
    assert!(chat.server.log().contains("no message can be made"), "{}", chat.server.log());
    drop(mount);
    wait::until_true("it is ready", async || readiness(&chat.server).await.0 == 200).await;
    chat.post("b.txt", b"x").await;
}

#[tokio::test]
async fn a_missing_file_is_410_on_every_route() {
    let chat = Chat::start().await;
    let location = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
    tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    let message = chat.only_message().await;
    let media = message["media_url"].as_str().expect("a URL").to_owned();
    let unbound = tus::create_unbound(&chat, 5).await;
    tus::append(&chat, &unbound, 0, b"hello").await.expecting(204);
    for folder in ["chats", "parts"] {
        let folder = chat.server.folder().path().join(folder);
        fs::remove_dir_all(&folder).expect("the folder is ours");
        fs::create_dir(&folder).expect("the folder is ours");
    }
    for url in [&media, &location, &unbound] {
        let read = chat.request(&chat.alice, "GET", url);
        assert_eq!(check_detail(&read.clone().send().await, 410), "The file is gone", "{url}");
        check_detail(&read.header("Range", "bytes=1-2").send().await, 410);
    }
    let head = chat.request(&chat.bob, "HEAD", &media).send().await;
    assert_eq!(head.status, 410, "a HEAD says what a GET would");
    let errors = chat.server.log().lines().filter(|line| line.contains("ERROR")).count();
    assert_eq!(errors, 7, "each is logged once: {}", chat.server.log());
    assert!(!chat.server.log().contains("a.txt"), "{}", chat.server.log());
}

#[tokio::test]
async fn a_file_that_is_cut_short_is_an_error_before_a_byte_of_it_is_sent() {
    let chat = Chat::start().await;
    let message = chat.post("a.txt", b"hello").await;
    let id = message["_id"].as_str().expect("an id");
    fs::write(chat.server.folder().path().join("chats").join(id).join("a.txt"), b"hel").expect("ours");
    let media = message["media_url"].as_str().expect("a URL");
    check_detail(&chat.request(&chat.bob, "GET", media).send().await, 500);
}

#[tokio::test]
async fn a_power_cut_is_promised_only_where_the_file_system_keeps_the_promise() {
    let (data, other) = (in_memory(), in_memory());
    let log = refused(data.path(), &["--durability", "power"]).await;
    assert!(log.contains("--durability process") && log.contains(IN_MEMORY), "{log}");
    let named = [("LONGHAUL_DURABILITY", "power")];
    let path = other.path().to_str().expect("a path of ours is text");
    let death = run_to_its_end(&["--listen", "127.0.0.1:0", "--data-dir", path], &named).await;
    assert_eq!(death.status.code(), Some(2), "{death}");

    let server = roomy().data_folder(data.path()).start().await;
    assert_eq!(readiness(&server).await, (200, json!({"ready": true, "durability": "process"})));
    let metrics = server.request("GET", "/metrics").send().await.text();
    assert!(metrics.contains("longhaul_durability{kind=\"process\"} 1"), "{metrics}");
    let log = server.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains("--durability process")).collect();
    assert!(matches!(told[..], [line] if line.contains("WARN")), "{log}");
    assert!(log.lines().next().is_some_and(|line| line.contains("INFO")), "{log}");

    server.restart_with(roomy().data_folder(data.path()).setting("--durability", "process")).await;
    assert_eq!(readiness(&server).await, (200, json!({"ready": true, "durability": "process"})));
    assert!(!server.log()[log.len()..].contains("WARN"), "what was asked for is no news: {}", server.log());
}

#[tokio::test]
async fn durability_power_is_reported_as_well() {
    let Some(disk) = Disk::of("ext4") else { return };
    for setup in [roomy(), roomy().setting("--durability", "power")] {
        let server = setup.data_folder(&disk.data()).start().await;
        assert_eq!(readiness(&server).await, (200, json!({"ready": true, "durability": "power"})));
        let metrics = server.request("GET", "/metrics").send().await.text();
        assert!(metrics.contains("longhaul_durability{kind=\"power\"} 1"), "{metrics}");
        // The next one needs the folder, which is free when this one has ended.
        server.kill().await;
    }
}

#[tokio::test]
async fn every_file_system_that_is_said_to_be_supported_is() {
    for kind in ["ext4", "xfs", "btrfs"] {
        let Some(disk) = Disk::of(kind) else { continue };
        let setup = roomy().data_folder(&disk.data()).setting("--durability", "power");
        let chat = Chat::on(setup).await;
        let message = chat.post("a.txt", b"x").await;
        let location = tus::create(&chat, 5, &[("filename", "b.txt")]).await;
        tus::append(&chat, &location, 0, b"he").await.expecting(204);
        chat.server.restart().await;
        tus::append(&chat, &location, 2, b"llo").await.expecting(204);
        assert_eq!(chat.media(&message).await.body, b"x", "{kind}");
        assert_eq!(chat.messages().await.len(), 2, "{kind}");
    }
}

/// Runs a tool that needs root or a kernel module; false, with a note, if it failed.
fn is_done(command: &mut Command) -> bool {
    let why = match command.output() {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    // The note is printed past the runner's capture, because a part of the test is left out.
    let line = format!("LEFT OUT, as this cannot be done here: {command:?}: {}\n", why.trim());
    _ = std::io::stderr().write_all(line.as_bytes());
    false
}

/// A file system of its own, on a loop device.
struct Disk {
    folder: TempDir,
    _mount: Mount,
}

impl Disk {
    /// Makes and mounts a file system of this kind; `None`, with a note, where that is not possible.
    fn of(kind: &str) -> Option<Self> {
        let folder = in_memory();
        let (image, at) = (folder.path().join("image"), folder.path().join("disk"));
        fs::create_dir(&at).expect("the folder is ours");
        let file = fs::File::create(&image).and_then(|file| file.set_len(400 << 20));
        file.expect("the folder is ours");
        let force = if kind == "ext4" { "-F" } else { "-f" };
        if !is_done(Command::new(format!("mkfs.{kind}")).args(["-q", force]).arg(&image)) {
            return None;
        }
        let mount = Mount::new(&["-o", "loop"], &image, &at)?;
        Some(Self { folder, _mount: mount })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("disk/data")
    }
}

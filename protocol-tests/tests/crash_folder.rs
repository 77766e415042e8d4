//! Foreign and damaged files in the data folder: the server leaves foreign files alone, and names in plain
//! words what it cannot work with, without deleting anything.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use harness::chat::Chat;
use harness::content::Content;
use harness::note::note;
use harness::server::{Death, Server, Setup};
use harness::{tus, wait};
use serde_json::Value;

/// Every file below a folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path);
        }
    }
    found
}

/// Checks that no file was deleted.
fn are_kept(before: &BTreeSet<PathBuf>, folder: &Path, what: &str) {
    let gone: Vec<_> = before.difference(&files(folder)).cloned().collect();
    assert!(gone.is_empty(), "{what}: {gone:?} were deleted");
}

/// Checks that the server ended in order and named this path.
fn is_clear(death: &Death, path: &Path, what: &str) {
    let log = last_start(&death.log);
    assert_eq!(death.status.code(), Some(2), "{what}: {}: {log}", death.status);
    let said = log.split("longhaul does not start:").nth(1).unwrap_or_default();
    assert!(
        said.contains(path.to_str().expect("a path of ours is text")),
        "{what}: it names the path: {log}"
    );
}

/// The log of the last start.
fn last_start(log: &str) -> &str {
    let start = log.rfind("longhaul does not start:").unwrap_or_default();
    &log[start..]
}

#[tokio::test]
async fn foreign_files_stay() {
    let chat = Chat::start().await;
    let message = chat.post("a.txt", b"hello").await;
    chat.server.kill().await;
    let data = chat.server.folder().path().to_owned();
    let foreign = [
        "README.txt",
        "parts/notes.txt",
        "parts/0123456789abcdef0123456789abcdef.part",
        "parts/folder/file",
        "chats/folder/file",
        "chats/file",
        "records/notes.txt",
    ];
    for name in foreign {
        let path = data.join(name);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder of ours can be made");
        fs::write(path, name).expect("a file of ours can be written");
    }
    chat.server.restart().await;
    assert_eq!(chat.only_message().await, message);
    let location = tus::create(&chat, 5, &[]).await;
    tus::append(&chat, &location, 0, b"world").await.expecting(204);
    chat.server.restart().await;
    for name in foreign {
        let found = fs::read_to_string(data.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found, name);
    }
}

/// A folder is never a part file, whatever its name: its files are left alone.
#[tokio::test]
async fn a_folder_that_is_named_like_a_part_is_left_alone() {
    let chat = Chat::start().await;
    chat.server.kill().await;
    let folder = chat.server.folder().path().join("parts/0123456789abcdef0123456789abcdef");
    fs::create_dir(&folder).expect("a folder of ours can be made");
    fs::write(folder.join("file"), b"somebody's").expect("a file of ours can be written");
    chat.server.restart().await;
    chat.post("a.txt", b"hello").await;
    assert!(folder.join("file").exists());
}

#[tokio::test]
async fn a_file_in_the_way_is_named() {
    for (name, folder_in_the_way) in
        [("format", true), ("format", false), ("parts", false), ("chats", false), ("records", false)]
    {
        note(format_args!("{name} is in the way, as a folder: {folder_in_the_way}"));
        let server = Server::start().await;
        server.kill().await;
        let path = server.folder().path().join(name);
        let aside = server.scratch("aside");
        fs::rename(&path, &aside).expect("it was there");
        if folder_in_the_way {
            fs::create_dir(&path).expect("a folder of ours can be made");
        } else {
            fs::write(&path, b"\xff\xfe not ours").expect("a file of ours can be written");
        }
        let before = files(server.folder().path());
        let in_the_way = fs::read(&path).ok();
        let death = server.try_restart_with(Setup::default()).await.expect_err("it cannot be used");
        is_clear(&death, server.folder().path(), name);
        are_kept(&before, server.folder().path(), name);
        assert_eq!(fs::read(&path).ok(), in_the_way, "{name}: what is in the way stays as it is");
        if folder_in_the_way { fs::remove_dir(&path) } else { fs::remove_file(&path) }.expect("it is ours");
        fs::rename(&aside, &path).expect("it is ours");
        server.restart().await;
    }
}

/// A damage to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Gone,
    Emptied,
    Halved,
    /// The file's beginning is overwritten.
    Overwritten,
    /// The whole file is zeroed.
    Zeroed,
}

const DAMAGES: [Damage; 5] =
    [Damage::Gone, Damage::Emptied, Damage::Halved, Damage::Overwritten, Damage::Zeroed];

impl Damage {
    fn strike(self, path: &Path) {
        let bytes = fs::read(path).expect("it is there");
        let (half, head) = (bytes.len() / 2, bytes.len().min(4096));
        let struck = match self {
            Self::Gone => return fs::remove_file(path).expect("it is ours"),
            Self::Emptied => Vec::new(),
            Self::Halved => bytes[..half].to_vec(),
            Self::Overwritten => [vec![0xa5; head], bytes[head..].to_vec()].concat(),
            Self::Zeroed => vec![0; bytes.len()],
        };
        fs::write(path, struck).expect("it is ours");
    }
}

/// A server with a message and a half sent upload.
struct Stored {
    chat: Chat,
    message: Value,
    location: String,
    content: Content,
}

const HALF: u64 = 100_003;

impl Stored {
    async fn new() -> Self {
        let chat = Chat::start().await;
        let message = chat.post("a.txt", b"hello").await;
        let content = Content::random(2 * HALF);
        let location = tus::create(&chat, content.len(), &[]).await;
        tus::append(&chat, &location, 0, &content.slice(0..HALF)).await.expecting(204);
        // After a restart, the files that a start makes of the journal can be damaged as well.
        chat.server.restart().await;
        chat.server.kill().await;
        Self { chat, message, location, content }
    }

    async fn is_all_there(&self) -> bool {
        let head = tus::head(&self.chat, &self.location).await;
        self.chat.messages().await == [self.message.clone()]
            && self.chat.media(&self.message).await.body == b"hello"
            && head.status == 200
            && head.number("Upload-Offset") == HALF
    }

    fn records(&self) -> PathBuf {
        self.chat.server.folder().path().join("records")
    }
}

#[tokio::test]
async fn damaged_records_are_a_clear_error_and_a_backup_helps() {
    let stored = Stored::new().await;
    let (records, backup) = (stored.records(), stored.chat.server.scratch("backup"));
    copy(&records, &backup);
    let mut silently_lost = Vec::new();
    for name in &files(&records) {
        for damage in DAMAGES {
            let short = name.strip_prefix(&records).expect("it is below").display().to_string();
            let what = format!("{damage:?}: {short}");
            damage.strike(name);
            let before = files(&records);
            match stored.chat.server.try_restart_with(Setup::default()).await {
                Ok(()) if stored.is_all_there().await => note(format_args!("{what}: it was not needed")),
                Ok(()) => silently_lost.push(what),
                Err(death) => {
                    is_clear(&death, &records, &what);
                    are_kept(&before, &records, &what);
                    note(format_args!("{what}: {}", last_start(&death.log)));
                }
            }
            put_back(&stored, &records, &backup).await;
        }
    }
    assert!(silently_lost.is_empty(), "it started without what it had: {silently_lost:?}");
    stored.chat.server.restart().await;
    assert!(stored.is_all_there().await, "the backup has everything");
    let rest = stored.content.slice(HALF..stored.content.len());
    tus::append(&stored.chat, &stored.location, HALF, &rest).await.expecting(204);
}

async fn put_back(stored: &Stored, records: &Path, backup: &Path) {
    if stored.chat.server.is_started() {
        stored.chat.server.kill().await;
    }
    fs::remove_dir_all(records).expect("it is ours");
    copy(backup, records);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of ours can be made");
    for entry in fs::read_dir(from).expect("the folder is there") {
        let path = entry.expect("a readable entry").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("there is room for a copy");
        }
    }
}

/// A part that is shorter than its record is reported as damage: its upload ends, and all else goes on.
#[tokio::test]
async fn a_part_that_lost_bytes_is_refused_and_the_rest_goes_on() {
    let stored = Stored::new().await;
    let parts = stored.chat.server.folder().parts();
    let [part] = &parts[..] else { panic!("one part: {parts:?}") };
    fs::write(part, b"short").expect("it is ours");
    stored.chat.server.restart().await;
    assert_eq!(stored.chat.only_message().await, stored.message);
    let rest = stored.content.slice(HALF..stored.content.len());
    let answer = tus::append(&stored.chat, &stored.location, HALF, &rest).await;
    assert_eq!(answer.status, 410, "{}", answer.text());
    assert_eq!(tus::head(&stored.chat, &stored.location).await.status, 410);
    stored.chat.post("still-works.txt", b"x").await;
}

/// The message has its id already, and its file is gone: the sender is told, and nothing waits for ever.
#[tokio::test]
async fn a_file_that_is_lost_after_its_message_was_claimed_ends_its_upload() {
    let chat = Chat::on(Setup::default().crash_at("finalize.claimed")).await;
    let content = Content::random(100_003).bytes();
    let location = tus::create(&chat, content.len() as u64, &[("client_message_id", "lost")]).await;
    _ = tus::patch(&chat, &chat.alice, &location, 0).body(content).try_send().await;
    chat.server.ended(wait::BOUND).await;
    for part in chat.server.folder().parts() {
        fs::remove_file(part).expect("it is ours");
    }
    chat.server.restart_with(Setup::default()).await;
    chat.upload_is(&location, "rejected").await;
    let head = tus::head(&chat, &location).await;
    assert_eq!((head.status, head.header("chat-upload-state")), (410, Some("rejected")));
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
    chat.post("still-works.txt", b"x").await;
}

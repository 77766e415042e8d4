//! `longhaul check`: a folder is clean after every kill, every damage is found, and the check changes
//! nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::chat::Chat;
use harness::content::Content;
use harness::multipart::Form;
use harness::server::{Death, Setup, run_to_its_end};
use harness::tus;
use serde_json::Value;

const CLEAN: Option<i32> = Some(0);
const WRONG: Option<i32> = Some(1);
const UNREADABLE: Option<i32> = Some(2);

/// The steps at which the process is killed, some at a later occurrence. Each leaves the folder in another
/// state.
const KILLS: [&str; 15] = [
    "create.recorded",
    "append.written",
    "append.synced",
    "append.recorded",
    "append.recorded:3",
    "join.adopted",
    "join.recorded",
    "finalize.claimed",
    "place.directory",
    "place.renamed",
    "finalize.placed",
    "finalize.committed",
    "publish.announced",
    "publish.cleared",
    "remove.recorded",
];

async fn check(folder: &Path, further: &[&str]) -> Death {
    let folder = folder.to_str().expect("a path of ours is text");
    run_to_its_end(&[&["check", "--data-dir", folder], further].concat(), &[]).await
}

async fn is_clean(chat: &Chat, when: &str) {
    for further in [&[][..], &["--deep"]] {
        let outcome = check(chat.server.folder().path(), further).await;
        assert_eq!(outcome.status.code(), CLEAN, "{when}: {outcome}");
        assert!(outcome.log.contains("nothing is wrong"), "{when}: {outcome}");
    }
}

/// Uses everything once: an upload in two requests, an abandoned one, joined parts, a one-shot, an ended
/// upload. The server may die at any of these requests.
async fn use_everything(chat: &Chat) -> std::io::Result<()> {
    let bytes = Content::random(30_000).bytes();
    let (first, second) = bytes.split_at(10_000);
    let location = located(tus::creation_in_chat(chat, 30_000).try_send().await?)?;
    tus::patch(chat, &chat.alice, &location, 0).body(first).try_send().await?;
    tus::patch(chat, &chat.alice, &location, 10_000).body(second).try_send().await?;
    let left = located(tus::creation_in_chat(chat, 30_000).try_send().await?)?;
    tus::patch(chat, &chat.alice, &left, 0).body(first).try_send().await?;
    let mut parts = Vec::new();
    for part in [first, second] {
        let creation = tus::creation(chat, &chat.alice, "/files", part.len() as u64);
        let partial = creation.header("Upload-Concat", "partial");
        let url = located(partial.try_send().await?)?;
        tus::patch(chat, &chat.alice, &url, 0).body(part).try_send().await?;
        parts.push(url);
    }
    let join =
        tus::request(chat, &chat.alice, "POST", &format!("/conversations/{}/files", chat.conversation));
    join.header("Upload-Concat", format!("final;{}", parts.join(" "))).try_send().await?;
    let form = Form::of("a.bin", first, &chat.conversation);
    form.into_request(chat.one_shot(&chat.alice)).try_send().await?;
    tus::request(chat, &chat.alice, "DELETE", &left).try_send().await?;
    Ok(())
}

fn located(answer: harness::http::Response) -> std::io::Result<String> {
    answer.header("Location").map(str::to_owned).ok_or_else(|| std::io::ErrorKind::InvalidData.into())
}

#[tokio::test]
async fn a_folder_is_clean_after_a_kill_at_every_step_and_after_what_follows() {
    for step in KILLS {
        let chat = Chat::on(Setup::default().crash_at(step)).await;
        _ = use_everything(&chat).await;
        let status = chat.server.ended(Duration::from_secs(60)).await;
        assert_eq!(status.signal(), Some(9), "{step} was reached");
        is_clean(&chat, &format!("killed at {step}")).await;
        chat.server.restart_with(Setup::default()).await;
        use_everything(&chat).await.expect("the server is up again");
        chat.server.kill().await;
        is_clean(&chat, &format!("after {step} and another kill")).await;
    }
}

#[tokio::test]
async fn a_folder_is_clean_wherever_its_bytes_are() {
    let chat = Chat::on(Setup::default().setting("--payload", "sled")).await;
    use_everything(&chat).await.expect("the server is up");
    chat.server.kill().await;
    is_clean(&chat, "bytes beside the records").await;
}

#[tokio::test]
async fn a_folder_that_a_server_has_open_is_left_alone() {
    let chat = Chat::start().await;
    let outcome = check(chat.server.folder().path(), &[]).await;
    assert_eq!(outcome.status.code(), UNREADABLE, "{outcome}");
    assert!(outcome.log.contains("in use"), "{outcome}");
    chat.post("still-alive.txt", b"x").await;
}

#[tokio::test]
async fn a_folder_that_is_no_data_folder_is_named_and_left_empty() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    for path in [folder.path().to_owned(), folder.path().join("missing")] {
        let outcome = check(&path, &[]).await;
        assert_eq!(outcome.status.code(), UNREADABLE, "{outcome}");
        assert!(outcome.log.contains(path.to_str().expect("text")), "{outcome}");
        assert!(!outcome.log.contains("panicked"), "{outcome}");
    }
    assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 0, "nothing was made");
}

#[tokio::test]
async fn records_that_cannot_be_read_are_said_to_be_damaged() {
    let stage = Stage::new().await;
    fs::write(stage.folder().join("records/db"), b"").expect("the file is ours");
    let outcome = check(&stage.folder(), &[]).await;
    assert_eq!(outcome.status.code(), UNREADABLE, "{outcome}");
    assert!(outcome.log.contains("damaged") && !outcome.log.contains("panicked"), "{outcome}");
}

#[tokio::test]
async fn a_check_changes_nothing() {
    let stage = Stage::new().await;
    let before = image(&stage.folder());
    for further in [&[][..], &["--deep"]] {
        assert_eq!(check(&stage.folder(), further).await.status.code(), CLEAN);
        assert!(image(&stage.folder()) == before, "{further:?}");
    }
}

#[tokio::test]
async fn the_folder_may_be_named_by_the_environment_and_settings_of_the_server_are_not_taken() {
    let stage = Stage::new().await;
    let folder = stage.folder();
    let folder = folder.to_str().expect("a path of ours is text");
    let outcome =
        run_to_its_end(&["check"], &[("LONGHAUL_DATA_DIR", folder), ("LONGHAUL_LISTEN", "nowhere")]).await;
    assert_eq!(outcome.status.code(), CLEAN, "{outcome}");
    for arguments in [&["check", "--listen", "127.0.0.1:0"][..], &["--data-dir", folder, "check"]] {
        let outcome = run_to_its_end(arguments, &[]).await;
        assert_eq!(outcome.status.code(), UNREADABLE, "{outcome}");
    }
}

/// Each damage by itself: its making, the words of the check about it, and whether only `--deep` sees it.
#[tokio::test]
async fn every_damage_is_found() {
    type Damage = fn(&Stage);
    let damages: [(&str, &str, bool, Damage); 9] = [
        ("a part that is cut", "shorter than its ledger", false, |stage| cut(&stage.part())),
        ("a part that is gone", "is missing", false, |stage| remove(&stage.part())),
        ("a part with another byte", "recorded digest", true, |stage| turn(&stage.part())),
        ("a file that is cut", "fewer than", false, |stage| cut(&stage.media())),
        ("a file that is longer", "more than", false, |stage| grow(&stage.media())),
        ("a file that is gone", "is missing", false, |stage| remove(&stage.media())),
        ("a folder that is gone", "is missing", false, |stage| {
            fs::remove_dir_all(stage.media().parent().expect("a folder")).expect("the folder is ours");
        }),
        ("a file with another byte", "recorded SHA-256", true, |stage| turn(&stage.media())),
        ("a folder without a message", "there is no message", false, |stage| {
            fs::create_dir(stage.folder().join("chats/0123456789abcdef01234567"))
                .expect("the folder is ours");
        }),
    ];
    let stage = Stage::new().await;
    for (what, said, is_deep, damage) in damages {
        let whole = image(&stage.folder());
        damage(&stage);
        let outcome = check(&stage.folder(), &["--deep"]).await;
        assert_eq!(outcome.status.code(), WRONG, "{what}: {outcome}");
        let wrong = outcome.log.lines().filter(|line| line.starts_with("wrong: ")).collect::<Vec<_>>();
        assert!(matches!(&wrong[..], [line] if line.contains(said)), "{what}: {outcome}");
        assert!(outcome.log.contains("1 thing is wrong"), "{what}: {outcome}");
        let shallow = check(&stage.folder(), &[]).await.status.code();
        assert_eq!(shallow, if is_deep { CLEAN } else { WRONG }, "{what}");
        restore(&stage.folder(), &whole);
    }
    assert_eq!(check(&stage.folder(), &["--deep"]).await.status.code(), CLEAN, "it is whole again");
}

/// Neither files that no record needs nor foreign files are damage: the next start frees the former and
/// leaves the latter.
#[tokio::test]
async fn orphans_and_foreign_files_are_noted_and_no_damage() {
    let stage = Stage::new().await;
    let orphan = "0123456789abcdef0123456789abcdef";
    fs::write(stage.folder().join("parts").join(orphan), b"of nobody").expect("the file is ours");
    fs::write(stage.folder().join("chats/README"), b"of an operator").expect("the file is ours");
    let outcome = check(&stage.folder(), &[]).await;
    assert_eq!(outcome.status.code(), CLEAN, "{outcome}");
    for name in [orphan, "README"] {
        let noted = outcome.log.lines().any(|line| line.starts_with("note: ") && line.contains(name));
        assert!(noted, "{name}: {outcome}");
    }
    stage.chat.server.restart().await;
    stage.chat.server.terminate();
    stage.chat.server.ended(Duration::from_secs(30)).await;
    let outcome = check(&stage.folder(), &[]).await;
    assert!(!outcome.log.contains(orphan), "{outcome}");
}

/// A server that has ended, with an unfinished upload and a message.
struct Stage {
    chat: Chat,
    upload: String,
    message: Value,
}

impl Stage {
    async fn new() -> Self {
        let chat = Chat::start().await;
        let upload = tus::create(&chat, 5000, &[]).await;
        tus::append(&chat, &upload, 0, &Content::random(3000).bytes()).await.expecting(204);
        let message = chat.post("a.bin", &Content::random(2000).bytes()).await;
        chat.server.terminate();
        chat.server.ended(Duration::from_secs(30)).await;
        Self { chat, upload, message }
    }

    fn folder(&self) -> PathBuf {
        self.chat.server.folder().path().to_owned()
    }

    fn part(&self) -> PathBuf {
        let id = tus::id_of(&self.upload);
        let parts = self.chat.server.folder().parts();
        parts.into_iter().find(|part| part.ends_with(id)).expect("the part is there")
    }

    fn media(&self) -> PathBuf {
        self.folder().join("chats").join(self.message["_id"].as_str().expect("an id")).join("a.bin")
    }
}

fn cut(file: &Path) {
    let bytes = fs::read(file).expect("the file is there");
    fs::write(file, &bytes[..bytes.len() - 1]).expect("the file is ours");
}

fn grow(file: &Path) {
    let bytes = fs::read(file).expect("the file is there");
    fs::write(file, [bytes, vec![0]].concat()).expect("the file is ours");
}

fn turn(file: &Path) {
    let mut bytes = fs::read(file).expect("the file is there");
    bytes[1000] ^= 1;
    fs::write(file, bytes).expect("the file is ours");
}

fn remove(file: &Path) {
    fs::remove_file(file).expect("the file is ours");
}

/// The bytes of every file below a folder, by path; none for a folder.
type Image = BTreeMap<PathBuf, Option<Vec<u8>>>;

fn image(folder: &Path) -> Image {
    let mut image = Image::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            image.extend(self::image(&path));
            image.insert(path, None);
        } else {
            let bytes = fs::read(&path).expect("the file is there");
            image.insert(path, Some(bytes));
        }
    }
    image
}

fn restore(folder: &Path, whole: &Image) {
    for path in image(folder).into_keys().filter(|path| !whole.contains_key(path)) {
        _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
    }
    for (path, bytes) in whole {
        match bytes {
            None => fs::create_dir_all(path).expect("the folder is ours"),
            Some(bytes) => fs::write(path, bytes).expect("the file is ours"),
        }
    }
}

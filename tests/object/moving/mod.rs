//! `longhaul move`, run as the program that it is: killed in the middle, run again, and compared.

mod folder;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use clap::Parser;
use futures_util::TryStreamExt;
use longhaul::backend::{Backend, Shared};
use longhaul::check::{Manner, check_online};
use longhaul::config::{Command as Settings, Config};
use longhaul::message::{Message, MessageId};
use longhaul::store::contract::samples::{at, conversation, user};
use longhaul::store::memory::MemoryAnnouncements;
use longhaul::store::{Claim, Messages, Payloads, Place, Source, Stores};
use longhaul::time::Timestamp;
use longhaul::upload::{Held, Length, State, Upload, UploadId};
use tokio::process::{Child, Command};

use crate::MIB;
use crate::cluster::{Cluster, Node, bytes};
use folder::{Made, make};

/// The stores of a data folder.
async fn embedded(folder: &Path) -> Stores {
    let settings = Settings::parse_from([Path::new("longhaul"), Path::new("--data-dir"), folder]);
    let config = Config::of(&settings.flags, []).expect("settings");
    Backend::open(&config).await.expect("opened").stores(Arc::new(MemoryAnnouncements::default()))
}

/// Everything that clients and the server are answered of what is stored.
#[derive(Debug, PartialEq)]
struct Answers {
    uploads: BTreeMap<UploadId, Option<Upload>>,
    holders: BTreeMap<UploadId, Option<UploadId>>,
    of_client: BTreeMap<UploadId, Option<Message>>,
    unfinished: Vec<Upload>,
    held: Vec<Held>,
    missing: u128,
    owed: Vec<UploadId>,
    messages: Vec<Message>,
    newer: Vec<Message>,
    outbox: Vec<MessageId>,
    participants: Vec<Option<Vec<longhaul::message::UserId>>>,
    files: BTreeMap<MessageId, Vec<u8>>,
}

impl Answers {
    async fn of(stores: &Stores, made: &Made) -> Self {
        let (records, messages) = (&stores.records, &stores.messages);
        let (mut uploads, mut holders, mut of_client) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for id in &made.uploads {
            let found = records.find(*id).await.expect("read");
            if let Some(upload) = &found {
                holders.insert(*id, records.holder(upload).await.expect("read"));
                of_client.insert(*id, messages.of_client(upload).await.expect("read"));
            }
            uploads.insert(*id, found);
        }
        let (page, mut files) =
            (messages.page(conversation(1), None, 100).await.expect("read"), BTreeMap::new());
        for message in &page {
            let source = Source::Placed(Place::of(message), message.upload_id.into());
            let pieces = stores.payloads.read(&source, 0..message.file_size).await.expect("there");
            files.insert(message.id, pieces.try_collect::<Vec<_>>().await.expect("read").concat());
        }
        let last = page.last().expect("some").id;
        let mut outbox: Vec<_> =
            messages.outbox(Timestamp::now(), None, 100).await.expect("read").iter().map(|m| m.id).collect();
        outbox.sort();
        let ann = user("ann");
        Self {
            uploads,
            holders,
            of_client,
            unfinished: records.unfinished(&ann, 100).await.expect("read"),
            held: vec![
                records.held(&ann).await.expect("read"),
                records.held(&user("bob")).await.expect("read"),
            ],
            missing: records.missing().await.expect("read"),
            owed: records.owed(None, 100).await.expect("read"),
            newer: messages.newer(conversation(1), last, None, 100).await.expect("read"),
            messages: page,
            outbox,
            participants: vec![
                stores.memberships.participants(conversation(1)).await.expect("read"),
                stores.memberships.participants(conversation(2)).await.expect("read"),
                stores.memberships.participants(conversation(3)).await.expect("read"),
            ],
            files,
        }
    }
}

/// The stores of a cluster.
fn shared(cluster: &Cluster, embedded: &Stores) -> Stores {
    let node = cluster.node();
    Stores {
        records: node.store.clone(),
        messages: node.store.clone(),
        memberships: node.store,
        payloads: Arc::new(node.objects.clone()),
        appends: Arc::new(node.objects),
        ..embedded.clone()
    }
}

/// A copy of a folder as it is, as a kill leaves it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// The whole contents of a folder.
fn image(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(image(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).expect("readable"));
        }
    }
    found
}

/// The program with the settings of a cluster.
fn program(cluster: &Cluster, arguments: &[&str], folder: &Path) -> Command {
    let (access, secret) = cluster.s3.keys.clone().expect("keys");
    let mut command = Command::new(env!("CARGO_BIN_EXE_longhaul"));
    command.args(arguments).arg("--data-dir").arg(folder).arg("--database").arg(&cluster.address);
    command.arg("--bucket").arg(format!("s3://{}", cluster.s3.bucket));
    command.arg("--s3-endpoint").arg(cluster.s3.endpoint.as_deref().expect("an endpoint"));
    command.env("AWS_ACCESS_KEY_ID", access).env("AWS_SECRET_ACCESS_KEY", secret);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// The exit status and the output of the program.
async fn run(cluster: &Cluster, arguments: &[&str], folder: &Path) -> (Option<i32>, String) {
    let output = program(cluster, arguments, folder).output().await.expect("run");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// Kills a move once a statement answers more than zero; answers whether it was still running.
async fn killed_once(cluster: &Cluster, folder: &Path, sql: &str) -> bool {
    let mut running: Child = program(cluster, &["move"], folder).spawn().expect("run");
    // The tables are made by the first move.
    while running.try_wait().expect("a child").is_none() {
        if matches!(cluster.maybe_number(sql).await, Some(1..)) {
            running.kill().await.expect("killed");
            return true;
        }
    }
    false
}

/// What a move has come to, in the order in which it does.
const STAGES: [&str; 7] = [
    "select count(*) from moved_from",
    "select count(*) from stored",
    "select count(*) from files",
    "select count(*) - 2 from files",
    "select count(*) from messages",
    "select count(*) from upload_parts",
    "select count(*) from uploads",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_moved_through_kills_and_answers_as_before() {
    let origin = tempfile::tempdir().expect("a folder");
    let stores = embedded(origin.path()).await;
    let made = make(&stores).await;
    let folder = tempfile::tempdir().expect("a folder");
    copy(origin.path(), folder.path());
    let expected = Answers::of(&stores, &made).await;
    let before = image(folder.path());

    let cluster = Cluster::with(longhaul::store::object::Limits::default()).await;
    let mut kills = 0;
    for stage in STAGES {
        kills += u32::from(killed_once(&cluster, folder.path(), stage).await);
    }
    assert!(kills >= 3, "{kills}");
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(0), "{output}");

    let moved = shared(&cluster, &stores);
    let found = Answers::of(&moved, &made).await;
    assert_eq!(found.files.len(), expected.files.len());
    assert!(found.files == expected.files, "the files are the same");
    assert_eq!(Answers { files: BTreeMap::new(), ..found }, Answers { files: BTreeMap::new(), ..expected });
    let mut after = image(folder.path());
    let note = after.remove(&folder.path().join("format")).expect("a note");
    assert!(String::from_utf8_lossy(&note).contains("moved"));
    assert!(after.iter().all(|(path, bytes)| before[path] == *bytes), "nothing else was changed");
    assert_eq!(after.len() + 1, before.len());

    goes_on(&cluster, &made).await;
    is_used_no_more(&cluster, folder.path()).await;
}

/// Clients resume where they were, and what was owed becomes messages.
async fn goes_on(cluster: &Cluster, made: &Made) {
    let node = cluster.node();
    for (id, seed, to) in [(made.small, 1, 90), (made.large, 2, 30 * MIB), (made.deferred, 3, 200)] {
        resumes(&node, id, seed, to).await;
    }
    for (id, seed, length) in [(made.owed, 5, 60), (made.claimed, 6, 70), (made.placed, 7, 80)] {
        let Claim::Finalizing(stamp) = node.store.claim(id, at(20_000)).await.expect("claimed") else {
            panic!("it is the first")
        };
        let message = node.find(id).await.message(stamp).expect("bound");
        node.objects.place(id, length, &Place::of(&message)).await.expect("placed");
        node.store.commit(&message, at(20_000)).await.expect("committed");
        let source = Source::Placed(Place::of(&message), id);
        let pieces = node.objects.read(&source, 0..length).await.expect("there");
        let found = pieces.try_collect::<Vec<_>>().await.expect("read").concat();
        assert!(found == bytes(seed, 0..length), "{id}");
        let newest = node.store.page(conversation(1), None, 1).await.expect("read");
        assert_eq!(newest[0].id, message.id, "it comes after those that were moved");
    }
    for id in [made.part, made.unbound] {
        let upload = node.find(id).await;
        let found = node.read(id, upload.offset).await.expect("sealed");
        assert!(found == bytes(4, 0..upload.offset));
    }
    let findings = findings(cluster).await;
    assert!(findings.is_empty(), "{findings:?}");
}

async fn resumes(node: &Node, id: UploadId, seed: u64, to: u64) {
    let upload = node.find(id).await;
    assert_eq!(upload.state, State::Receiving);
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    let mut row = crate::cluster::row(&node.find(id).await, to);
    row.length = Length::Known(to);
    row.state = State::Complete;
    row.chunk.digest = folder::digest(seed, to);
    append.write(crate::cluster::pieces(seed, upload.offset..to)).await.expect("written");
    append.record(longhaul::store::Last::default(), &row, None).await.expect("recorded");
    assert!(node.read(id, to).await.expect("sealed") == bytes(seed, 0..to), "{id}");
}

async fn findings(cluster: &Cluster) -> Vec<String> {
    let database = cluster.address.parse().expect("an address");
    let shared = Shared::look(&database, &cluster.s3).await.expect("there");
    let mut findings = Vec::new();
    let mut tell = |finding: &longhaul::check::Finding| findings.push(finding.to_string());
    check_online(&shared, Manner { deep: true, repair: false }, &mut tell).await.expect("readable");
    findings
}

/// No server starts on a folder that was moved, and moving it again does nothing.
async fn is_used_no_more(cluster: &Cluster, folder: &Path) {
    let settings = Settings::parse_from([Path::new("longhaul"), Path::new("--data-dir"), folder]);
    let error = Backend::open(&Config::of(&settings.flags, []).expect("settings")).await.expect_err("moved");
    assert!(error.to_string().contains("it was moved into the database"), "{error}");
    let (status, output) = run(cluster, &["move"], folder).await;
    assert_eq!(status, Some(0), "{output}");
    assert!(output.contains("before"), "{output}");
}

/// A file is restored from a backup between two runs, of which the second is killed before it has compared the
/// parts that the first one brought.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_file_that_was_another_one_are_found_after_any_kill() {
    let origin = tempfile::tempdir().expect("a folder");
    let stores = embedded(origin.path()).await;
    make(&stores).await;
    let folder = tempfile::tempdir().expect("a folder");
    copy(origin.path(), folder.path());
    let files = image(&folder.path().join("chats"));
    let (large, bytes) = files.iter().max_by_key(|(_, bytes)| bytes.len()).expect("a file");
    let mut other = bytes.clone();
    other[0] ^= 1;
    let cluster = Cluster::with(longhaul::store::object::Limits::default()).await;
    for (there, step) in [(&other, "part.recorded"), (bytes, "object.sealed")] {
        std::fs::write(large, there).expect("ours");
        let mut killed = program(&cluster, &["move"], folder.path());
        let output = killed.env(longhaul::crash::VARIABLE, step).output().await.expect("run");
        assert_eq!(output.status.code(), None, "{step}: {output:?}");
    }
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(2), "{output}");
    assert!(output.contains("does not have the recorded digest"), "{output}");
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(0), "{output}");
    let findings = findings(&cluster).await;
    assert!(findings.is_empty(), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_moved_database_is_not_served_and_takes_no_other_folder() {
    let origin = tempfile::tempdir().expect("a folder");
    let stores = embedded(origin.path()).await;
    make(&stores).await;
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    copy(origin.path(), folder.path());
    stores.memberships.put(conversation(4), &[user("ann")]).await.expect("put");
    copy(origin.path(), other.path());
    let cluster = Cluster::with(longhaul::store::object::Limits::default()).await;
    assert!(killed_once(&cluster, folder.path(), "select count(*) from moved_from").await);

    let node = tempfile::tempdir().expect("a folder");
    let (status, output) = run(&cluster, &["--listen", "127.0.0.1:0"], node.path()).await;
    assert_eq!(status, Some(2), "{output}");
    assert!(output.contains("longhaul move"), "{output}");
    let (status, output) = run(&cluster, &["move"], other.path()).await;
    assert_eq!(status, Some(2), "{output}");
    assert!(output.contains("half filled from another folder"), "{output}");
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(0), "{output}");
    let (status, output) = run(&cluster, &["move"], other.path()).await;
    assert_eq!(status, Some(2), "{output}");
    assert!(output.contains("not empty"), "{output}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_moved_that_is_damaged_or_into_what_is_served() {
    let origin = tempfile::tempdir().expect("a folder");
    let stores = embedded(origin.path()).await;
    make(&stores).await;
    let folder = tempfile::tempdir().expect("a folder");
    copy(origin.path(), folder.path());
    let cluster = Cluster::new().await;
    let connections = crate::connections(&cluster.address);
    let node = longhaul::store::postgres::PostgresNode::start(connections).await.expect("started");
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(2), "{output}");
    assert!(output.contains("a server uses the database"), "{output}");
    node.stop().await.expect("stopped");

    let chats = std::fs::read_dir(folder.path().join("chats")).expect("there");
    // The bytes of a small file may still be with their record, which then is where they are read.
    let has_large_file = |path: &PathBuf| image(path).values().any(|bytes| bytes.len() > 1024 * 1024);
    let large = chats.map(|entry| entry.expect("an entry").path()).find(has_large_file);
    std::fs::remove_dir_all(large.expect("a message")).expect("ours");
    let (status, output) = run(&cluster, &["move"], folder.path()).await;
    assert_eq!(status, Some(1), "{output}");
    assert!(output.contains("is missing"), "{output}");
    assert_eq!(cluster.number("select count(*) from messages").await, 0);
}

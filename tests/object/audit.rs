//! What the check of a database and a bucket finds: each kind of damage by its name, and nothing in what is
//! well.

use std::fs::{self, File, FileTimes};
use std::path::Path as Folder;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use futures_util::TryStreamExt;
use futures_util::future::join_all;
use longhaul::backend::Shared;
use longhaul::check::{Finding, Manner, Summary, check_online};
use longhaul::message::{Message, MessageId};
use longhaul::store::contract::samples;
use longhaul::store::object::Limits;
use longhaul::store::{Claim, Last, Messages, Payloads, Place, Records, Taking};
use longhaul::time::Timestamp;
use longhaul::upload::{Length, RunningDigest, Upload, UploadId};
use object_store::aws::AmazonS3;
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload};

use crate::cluster::{Cluster, Node, bytes, pieces, row};
use crate::{MIB, gateway};

const PART: u64 = 5 * MIB;
const NONE: [&str; 0] = [];

/// A cluster with an upload that has parts and a tail, one that is a tail, one that is complete and sealed,
/// and a message.
struct House {
    cluster: Cluster,
    parts: UploadId,
    tail: UploadId,
    sealed: UploadId,
    message: MessageId,
}

impl House {
    async fn new() -> Self {
        // A row waits for the parts that it tells of.
        let limits = Limits { patience: Duration::from_secs(60), ..crate::limits() };
        let cluster = Cluster::with(limits).await;
        let node = cluster.node();
        let (parts, tail, sealed) =
            (node.create(4 * PART).await, node.create(90).await, node.create(PART + 9).await);
        node.send(parts, 1, PART).await.expect("recorded");
        node.send(parts, 1, 2 * PART + 7).await.expect("recorded");
        node.send(tail, 2, 20).await.expect("recorded");
        node.send(tail, 2, 30).await.expect("recorded");
        node.send(sealed, 3, PART + 9).await.expect("recorded");
        node.objects.seal(sealed, PART + 9).await.expect("sealed");
        let message = message(&node, 4, 50).await.id;
        Self { cluster, parts, tail, sealed, message }
    }

    /// Has the store end the multipart upload whose parts are recorded.
    async fn end_parts(&self) {
        let sql =
            "select object_key || ' ' || multipart_id from stored where parts > 0 and sealed_length is null";
        let found = self.cluster.text(sql).await;
        let (key, multipart) = found.split_once(' ').expect("two words");
        let ended = client(&self.cluster).abort_multipart(&Path::from(key), &multipart.to_owned()).await;
        ended.expect("ended");
    }

    async fn garbage(&self) -> i64 {
        self.cluster.number("select count(*) from garbage").await
    }

    async fn check(&self, manner: Manner) -> (Summary, Vec<Finding>) {
        check(&self.cluster, manner).await
    }
}

async fn check(cluster: &Cluster, manner: Manner) -> (Summary, Vec<Finding>) {
    let database = cluster.address.parse().expect("an address");
    let shared = Shared::look(&database, &cluster.s3).await.expect("there");
    let mut findings = Vec::new();
    let mut tell = |finding: &Finding| findings.push(finding.clone());
    let summary = check_online(&shared, manner, &mut tell).await.expect("readable");
    (summary, findings)
}

/// Makes a message of so many bytes, with their digest.
async fn message(node: &Node, seed: u64, length: u64) -> Message {
    let upload = Upload { length: Length::Known(length), digest: None, ..samples::bound(None) };
    assert!(node.store.create(&upload, Taking::IfFree).await.expect("stored").is_new());
    let epoch = node.take(upload.id).await;
    let mut append = node.open(upload.id, epoch).await;
    let upload = node.find(upload.id).await;
    let mut digest = RunningDigest::default();
    digest.update(&bytes(seed, 0..length));
    let mut row = row(&upload, length);
    row.chunk.digest = Some(digest.state());
    append.write(pieces(seed, 0..length)).await.expect("written");
    append.record(Last::default(), &row, None).await.expect("recorded");
    let claim = node.store.claim(upload.id, Timestamp::now()).await.expect("claimed");
    let Claim::Finalizing(stamp) = claim else { panic!("it is the first") };
    let message = node.find(upload.id).await.message(stamp).expect("bound");
    node.objects.place(upload.id, length, &Place::of(&message)).await.expect("placed");
    node.store.commit(&message, Timestamp::now()).await.expect("committed");
    message
}

fn wrong(findings: &[Finding]) -> Vec<&str> {
    let wrong = findings.iter().filter_map(|finding| match finding {
        Finding::Wrong(what) => Some(&**what),
        Finding::Note(_) => None,
    });
    wrong.collect()
}

fn notes(findings: &[Finding]) -> Vec<&str> {
    let notes = findings.iter().filter_map(|finding| match finding {
        Finding::Wrong(_) => None,
        Finding::Note(what) => Some(&**what),
    });
    notes.collect()
}

fn client(cluster: &Cluster) -> AmazonS3 {
    cluster.s3.client(ClientOptions::new()).expect("a client")
}

#[tokio::test]
async fn what_is_well_is_well() {
    let house = House::new().await;
    let garbage = house.garbage().await;
    for deep in [false, true] {
        let (summary, findings) = house.check(Manner { deep, repair: true }).await;
        assert_eq!(findings, []);
        assert_eq!((summary.uploads, summary.messages, summary.wrong), (4, 1, 0));
    }
    assert_eq!(house.garbage().await, garbage);
}

/// Damages of rows, and what is said of each.
#[rustfmt::skip]
const DAMAGES: &[(&str, &str)] = &[
    ("delete from stored where kept = 30", "has no bytes, and its ledger is not empty"),
    ("update stored set kept = 20 where kept = 30", "has fewer bytes than were acknowledged"),
    ("delete from upload_tail where off = 20", "does not have all bytes behind its parts"),
    ("delete from upload_tail where off = 0", "does not have all bytes behind its parts"),
    ("update stored set sealed_length = 7 where sealed_length > 0", "is an object of another length"),
    ("delete from upload_parts where idx = 0", "does not have the parts that it counts"),
    ("update upload_parts set idx = 9 where idx = 1", "does not have the parts that it counts"),
    ("update stored set multipart_id = null where parts > 0", "does not have the parts that it counts"),
    ("insert into upload_parts values (gen_random_uuid(), 0, 'x')", "has parts, and there are no bytes"),
    ("insert into upload_tail values (gen_random_uuid(), 0, 'x')", "has a tail, and there are no bytes"),
    ("insert into upload_intents values (gen_random_uuid(), 0, 1, 1)", "has intents, and there are no bytes"),
    ("delete from files", "it has no file"),
    ("update files set length = 7", "its file has 7 bytes, and not 50"),
    ("update files set message = '\\x010203040506070809101112'", "has a file, and there is no such message"),
    ("update upload_parts set content_id = 'x' where idx = 1", "its part 2 is not the one that was put"),
    ("update stored set multipart_id = 'x' where parts > 0", "the object store has none of its 2 parts"),
    ("update files set object_key = (select object_key from stored limit 1)", "is that of another object"),
];

#[tokio::test]
async fn damage_of_each_table_is_named() {
    for (damage, expected) in DAMAGES {
        let house = House::new().await;
        house.cluster.run(damage).await;
        let (summary, findings) = house.check(Manner::default()).await;
        let wrong = wrong(&findings);
        assert!(wrong.iter().any(|what| what.contains(expected)), "{damage}: {findings:?}");
        assert_eq!(summary.wrong, wrong.len() as u64);
    }
}

#[tokio::test]
async fn bytes_without_a_record_are_a_note_once_no_record_can_come() {
    let house = House::new().await;
    house.cluster.run("delete from uploads where off = 30; delete from accounts").await;
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(notes(&findings), NONE, "its record may come");
    house.cluster.run("update stored set written_at = 1").await;
    let (_, findings) = house.check(Manner::default()).await;
    let expected =
        format!("upload {} has bytes that no record needs; a server frees them within hours", house.tail);
    assert_eq!(notes(&findings), [expected]);
}

#[tokio::test]
async fn bytes_without_a_record_are_not_missed() {
    let house = House::new().await;
    let client = client(&house.cluster);
    let sql = "select object_key from stored where sealed_length is not null";
    let sealed = house.cluster.text(sql).await;
    client.delete(&Path::from(sealed)).await.expect("deleted");
    house.end_parts().await;
    house.cluster.run("delete from uploads").await;
    house.cluster.run("delete from accounts").await;
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(wrong(&findings), NONE);
}

#[tokio::test]
async fn damage_of_the_bucket_is_named() {
    let house = House::new().await;
    let client = client(&house.cluster);
    let file = house.cluster.text("select object_key from files").await;
    let sealed = house.cluster.text("select object_key from stored where sealed_length is not null").await;
    let name = format!("the file of message {}", house.message);
    let path = |key: &str| Path::from(key);
    let kept = client.get(&path(&file)).await.expect("there").bytes().await.expect("read");

    client.put(&path(&file), PutPayload::from_static(b"short")).await.expect("put");
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(wrong(&findings), [format!("{name} has 5 bytes, and not 50: {file}")]);

    client.put(&path(&file), PutPayload::from(vec![0; 50])).await.expect("put");
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(wrong(&findings), NONE, "the length is the same, and bytes are not read");
    let (_, findings) = house.check(Manner { deep: true, ..Manner::default() }).await;
    let expected = format!("message {}: its file does not have the recorded SHA-256", house.message);
    assert_eq!(wrong(&findings), [expected]);

    client.delete(&path(&file)).await.expect("deleted");
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(wrong(&findings), [format!("{name} is missing: {file}")]);

    client.put(&path(&file), kept.into()).await.expect("put");
    client.delete(&path(&sealed)).await.expect("deleted");
    let (_, findings) = house.check(Manner::default()).await;
    assert_eq!(wrong(&findings), [format!("the object of upload {} is missing: {sealed}", house.sealed)]);
}

#[tokio::test]
async fn parts_that_the_store_ended_are_missed() {
    let house = House::new().await;
    house.end_parts().await;
    let (_, findings) = house.check(Manner::default()).await;
    let expected = format!("upload {}: the object store has none of its 2 parts", house.parts);
    assert_eq!(wrong(&findings), [expected]);
}

/// Makes everything in a folder look as if it was written two hours ago.
fn age(folder: &Folder) {
    let then = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            age(&path);
        }
        File::open(&path).expect("there").set_times(FileTimes::new().set_modified(then)).expect("ours");
    }
}

/// Leaves something in the bucket that no row knows: an object, and a multipart upload, with their keys.
/// Beside them is what is not of the server.
async fn leave_behind(cluster: &Cluster) -> (String, String, String) {
    let client = client(cluster);
    let key = |n: u8| format!("0{n}/{}-0{n}00000000000000", UploadId::random());
    let (object, begun) = (key(1), key(2));
    let left = || PutPayload::from_static(b"left");
    client.put(&Path::from(&*object), left()).await.expect("put");
    let multipart = client.create_multipart(&Path::from(&*begun)).await.expect("begun");
    client.put_part(&Path::from(&*begun), &multipart, 0, left()).await.expect("put");
    client.put(&Path::from("notes/mine.txt"), left()).await.expect("put");
    client.put(&Path::from("03/mine.txt"), left()).await.expect("put");
    (object, begun, multipart)
}

async fn objects_of(cluster: &Cluster) -> Vec<String> {
    let found: Vec<_> = client(cluster).list(None).try_collect().await.expect("listed");
    found.into_iter().map(|object| object.location.to_string()).collect()
}

async fn is_begun(cluster: &Cluster, key: &str, multipart: &str) -> bool {
    let put = PutPayload::from_static(b"x");
    client(cluster).put_part(&Path::from(key), &multipart.to_owned(), 0, put).await.is_ok()
}

#[tokio::test]
async fn what_no_row_knows_is_named_once_it_is_old_and_freed_if_that_is_asked_for() {
    let house = House::new().await;
    let (object, begun, multipart) = leave_behind(&house.cluster).await;
    let garbage = house.garbage().await;
    let (_, findings) = house.check(Manner { repair: true, ..Manner::default() }).await;
    assert_eq!(notes(&findings), ["notes: not ours; nothing touches it"], "a row may come yet");

    age(&gateway::folder(&house.cluster.s3));
    for repair in [false, true] {
        let (summary, findings) = house.check(Manner { repair, ..Manner::default() }).await;
        let all = notes(&findings).join("\n");
        let told =
            [format!("object {object}: no row"), format!("multipart upload {multipart} of {begun}: no row")];
        assert!(told.iter().all(|told| all.contains(told)), "{findings:?}");
        assert_eq!((findings.len(), summary.wrong), (3, 0), "{findings:?}");
        assert_eq!(house.garbage().await - garbage, if repair { 2 } else { 0 });
    }
    let (_, findings) = house.check(Manner { repair: true, deep: true }).await;
    assert_eq!(findings.len(), 1, "a row knows it now: {findings:?}");

    house.cluster.collect_twice().await;
    let objects = objects_of(&house.cluster).await;
    assert!(!objects.contains(&object), "{objects:?}");
    assert!(objects.contains(&"notes/mine.txt".to_owned()) && objects.contains(&"03/mine.txt".to_owned()));
    assert!(!is_begun(&house.cluster, &begun, &multipart).await);
    let (_, findings) = house.check(Manner { deep: true, ..Manner::default() }).await;
    assert_eq!(wrong(&findings), NONE, "nothing that a row names was touched");
    let node = house.cluster.node();
    node.send(house.tail, 2, 90).await.expect("it goes on");
    node.send(house.parts, 1, 4 * PART).await.expect("it goes on");
    assert!(node.read(house.parts, 4 * PART).await.expect("readable") == bytes(1, 0..4 * PART));
}

#[tokio::test]
async fn a_server_frees_what_no_row_knows_by_itself() {
    let house = House::new().await;
    let (object, begun, multipart) = leave_behind(&house.cluster).await;
    let node = house.cluster.node();
    assert_eq!(node.objects.reconcile(Duration::ZERO).await.expect("listed"), 0, "it is too young");
    age(&gateway::folder(&house.cluster.s3));
    assert_eq!(node.objects.reconcile(Duration::ZERO).await.expect("listed"), 2);
    assert_eq!(node.objects.reconcile(Duration::ZERO).await.expect("listed"), 0, "it is garbage");
    house.cluster.collect_twice().await;
    assert!(!objects_of(&house.cluster).await.contains(&object));
    assert!(!is_begun(&house.cluster, &begun, &multipart).await);
}

/// A server that was given the bucket of another one would free all of its files.
#[tokio::test]
async fn nothing_is_freed_in_the_bucket_of_another_database() {
    let (house, other) = (House::new().await, Cluster::new().await);
    assert_eq!(house.cluster.node().objects.reconcile(Duration::ZERO).await.expect("listed"), 0);
    age(&gateway::folder(&house.cluster.s3));
    let stranger = Cluster { s3: house.cluster.s3.clone(), ..other };
    assert_eq!(stranger.node().objects.reconcile(Duration::ZERO).await.expect("listed"), 0);
    let (_, findings) = check(&stranger, Manner { repair: true, ..Manner::default() }).await;
    assert_eq!(wrong(&findings), ["the bucket belongs to another database, so nothing in it is touched"]);
    assert_eq!(stranger.number("select count(*) from garbage").await, 0);
}

/// Makes messages, and uploads that are discarded half way, until it is told to stop; answers how often.
async fn traffic(cluster: Arc<Cluster>, seed: u64, stop: Arc<AtomicBool>) -> u64 {
    let node = cluster.node();
    let mut rounds = 0;
    while !stop.load(Ordering::Relaxed) {
        message(&node, seed, 40 + rounds).await;
        message(&node, seed, PART + rounds).await;
        let left = node.create(2 * PART).await;
        node.send(left, seed, PART + 3).await.expect("recorded");
        node.send(left, seed, PART + 9).await.expect("recorded");
        node.discard(left).await;
        cluster.collect_twice().await;
        rounds += 1;
    }
    rounds
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_during_uploads_is_silent() {
    let cluster = Arc::new(Cluster::new().await);
    let stop = Arc::new(AtomicBool::new(false));
    let running = (0..3).map(|seed| tokio::spawn(traffic(Arc::clone(&cluster), seed, Arc::clone(&stop))));
    let running: Vec<_> = running.collect();
    let mut messages = 0;
    while messages < 20 {
        let (summary, findings) = check(&cluster, Manner { deep: true, repair: true }).await;
        assert_eq!(findings, []);
        messages = summary.messages;
    }
    stop.store(true, Ordering::Relaxed);
    for rounds in join_all(running).await {
        assert!(rounds.expect("no panic") > 0);
    }
}

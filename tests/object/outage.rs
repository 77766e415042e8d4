//! The object store is away, slow, or has lost what it was given.

use std::time::Duration;

use longhaul::store::object::Limits;
use longhaul::store::{Dependency, Last, Payloads, StoreError};
use longhaul::upload::State;
use object_store::ClientOptions;
use object_store::multipart::MultipartStore;
use object_store::path::Path;

use crate::MIB;
use crate::cluster::{Cluster, bytes, pieces, place, row};

const PART: u64 = 5 * MIB;
const TAIL: &str = "select coalesce(sum(length(bytes)), 0)::bigint from upload_tail";

/// Bytes wait for no put.
fn impatient() -> Limits {
    let none = Duration::from_millis(1);
    Limits { every: none, patience: none, haste: none, tail: 3 * PART, ..crate::limits() }
}

/// All of it is acknowledged, and another node makes the object of it once the store is back.
#[tokio::test]
async fn bytes_go_on_into_the_tail_while_the_object_store_is_away() {
    let cluster = Cluster::with(impatient()).await;
    let (node, mut puts) = cluster.gated();
    let length = 3 * PART + 9;
    let id = node.create(length).await;
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    append.write(pieces(1, 0..2 * PART + 7)).await.expect("written");
    let upload = node.find(id).await;
    append.record(Last::default(), &row(&upload, 2 * PART + 7), None).await.expect("recorded");
    assert_eq!(node.find(id).await.offset, 2 * PART + 7);
    assert_eq!(cluster.number(TAIL).await, (2 * PART + 7).cast_signed());
    while let Ok(held) = puts.try_recv() {
        held.fail();
    }
    let other = cluster.node();
    assert_eq!(other.send(id, 1, length).await.expect("recorded"), State::Complete);
    assert!(other.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// The tail has as much as it may have; the next byte waits for a put.
#[tokio::test]
async fn a_tail_that_is_full_waits_for_the_object_store() {
    let cluster = Cluster::with(impatient()).await;
    let (node, mut puts) = cluster.gated();
    let length = 9 * PART;
    let id = node.create(length).await;
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    let upload = node.find(id).await;
    let writing = tokio::spawn(async move {
        for piece in pieces(1, 0..length) {
            append.write(vec![piece]).await?;
        }
        append.record(Last::default(), &row(&upload, length), None).await
    });
    let first = puts.recv().await.expect("a put");
    while cluster.number(TAIL).await < (3 * PART).cast_signed() {
        tokio::task::yield_now().await;
    }
    assert!(!writing.is_finished(), "three parts are in the tail, and nine are to come");
    first.land().await;
    let landing = tokio::spawn(async move {
        while let Some(held) = puts.recv().await {
            held.land().await;
        }
    });
    assert_eq!(writing.await.expect("no panic").expect("recorded"), State::Complete);
    landing.abort();
    let other = cluster.node();
    assert!(other.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// What was acknowledged stays, and the client comes again later.
#[tokio::test]
async fn a_full_tail_and_a_store_that_stays_away_end_the_request() {
    let cluster = Cluster::with(impatient()).await;
    let (node, mut puts) = cluster.gated();
    let length = 6 * PART;
    let id = node.create(length).await;
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    append.write(pieces(1, 0..2 * PART)).await.expect("written");
    let upload = node.find(id).await;
    append.record(Last::default(), &row(&upload, 2 * PART), None).await.expect("recorded");
    let failing = tokio::spawn(async move {
        while let Some(held) = puts.recv().await {
            held.fail();
        }
    });
    let mut outcome = Ok(());
    for piece in pieces(1, 2 * PART..length) {
        outcome = append.write(vec![piece]).await;
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    failing.abort();
    assert_eq!(node.find(id).await.offset, 2 * PART);
    let other = cluster.node();
    other.send(id, 1, length).await.expect("recorded");
    assert!(other.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// Nothing was lost with it: all bytes are in the tail.
#[tokio::test]
async fn an_object_of_parts_that_is_gone_before_its_first_part_is_begun_anew() {
    let cluster = Cluster::with(impatient()).await;
    let (node, mut puts) = cluster.gated();
    let length = 2 * PART + 9;
    let id = node.create(length).await;
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    append.write(pieces(1, 0..PART + 1)).await.expect("written");
    let upload = node.find(id).await;
    let held = puts.recv().await.expect("a put");
    append.record(Last::default(), &row(&upload, PART + 1), None).await.expect("recorded");
    held.fail();
    drop(append);
    end_multipart(&cluster).await;
    let other = Cluster { limits: crate::limits(), ..cluster }.node();
    // The store may say so only while the request is under way, and then the tail has its bytes.
    other.send(id, 1, length).await.expect("recorded");
    assert!(other.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// The parts are nowhere else: that is said at once, and for good.
#[tokio::test]
async fn an_object_of_parts_that_is_lost_with_parts_ends_the_upload() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(4 * PART).await;
    node.send(id, 1, PART).await.expect("recorded");
    end_multipart(&cluster).await;
    let outcome = match node.send(id, 1, 4 * PART).await {
        Ok(_) => node.objects.seal(id, 4 * PART).await,
        refused => refused.map(drop),
    };
    assert!(matches!(outcome, Err(StoreError::Damaged(_))), "{outcome:?}");
}

/// Before the store drops its parts, as some do after a week.
#[tokio::test]
async fn an_upload_with_parts_of_a_great_age_takes_no_more_bytes() {
    let cluster = Cluster::with(Limits { age: Duration::ZERO, ..crate::limits() }).await;
    let node = cluster.node();
    let length = 2 * PART;
    let (old, young) = (node.create(length).await, node.create(length).await);
    node.send(young, 1, PART - 1).await.expect("recorded");
    node.send(young, 1, PART + 1).await.expect("it had no parts when it began");
    node.send(old, 1, PART).await.expect("recorded");
    let ended = node.send(old, 1, length).await;
    assert!(matches!(ended, Err(StoreError::Damaged(_))), "{ended:?}");
    let patient = Cluster { limits: crate::limits(), ..cluster }.node();
    patient.send(old, 1, length).await.expect("recorded");
    patient.objects.place(old, length, &place(1)).await.expect("what is complete is sealed at any age");
}

/// It is said by name, and only once tails have no room left is the process of no use without it.
#[tokio::test]
async fn a_bucket_that_is_not_there_is_missing_and_not_needed() {
    let cluster = Cluster::new().await;
    let there = cluster.node();
    assert_eq!((there.objects.name(), there.objects.answers().await), ("bucket", true));
    let s3 = longhaul::store::object::S3 { bucket: "no-such-bucket".into(), ..cluster.s3.clone() };
    let full = Limits { tails: 0, ..cluster.limits };
    let node = Cluster { s3, limits: full, address: cluster.address.clone() }.node();
    let id = node.create(2 * PART).await;
    node.send(id, 1, PART + 1).await.expect("bytes have somewhere to go");
    assert!(!node.objects.answers().await && !node.objects.is_needed());
    node.objects.probe().await.expect("bytes have somewhere to go");
    node.objects.look_around().await.expect("looked");
    assert!(node.objects.is_needed());
    assert!(matches!(node.objects.probe().await, Err(StoreError::Full)));
}

/// Ends the multipart upload of the only upload that has one, as a store may.
async fn end_multipart(cluster: &Cluster) {
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    let (key, multipart) = cluster.multipart().await;
    client.abort_multipart(&Path::from(key), &multipart).await.expect("ended");
}

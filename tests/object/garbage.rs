//! What is left in the bucket: nothing.

use std::time::Duration;

use futures_util::TryStreamExt;
use longhaul::store::object::Limits;
use longhaul::store::{Last, Payloads, StoreError};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, PutPayload};

use crate::MIB;
use crate::cluster::{Cluster, bytes, pieces, place, row};

pub(crate) async fn keys(cluster: &Cluster) -> Vec<String> {
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    let found: Vec<_> = client.list(None).try_collect().await.expect("listed");
    found.into_iter().map(|object| object.location.to_string()).collect()
}

async fn collect_all(cluster: &Cluster) {
    while cluster.node().objects.collect(10).await.expect("collected") > 0 {}
}

fn at_once() -> Limits {
    Limits { part_timeout: Duration::ZERO, margin: Duration::ZERO, ..crate::limits() }
}

#[tokio::test]
async fn discarded_uploads_leave_nothing_in_the_bucket() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let (parts, sealed, small) =
        (node.create(11 * MIB).await, node.create(6 * MIB).await, node.create(9).await);
    node.send(parts, 1, 10 * MIB).await.expect("recorded");
    node.send(sealed, 1, 6 * MIB).await.expect("recorded");
    node.objects.seal(sealed, 6 * MIB).await.expect("sealed");
    node.send(small, 1, 9).await.expect("recorded");
    node.objects.seal(small, 9).await.expect("sealed");
    assert_eq!(keys(&cluster).await.len(), 2);
    for id in [parts, sealed, small] {
        node.discard(id).await;
    }
    let limits = at_once();
    let cluster = Cluster { limits, ..cluster };
    collect_all(&cluster).await;
    assert_eq!(keys(&cluster).await, Vec::<String>::new());
    for table in ["garbage", "stored", "upload_tail", "upload_parts", "upload_intents"] {
        assert_eq!(cluster.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
}

/// A request that was stopped between the end of a record and that of its bytes goes on when the same id has
/// a record again.
#[tokio::test]
async fn bytes_that_a_record_needs_are_not_discarded() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(6 * MIB).await;
    node.send(id, 1, 5 * MIB + 9).await.expect("recorded");
    node.objects.discard(id).await.expect("there is nothing to discard");
    node.send(id, 1, 6 * MIB).await.expect("recorded");
    node.objects.discard(id).await.expect("there is nothing to discard");
    assert!(node.read(id, 6 * MIB).await.expect("readable") == bytes(1, 0..6 * MIB));
}

/// A kill between the end of a record and that of its bytes leaves those of a sealed upload, or of one that
/// was taken more often than the record that comes with the same id.
#[tokio::test]
async fn bytes_of_an_earlier_upload_with_the_id_give_way() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    for what_is_left in ["update stored set epoch = epoch + 9", "update stored set epoch = epoch"] {
        let id = node.create(6 * MIB).await;
        node.send(id, 1, 6 * MIB).await.expect("recorded");
        node.objects.seal(id, 6 * MIB).await.expect("sealed");
        cluster.run(what_is_left).await;
        cluster.run("update uploads set off = 0, state = 0, digest = null").await;
        node.send(id, 2, 6 * MIB).await.expect("recorded");
        assert!(node.read(id, 6 * MIB).await.expect("readable") == bytes(2, 0..6 * MIB), "{what_is_left}");
        assert_eq!(cluster.number("select count(*) from garbage").await, 1, "the object of before");
        cluster.run("delete from garbage; delete from stored; delete from uploads").await;
    }
}

/// A part lands after the first abort, and may make a multipart upload that was ended whole again.
#[tokio::test]
async fn an_object_of_parts_is_ended_twice() {
    let cluster =
        Cluster { limits: Limits { margin: Duration::from_secs(600), ..at_once() }, ..Cluster::new().await };
    let node =
        Cluster { limits: crate::limits(), address: cluster.address.clone(), s3: cluster.s3.clone() }.node();
    let id = node.create(11 * MIB).await;
    node.send(id, 1, 5 * MIB).await.expect("recorded");
    node.discard(id).await;
    assert_eq!(cluster.node().objects.collect(10).await.expect("collected"), 1);
    assert_eq!(cluster.node().objects.collect(10).await.expect("collected"), 0, "it is not due again yet");
    assert_eq!(cluster.number("select count(*) from garbage where rounds = 1").await, 1);
    assert_eq!(
        cluster.number("with u as (update garbage set due = now() returning 1) select count(*) from u").await,
        1
    );
    assert_eq!(cluster.node().objects.collect(10).await.expect("collected"), 1);
    assert_eq!(cluster.number("select count(*) from garbage").await, 0);
}

/// Two begin parts of one upload: what the late one began is ended, and the object stays.
#[tokio::test]
async fn garbage_of_a_displaced_holder_leaves_the_object() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(6 * MIB).await;
    let older = node.take(id).await;
    let mut late = Payloads::open(&node.objects, id, older, 0).await.expect("opened");
    node.send(id, 1, 6 * MIB).await.expect("recorded");
    let lost = late.sync(pieces(2, 0..6 * MIB)).await;
    assert!(matches!(lost, Err(StoreError::Fenced)), "{lost:?}");
    assert_eq!(cluster.number("select count(*) from garbage where not has_object").await, 1);
    node.objects.place(id, 6 * MIB, &place(1)).await.expect("placed");
    collect_all(&Cluster { limits: at_once(), ..cluster }).await;
    assert!(node.read_placed(id, 1, 6 * MIB).await == bytes(1, 0..6 * MIB));
}

/// A holder that was displaced by the end of its upload, and writes on.
#[tokio::test]
async fn a_late_holder_of_an_upload_that_is_gone_leaves_nothing() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    for bytes in [9, MIB, 6 * MIB] {
        let id = node.create(20 * MIB).await;
        let older = node.take(id).await;
        let upload = node.find(id).await;
        let mut late = node.open(id, older).await;
        node.discard(id).await;
        let wrote = late.write(pieces(1, 0..bytes)).await;
        let recorded = late.record(Last::default(), &row(&upload, bytes), None).await;
        assert!(wrote.is_err() || recorded.is_err(), "{bytes}: {wrote:?}, {recorded:?}");
        for table in ["stored", "upload_tail", "upload_parts", "upload_intents"] {
            let left = cluster.number(&format!("select count(*) from {table}")).await;
            assert_eq!(left, 0, "{table}, {bytes}");
        }
    }
}

/// The store ended it, as some do after a week.
#[tokio::test]
async fn an_object_of_parts_that_is_gone_is_damage() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(11 * MIB).await;
    node.send(id, 1, 5 * MIB).await.expect("recorded");
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    let (key, multipart) = cluster.multipart().await;
    client.abort_multipart(&Path::from(key.clone()), &multipart).await.expect("ended");
    let put = client.put_part(&Path::from(key), &multipart, 1, PutPayload::from_static(b"x")).await;
    assert!(put.is_err());
    let outcome = match node.send(id, 1, 11 * MIB).await {
        // The tail has what the store did not refuse in time.
        Ok(_) => node.objects.seal(id, 11 * MIB).await,
        refused => refused.map(drop),
    };
    assert!(matches!(outcome, Err(StoreError::Damaged(_))), "{outcome:?}");
}

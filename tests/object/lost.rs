//! Bytes that the object store has lost are found to be so after the message was claimed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use longhaul::finalizer::{Ending, Finalizer};
use longhaul::reservations::{Allowance, Terms};
use longhaul::store::contract::samples;
use longhaul::store::local::{Alone, LocalLeases};
use longhaul::store::memory::MemoryAnnouncements;
use longhaul::store::object::Limits;
use longhaul::store::{
    Announcement, Claim, Memberships, Messages, Payloads, Records, StoreError, Stores, Taking,
};
use longhaul::time::Timestamp;
use longhaul::upload::{Length, Quota, RejectionReason, State, Upload, UploadId};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ClientOptions, ObjectStore, ObjectStoreExt as _, PutOptions};
use tokio_util::task::TaskTracker;

use crate::MIB;
use crate::cluster::{Cluster, Node, bytes, place};

const PART: u64 = 5 * MIB;
const LENGTH: u64 = PART + 7;
/// The object that says which database the bucket belongs to.
const MARKER: &str = "database";

/// Bytes that are missed are told of soon, and never count as lost.
fn hopeful() -> Limits {
    Limits { making: Duration::ZERO, ..limits_that_lose(Duration::from_secs(3600)) }
}

fn limits_that_lose(lost: Duration) -> Limits {
    Limits { lost, ..crate::limits() }
}

/// A node that makes messages.
struct Maker {
    finalizer: Arc<Finalizer>,
    announced: MemoryAnnouncements,
}

impl Maker {
    fn on(node: &Node) -> Self {
        let announced = MemoryAnnouncements::default();
        let stores = Stores {
            records: node.store.clone(),
            messages: node.store.clone(),
            memberships: node.store.clone(),
            leases: Arc::new(LocalLeases::default()),
            duties: Arc::new(Alone),
            hints: Arc::new(Alone),
            payloads: Arc::new(node.objects.clone()),
            appends: Arc::new(node.objects.clone()),
            announcements: Arc::new(announced.clone()),
        };
        let quota = Quota { uploads: u64::MAX, bytes: u64::MAX };
        let terms = Terms { max_upload_size: u64::MAX, quota, lapse_after: Duration::from_secs(60) };
        let allowance = Allowance::new(&stores, terms);
        Self { finalizer: Finalizer::new(stores, TaskTracker::new(), allowance), announced }
    }

    fn cancelled(&self) -> usize {
        let all = self.announced.all();
        all.iter().filter(|(_, what)| matches!(what, Announcement::UploadCancelled(_))).count()
    }
}

/// A bound upload with all of its bytes acknowledged and its message claimed.
async fn claimed(node: &Node) -> UploadId {
    let upload = Upload { length: Length::Known(LENGTH), digest: None, ..samples::bound(Some("c")) };
    node.store.put(samples::conversation(1), std::slice::from_ref(&upload.owner)).await.expect("made");
    assert!(node.store.create(&upload, Taking::IfFree).await.expect("stored").is_new());
    assert_eq!(node.send(upload.id, 1, LENGTH).await.expect("recorded"), State::Complete);
    let claim = node.store.claim(upload.id, Timestamp::now()).await.expect("claimed");
    assert!(matches!(claim, Claim::Finalizing(_)), "{claim:?}");
    upload.id
}

/// Removes the multipart upload, as somebody might who tidies up the bucket.
async fn remove_multipart(cluster: &Cluster) {
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    let (key, multipart) = cluster.multipart().await;
    client.abort_multipart(&Path::from(key), &multipart).await.expect("ended");
}

async fn is_empty(cluster: &Cluster) {
    cluster.collect_twice().await;
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    let mut found: Vec<_> = client.list(None).try_collect().await.expect("listed");
    found.retain(|object| object.location.as_ref() != MARKER);
    assert!(found.is_empty(), "{found:?}");
    for table in ["garbage", "stored", "upload_tail", "upload_parts", "upload_intents", "files", "messages"] {
        assert_eq!(cluster.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
}

/// Every node finds it out for itself, and one of them tells the sender.
#[tokio::test]
async fn a_multipart_upload_that_is_removed_after_the_last_byte_ends_its_upload() {
    let cluster = Cluster::marked(limits_that_lose(Duration::from_millis(500))).await;
    let nodes = [cluster.node(), cluster.node()];
    let makers = [Maker::on(&nodes[0]), Maker::on(&nodes[1])];
    let id = claimed(&nodes[0]).await;
    remove_multipart(&cluster).await;
    let reason = RejectionReason::Damaged;
    let rejected = Some(Ending::Rejected(reason));
    let find_out = async |maker: &Maker| {
        loop {
            match maker.finalizer.drive(id).await {
                Some(Ending::Failed) => {}
                ending => return assert_eq!(ending, rejected),
            }
        }
    };
    tokio::join!(find_out(&makers[0]), find_out(&makers[1]));
    let upload = nodes[1].find(id).await;
    assert_eq!(upload.state, State::Receiving.reject(reason).expect("legal"));
    assert_eq!(nodes[1].store.held(&upload.owner).await.expect("readable").uploads, 0);
    while makers.iter().map(Maker::cancelled).sum::<usize>() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(makers.iter().map(Maker::cancelled).sum::<usize>(), 1);
    is_empty(&cluster).await;
}

/// A node that was started with a wrong setting would end every upload that it finds.
#[tokio::test]
async fn what_the_bucket_of_another_database_lacks_is_not_lost() {
    let (cluster, other) = (Cluster::new().await, Cluster::marked(crate::limits()).await);
    let id = claimed(&cluster.node()).await;
    let limits = limits_that_lose(Duration::ZERO);
    let elsewhere = Cluster { s3: other.s3.clone(), limits, address: cluster.address.clone() };
    assert!(!elsewhere.node().objects.belongs().await.expect("readable"));
    assert_eq!(Maker::on(&elsewhere.node()).finalizer.drive(id).await, Some(Ending::Failed));
    let ending = Maker::on(&cluster.node()).finalizer.drive(id).await;
    assert!(matches!(ending, Some(Ending::Message(_))), "{ending:?}");
}

/// As somebody who empties a bucket may find it, or who names a new one.
#[tokio::test]
async fn a_bucket_without_the_files_of_messages_is_taken_by_nobody() {
    let cluster = Cluster::new().await;
    let id = claimed(&cluster.node()).await;
    let ending = Maker::on(&cluster.node()).finalizer.drive(id).await;
    assert!(matches!(ending, Some(Ending::Message(_))), "{ending:?}");
    let empty =
        Cluster { s3: Cluster::new().await.s3, limits: crate::limits(), address: cluster.address.clone() };
    assert!(!empty.node().objects.belongs().await.expect("readable"));
    assert!(cluster.node().objects.belongs().await.expect("readable"), "it has the file");
    assert!(!empty.node().objects.belongs().await.expect("readable"));
}

/// A store may need long to make an object, or to know of it everywhere.
#[tokio::test]
async fn bytes_that_turn_up_again_were_never_lost() {
    let cluster = Cluster::with(hopeful()).await;
    let node = cluster.node();
    let id = claimed(&node).await;
    let maker = Maker::on(&node);
    let (key, _) = cluster.multipart().await;
    remove_multipart(&cluster).await;
    assert_eq!(maker.finalizer.drive(id).await, Some(Ending::Failed));
    let attributes = Attributes::from_iter([(Attribute::Metadata("upload".into()), id.to_string())]);
    let options = PutOptions { attributes, ..PutOptions::default() };
    let client = cluster.s3.client(ClientOptions::new()).expect("a client");
    client.put_opts(&Path::from(key), bytes(1, 0..LENGTH).into(), options).await.expect("made");
    let ending = maker.finalizer.drive(id).await;
    let Some(Ending::Message(message)) = ending else { panic!("{ending:?}") };
    assert_eq!(message.upload_id, id.uuid());
}

/// An unbound upload is sealed when it is complete, and bound later.
#[tokio::test]
async fn an_object_that_is_lost_before_it_is_placed_is_not_placed() {
    for (limits, is_sure) in [(hopeful(), false), (limits_that_lose(Duration::ZERO), true)] {
        let cluster = Cluster::marked(limits).await;
        let node = cluster.node();
        let id = node.create(LENGTH).await;
        node.send(id, 1, LENGTH).await.expect("recorded");
        node.objects.seal(id, LENGTH).await.expect("sealed");
        let key = Path::from(cluster.text("select object_key from stored").await);
        let client = cluster.s3.client(ClientOptions::new()).expect("a client");
        client.delete(&key).await.expect("removed");
        match node.objects.place(id, LENGTH, &place(1)).await {
            Err(StoreError::Unavailable(_)) => assert!(!is_sure),
            Err(StoreError::Damaged(_)) => assert!(is_sure),
            placed => panic!("{placed:?}"),
        }
        assert_eq!(cluster.number("select count(*) from files").await, 0);
    }
}

/// It had read parts and tail before, and makes an object that nobody needs any more.
#[tokio::test]
async fn what_is_given_up_is_not_placed_by_a_process_that_was_about_to() {
    let cluster = Cluster::new().await;
    let (late, mut puts) = cluster.gated();
    let node = cluster.node();
    let id = claimed(&node).await;
    let placing = tokio::spawn(async move { late.objects.place(id, LENGTH, &place(1)).await });
    let held = puts.recv().await.expect("it puts the tail");
    assert!(node.objects.give_up(id, LENGTH, &place(1)).await.expect("given up"));
    held.land().await;
    let placed = placing.await.expect("no panic");
    assert!(matches!(placed, Err(StoreError::Unavailable(_))), "{placed:?}");
    is_empty(&cluster).await;
}

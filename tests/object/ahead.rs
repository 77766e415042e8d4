//! Uploads whose bytes are all in memory: their objects are put ahead of their records.

use std::time::Duration;

use longhaul::message::MessageId;
use longhaul::store::contract::samples;
use longhaul::store::object::{Limits, S3};
use longhaul::store::{
    Append, Appends, Created, Last, Messages, Payloads, Place, Records, StoreError, Taking,
};
use longhaul::time::Timestamp;
use longhaul::upload::{Bounds, Epoch, Length, State, Upload};

use crate::MIB;
use crate::cluster::{Cluster, Node, bytes, pieces, place, row};
use crate::garbage::keys;

const PART: u64 = 5 * MIB;

/// However loaded the machine is, the object store answers in time.
fn patient() -> Limits {
    Limits { patience: Duration::from_secs(60), ..crate::limits() }
}

/// A new upload of this length to a conversation, without a byte.
async fn begin(node: &Node, length: u64) -> Upload {
    let upload = Upload { length: Length::Known(length), digest: None, ..samples::bound(None) };
    assert!(node.store.create(&upload, Taking::IfFree).await.expect("stored").is_new());
    node.take(upload.id).await;
    node.find(upload.id).await
}

/// Sends bytes from the recorded offset up to this one as one request, whose message is claimed along.
async fn send(node: &Node, upload: &Upload, to: u64) -> Result<State, StoreError> {
    let mut append = node.open(upload.id, upload.epoch).await;
    let upload = node.find(upload.id).await;
    append.write(pieces(1, upload.offset..to)).await?;
    append.record(Last::default(), &row(&upload, to), Some(Timestamp::now())).await
}

/// Stores an upload of ten bytes with all of them, and with its claim.
async fn create(node: &Node, upload: &Upload, taking: Taking) -> Result<Created, StoreError> {
    let mut append: Box<dyn Append> =
        Appends::open(&node.objects, upload.id, Epoch::FIRST, 0).await.expect("opened");
    let last = Last { data: pieces(1, 0..10), ..Last::default() };
    append.create(last, upload, taking, Bounds::NONE, Some(samples::at(5_000))).await
}

fn whole(client_message_id: Option<&str>) -> Upload {
    Upload { digest: None, ..samples::whole(client_message_id) }
}

/// All bytes of the file of a message that is in the outbox.
async fn read(node: &Node, id: MessageId, length: u64) -> Vec<u8> {
    let message = Messages::find(node.store.as_ref(), id).await.expect("readable").expect("there");
    assert!(node.store.is_unpublished(id).await.expect("readable"), "it is still to be announced");
    node.read_file(Place::of(&message), message.upload_id.into(), length).await
}

fn made(state: &State) -> MessageId {
    match state {
        State::Committed(message) => *message,
        other => panic!("{other:?}"),
    }
}

async fn is_only_a_file(cluster: &Cluster) {
    for table in ["stored", "upload_tail", "upload_parts", "upload_intents", "garbage"] {
        assert_eq!(cluster.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    assert_eq!(keys(cluster).await.len(), 1);
}

#[tokio::test]
async fn a_creation_with_all_bytes_is_a_message_at_once() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    let upload = whole(Some("c"));
    let created = create(&node, &upload, Taking::IfFree).await.expect("created");
    let Created::New(state) = created else { panic!("{created:?}") };
    assert_eq!(node.find(upload.id).await.state, state);
    assert_eq!(read(&node, made(&state), 10).await, bytes(1, 0..10));
    assert_eq!(node.store.held(&upload.owner).await.expect("readable").uploads, 0, "it is not unfinished");
    is_only_a_file(&cluster).await;
}

#[tokio::test]
async fn one_request_with_all_bytes_is_a_message_at_once() {
    for length in [1, 70_000, PART] {
        let cluster = Cluster::with(Limits { part_bytes: PART + 1, ..patient() }).await;
        let node = cluster.node();
        let upload = begin(&node, length).await;
        let state = send(&node, &upload, length).await.expect("recorded");
        assert!(read(&node, made(&state), length).await == bytes(1, 0..length));
        assert_eq!(node.store.held(&upload.owner).await.expect("readable").uploads, 0);
        is_only_a_file(&cluster).await;
    }
}

/// More bytes than a part has, or bytes that are in a tail already.
#[tokio::test]
async fn other_uploads_take_the_longer_way() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    for (stops, length) in [(&[2 * PART + 1][..], 2 * PART + 1), (&[3, 9][..], 9)] {
        let upload = begin(&node, length).await;
        for stop in stops {
            let state = send(&node, &upload, *stop).await.expect("recorded");
            let is_last = *stop == length;
            assert_eq!(matches!(state, State::Finalizing(_)), is_last, "{stop}: {state:?}");
        }
    }
}

#[tokio::test]
async fn messages_of_both_ways_are_in_one_order() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    let (slow, quick) = (begin(&node, 9).await, begin(&node, 9).await);
    for to in [3, 9] {
        send(&node, &slow, to).await.expect("recorded");
    }
    let quick = made(&send(&node, &quick, 9).await.expect("recorded"));
    let State::Finalizing(stamp) = node.find(slow.id).await.state else { panic!("it is claimed") };
    assert!(stamp.id < quick, "it was claimed before");
    let late = node.find(slow.id).await.message(stamp).expect("bound");
    node.store.commit(&late, Timestamp::now()).await.expect("committed");
    let page = node.store.page(samples::conversation(1), None, 9).await.expect("readable");
    let order: Vec<_> = page.iter().map(|message| message.id).collect();
    assert_eq!(order, [late.id, quick], "the later commit is the newer message");
}

#[tokio::test]
async fn an_upload_whose_message_is_another_upload_s_is_kept_to_be_compared() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    let (first, second) = (whole(Some("c")), whole(Some("c")));
    create(&node, &first, Taking::IfFree).await.expect("created");
    let created = create(&node, &second, Taking::Beside).await.expect("created");
    assert_eq!(created, Created::New(State::Complete));
    assert_eq!(node.read(second.id, 10).await.expect("readable"), bytes(1, 0..10));
    assert_eq!(cluster.number("select count(*) from garbage").await, 0);
    let third = create(&node, &whole(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(third, Created::Taken(first.id));
}

/// What a creation leaves that is refused, or that a kill ends before its record, is garbage in time.
#[tokio::test]
async fn an_object_without_a_record_goes_when_its_time_has_come() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    create(&node, &whole(Some("c")), Taking::IfFree).await.expect("created");
    create(&node, &whole(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(keys(&cluster).await.len(), 2);
    cluster.collect_twice().await;
    assert_eq!(keys(&cluster).await.len(), 2, "it may still get a record");
    cluster.run("update garbage set due = clock_timestamp()").await;
    cluster.collect_twice().await;
    assert_eq!(keys(&cluster).await.len(), 1);
    is_only_a_file(&cluster).await;
}

/// A process may stand still for longer than garbage waits.
#[tokio::test]
async fn a_record_does_not_get_an_object_that_is_being_thrown_away() {
    let cluster = Cluster::with(patient()).await;
    let node = cluster.node();
    cluster
        .run(
            "create function taken() returns trigger language plpgsql as
                 'begin new.rounds := 0; return new; end';
             create trigger taken before insert on garbage for each row execute function taken()",
        )
        .await;
    let upload = whole(Some("c"));
    let outcome = create(&node, &upload, Taking::IfFree).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
    assert!(Records::find(node.store.as_ref(), upload.id).await.expect("readable").is_none());
    cluster.run("drop trigger taken on garbage").await;
    let created = create(&node, &upload, Taking::IfFree).await.expect("created");
    assert!(created.is_new(), "its client message id is free");
}

#[tokio::test]
async fn without_the_object_store_bytes_go_into_the_tail() {
    let cluster = Cluster::with(patient()).await;
    let away = Cluster {
        address: cluster.address.clone(),
        s3: S3 { endpoint: Some("http://127.0.0.1:1".into()), ..cluster.s3.clone() },
        limits: Limits { patience: Duration::from_millis(50), ..cluster.limits },
    };
    let upload = begin(&away.node(), 9).await;
    let state = send(&away.node(), &upload, 9).await.expect("recorded");
    assert!(matches!(state, State::Finalizing(_)), "{state:?}");
    assert_eq!(cluster.number("select count(*) from upload_tail").await, 1);
    Payloads::place(&cluster.node().objects, upload.id, 9, &place(1)).await.expect("placed");
    cluster.run("update garbage set due = clock_timestamp()").await;
    cluster.collect_twice().await;
    is_only_a_file(&cluster).await;
}

//! What goes wrong if a statement, or the order of two, is another one. Each of these has lost or mixed bytes
//! in a model of the protocol.

use std::time::Duration;

use bytes::Bytes;
use longhaul::store::object::Limits;
use longhaul::store::{Last, Payloads, StoreError};
use longhaul::upload::State;

use crate::MIB;
use crate::cluster::{Cluster, bytes, pieces, place, row};

const PART: u64 = 5 * MIB;

fn is_fenced<T>(outcome: &Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::Fenced))
}

/// A second sealer has read parts and tail, and goes on when the first has placed the file and removed them;
/// a third reads then. An object of what is left would be one of nothing.
#[tokio::test]
async fn a_sealer_that_comes_late_leaves_the_file_as_it_is() {
    let cluster = Cluster::new().await;
    let (late, mut puts) = cluster.gated();
    let node = cluster.node();
    let length = PART + 7;
    let id = node.create(length).await;
    node.send(id, 1, length).await.expect("recorded");
    let objects = late.objects.clone();
    let second = tokio::spawn(async move { objects.place(id, length, &place(1)).await });
    let held = puts.recv().await.expect("it puts the tail");
    node.objects.place(id, length, &place(1)).await.expect("placed");
    held.land().await;
    second.await.expect("no panic").expect("it is placed");
    late.objects.place(id, length, &place(1)).await.expect("it is placed");
    assert!(node.read_placed(id, 1, length).await == bytes(1, 0..length));
}

#[tokio::test]
async fn many_sealers_at_once_make_one_file() {
    for length in [9, PART, 2 * PART + 9] {
        let cluster = Cluster::new().await;
        let nodes = [cluster.node(), cluster.node(), cluster.node()];
        let id = nodes[0].create(length).await;
        nodes[0].send(id, 1, length).await.expect("recorded");
        let places = nodes.iter().map(async |node| node.objects.place(id, length, &place(1)).await);
        for placed in futures_util::future::join_all(places).await {
            placed.expect("placed");
        }
        assert!(nodes[1].read_placed(id, 1, length).await == bytes(1, 0..length));
        assert_eq!(cluster.number("select count(*) from files").await, 1);
    }
}

/// The holder keeps bytes between the newcomer's look and its first part.
#[tokio::test]
async fn what_is_kept_after_a_newcomer_looked_is_not_in_its_part() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let length = PART + 3;
    let id = node.create(length).await;
    node.send(id, 1, 2 * MIB).await.expect("recorded");
    let older = node.take(id).await;
    let mut late = node.open(id, older).await;
    let stale = node.find(id).await;
    let newer = node.take(id).await;
    let mut append = node.open(id, newer).await;
    let upload = node.find(id).await;
    late.write(pieces(2, 2 * MIB..4 * MIB)).await.expect("in memory");
    assert!(is_fenced(&late.record(Last::default(), &row(&stale, 4 * MIB), None).await));
    append.write(pieces(1, 2 * MIB..length)).await.expect("written");
    append.record(Last::default(), &row(&upload, length), None).await.expect("recorded");
    assert!(node.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// Who was displaced announces no put any more, so none of its parts lands behind the newcomer's look.
#[tokio::test]
async fn a_displaced_holder_begins_no_put() {
    let cluster = Cluster::new().await;
    let (late, mut puts) = cluster.gated();
    let node = cluster.node();
    let id = node.create(3 * PART).await;
    let older = node.take(id).await;
    let stale = node.find(id).await;
    let mut append = late.open(id, older).await;
    append.write(pieces(2, 0..PART)).await.expect("written");
    puts.recv().await.expect("a put").land().await;
    append.record(Last::default(), &row(&stale, PART), None).await.expect("recorded");
    let stale = node.find(id).await;
    node.send(id, 1, 2 * PART).await.expect("recorded");
    let _ = append.write(pieces(2, PART..2 * PART)).await;
    assert!(is_fenced(&append.record(Last::default(), &row(&stale, 2 * PART), None).await));
    assert!(puts.try_recv().is_err(), "no put was begun");
    assert_eq!(cluster.number("select count(distinct epoch) from upload_intents where idx = 1").await, 1);
}

/// Clients mostly send the same bytes again.
#[tokio::test]
async fn a_late_put_of_the_same_bytes_is_not_waited_for_and_does_no_harm() {
    let cluster = Cluster::new().await;
    let (late, mut puts) = cluster.gated();
    let node = cluster.node();
    let id = node.create(PART + 1).await;
    let older = node.take(id).await;
    let mut append = late.open(id, older).await;
    append.write(pieces(1, 0..PART)).await.expect("written");
    let held = puts.recv().await.expect("a put");
    node.send(id, 1, PART + 1).await.expect("recorded");
    assert!(held.is_awaited(), "the newcomer did not wait until it was given up");
    held.land().await;
    assert!(node.read(id, PART + 1).await.expect("readable") == bytes(1, 0..PART + 1));
}

/// The newcomer's own put is begun when the other one was given up, and not before.
#[tokio::test]
async fn a_late_put_of_other_bytes_is_waited_out() {
    let cluster = Cluster::with(Limits {
        part_timeout: Duration::from_secs(2),
        margin: Duration::ZERO,
        ..crate::limits()
    })
    .await;
    let (late, mut late_puts) = cluster.gated();
    let (node, mut puts) = cluster.gated();
    let id = node.create(PART + 1).await;
    let older = node.take(id).await;
    let mut first = late.open(id, older).await;
    first.write(pieces(2, 0..PART)).await.expect("written");
    let mut held = late_puts.recv().await.expect("a put");
    let newer = node.take(id).await;
    let upload = node.find(id).await;
    let mut second = node.open(id, newer).await;
    second.write(pieces(1, 0..PART)).await.expect("written");
    tokio::select! {
        biased;
        () = held.given_up() => {}
        _ = puts.recv() => panic!("a put of other bytes may still land"),
    }
    held.land().await;
    puts.recv().await.expect("now it is put").land().await;
    second.write(pieces(1, PART..PART + 1)).await.expect("written");
    second.record(Last::default(), &row(&upload, PART + 1), None).await.expect("recorded");
    let reader = cluster.node();
    assert!(reader.read(id, PART + 1).await.expect("readable") == bytes(1, 0..PART + 1));
}

/// A store that keeps a request for longer than was waited: no file, rather than a wrong one.
#[tokio::test]
async fn a_put_that_lands_after_all_patience_makes_no_wrong_file() {
    let limits =
        Limits { part_timeout: Duration::from_millis(500), margin: Duration::ZERO, ..crate::limits() };
    let cluster = Cluster::marked(limits).await;
    let (late, mut puts) = cluster.gated();
    let patient = Limits { part_timeout: Duration::from_secs(60), lost: Duration::ZERO, ..limits };
    let node = Cluster { limits: patient, address: cluster.address.clone(), s3: cluster.s3.clone() }.node();
    let id = node.create(PART + 1).await;
    let older = node.take(id).await;
    let mut append = late.open(id, older).await;
    append.write(pieces(2, 0..PART)).await.expect("written");
    let mut held = puts.recv().await.expect("a put");
    held.given_up().await;
    // As old as if all of the time that a newcomer waits had passed.
    cluster.number("with u as (update upload_intents set at = at - interval '1 hour' returning 1) select count(*) from u").await;
    node.send(id, 1, PART + 1).await.expect("recorded");
    assert_eq!(cluster.number("select count(*) from upload_parts").await, 1, "it is in a part");
    held.land().await;
    let sealed = node.objects.seal(id, PART + 1).await;
    assert!(matches!(sealed, Err(StoreError::Damaged(_))), "{sealed:?}");
}

/// Be it the end of a part or of a tail.
#[tokio::test]
async fn the_row_that_reaches_the_length_makes_the_upload_complete() {
    for (first, length) in [(PART, 2 * PART), (PART, 2 * PART + 1), (1, 2), (1, PART)] {
        let cluster = Cluster::new().await;
        let node = cluster.node();
        let id = node.create(length).await;
        assert_eq!(node.send(id, 1, first).await.expect("recorded"), State::Receiving);
        assert_eq!(node.send(id, 1, length).await.expect("recorded"), State::Complete);
        assert_eq!(node.find(id).await.state, State::Complete, "{first} {length}");
    }
}

/// A part is made of the tail and of bytes that never get a row, as those of a request with a checksum that
/// does not match. The tail is needed once more.
#[tokio::test]
async fn a_part_that_is_cut_off_leaves_the_tail_that_it_was_made_of() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let length = 2 * PART;
    let id = node.create(length).await;
    node.send(id, 1, 3 * MIB).await.expect("recorded");
    let epoch = node.take(id).await;
    let mut ahead = Payloads::open(&node.objects, id, epoch, 3 * MIB).await.expect("opened");
    ahead.sync(pieces(2, 3 * MIB..PART + 9)).await.expect("synced");
    assert_eq!(cluster.number("select parts::bigint from stored").await, 1);
    drop(ahead);
    node.send(id, 1, length).await.expect("recorded");
    assert!(node.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

/// The node dies between the put and its row.
#[tokio::test]
async fn a_part_without_a_row_is_put_again() {
    let cluster = Cluster::new().await;
    let (dying, mut puts) = cluster.gated();
    let node = cluster.node();
    let id = node.create(PART + 1).await;
    let epoch = node.take(id).await;
    let mut append = dying.open(id, epoch).await;
    append.write(pieces(1, 0..PART)).await.expect("written");
    puts.recv().await.expect("a put").land().await;
    drop(append);
    assert_eq!(node.find(id).await.offset, 0);
    node.send(id, 1, PART + 1).await.expect("recorded");
    assert!(node.read(id, PART + 1).await.expect("readable") == bytes(1, 0..PART + 1));
}

/// A late row, part or tail of an older epoch changes nothing, whether or not its holder had begun to write.
#[tokio::test]
async fn a_late_holder_writes_nothing() {
    for had_begun in [false, true] {
        let cluster = Cluster::new().await;
        let (late, node) = (cluster.node(), cluster.node());
        let id = node.create(PART + 9).await;
        let older = late.take(id).await;
        let stale = late.find(id).await;
        let mut append = late.open(id, older).await;
        let from = if had_begun {
            append.write(vec![Bytes::from(bytes(1, 0..4))]).await.expect("written");
            append.record(Last::default(), &row(&stale, 4), None).await.expect("recorded");
            4
        } else {
            0
        };
        let stale = late.find(id).await;
        node.send(id, 1, 9).await.expect("recorded");
        append.write(vec![Bytes::from(bytes(2, from..from + 2))]).await.expect("in memory");
        assert!(is_fenced(&append.record(Last::default(), &row(&stale, from + 2), None).await));
        node.send(id, 1, PART + 9).await.expect("recorded");
        assert!(node.read(id, PART + 9).await.expect("readable") == bytes(1, 0..PART + 9), "{had_begun}");
    }
}

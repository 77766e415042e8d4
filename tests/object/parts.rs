//! What comes of an upload's bytes: parts, tails, objects.

use longhaul::store::contract::samples;
use longhaul::store::{Last, Payloads, Records, Taking};
use longhaul::upload::{Bounds, Epoch, Length, State, Upload};

use crate::MIB;
use crate::cluster::{Cluster, bytes, pieces, place, row};

const PART: u64 = 5 * MIB;

/// The other node knows nothing but the rows.
#[tokio::test]
async fn another_node_goes_on_wherever_one_stopped() {
    for stops in [
        &[1, 2, 3][..],
        &[PART - 1, PART, PART + 1],
        &[2 * PART, 2 * PART + 7],
        &[3, 2 * PART + 3, 2 * PART + 4],
        &[PART + 1, 2 * PART - 1],
    ] {
        let cluster = Cluster::new().await;
        let nodes = [cluster.node(), cluster.node()];
        let length = 3 * PART + 9;
        let id = nodes[0].create(length).await;
        for (stop, node) in stops.iter().zip(nodes.iter().cycle()) {
            assert_eq!(node.send(id, 1, *stop).await.expect("recorded"), State::Receiving);
            assert_eq!(nodes[0].find(id).await.offset, *stop);
        }
        assert_eq!(nodes[1].send(id, 1, length).await.expect("recorded"), State::Complete);
        nodes[0].objects.place(id, length, &place(1)).await.expect("placed");
        assert!(nodes[1].read_placed(id, 1, length).await == bytes(1, 0..length), "{stops:?}");
        for table in ["stored", "upload_tail", "upload_parts", "upload_intents", "garbage"] {
            assert_eq!(cluster.number(&format!("select count(*) from {table}")).await, 0, "{table}");
        }
    }
}

/// However they came: some stores make no object of anything else.
#[tokio::test]
async fn all_parts_but_the_last_are_of_one_size() {
    for stops in [
        &[4 * PART][..],
        &[7, PART - 1, 3 * PART + 1, 4 * PART - 1, 4 * PART],
        &[PART + MIB, 2 * (PART + MIB), 2 * (PART + MIB) + 1, 3 * PART + 2 * MIB, 4 * PART],
        &[2 * MIB, 4 * MIB, 6 * MIB, 8 * MIB, 10 * MIB, 12 * MIB, 14 * MIB, 4 * PART],
        &[3 * PART - 1, 3 * PART, 3 * PART + 1, 4 * PART],
    ] {
        let cluster = Cluster::new().await;
        let node = cluster.strict();
        let id = node.create(4 * PART).await;
        for stop in stops {
            node.send(id, 1, *stop).await.expect("recorded");
        }
        node.objects.place(id, 4 * PART, &place(1)).await.expect("placed");
        assert!(node.read_placed(id, 1, 4 * PART).await == bytes(1, 0..4 * PART), "{stops:?}");
    }
}

/// A tail of several parts, as an outage leaves it.
#[tokio::test]
async fn a_long_tail_becomes_parts_of_one_size() {
    let wait = std::time::Duration::from_millis(1);
    let limits = longhaul::store::object::Limits { every: wait, patience: wait, ..crate::limits() };
    let cluster = Cluster::with(limits).await;
    let (away, mut puts) = cluster.gated();
    let node = Cluster { limits: crate::limits(), address: cluster.address.clone(), s3: cluster.s3.clone() }
        .strict();
    let id = node.create(4 * PART).await;
    node.send(id, 1, PART).await.expect("recorded");
    let epoch = away.take(id).await;
    let mut append = away.open(id, epoch).await;
    append.write(pieces(1, PART..4 * PART)).await.expect("written");
    let upload = away.find(id).await;
    append.record(Last::default(), &row(&upload, 4 * PART), None).await.expect("recorded");
    while let Ok(held) = puts.try_recv() {
        held.fail();
    }
    assert_eq!(cluster.number("select count(*) from upload_parts").await, 1);
    node.objects.place(id, 4 * PART, &place(1)).await.expect("placed");
    assert!(node.read_placed(id, 1, 4 * PART).await == bytes(1, 0..4 * PART));
}

#[tokio::test]
async fn whole_parts_pass_no_tail() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(4 * PART).await;
    for end in [2 * PART, 3 * PART] {
        node.send(id, 1, end).await.expect("recorded");
        assert_eq!(cluster.number("select count(*) from upload_parts").await, (end / PART).cast_signed());
        assert_eq!(cluster.number("select count(*) from upload_tail").await, 0);
    }
}

/// A client that sends as many bytes each time gives its upload parts of that size.
#[tokio::test]
async fn the_first_request_gives_the_size_of_parts() {
    let limits = longhaul::store::object::Limits { part_bytes: 8 * MIB, ..crate::limits() };
    let cluster = Cluster::with(limits).await;
    let node = cluster.node();
    let (size, length) = (5 * MIB + 3, 3 * (5 * MIB + 3) + 1);
    let id = node.create(length).await;
    for end in [size, 2 * size, 3 * size] {
        node.send(id, 1, end).await.expect("recorded");
        assert_eq!(cluster.number("select count(*) from upload_tail").await, 0);
    }
    node.send(id, 1, length).await.expect("recorded");
    assert!(node.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

#[tokio::test]
async fn a_tail_is_written_once_and_goes_with_the_row_behind_its_part() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(2 * PART).await;
    let tail = "select coalesce(sum(length(bytes)), 0)::bigint from upload_tail";
    for end in [MIB, 2 * MIB, 3 * MIB] {
        node.send(id, 1, end).await.expect("recorded");
        assert_eq!(cluster.number(tail).await, end.cast_signed());
    }
    node.send(id, 1, PART + 7).await.expect("recorded");
    assert_eq!(cluster.number(tail).await, 7);
}

/// A file that repeats another is compared with it before it has a record.
#[tokio::test]
async fn bytes_are_read_before_their_record() {
    for length in [10, PART + 10] {
        let cluster = Cluster::new().await;
        let node = cluster.node();
        let whole = samples::whole(None);
        let upload = Upload { length: Length::Known(length), offset: length, digest: None, ..whole };
        let mut append =
            longhaul::store::Appends::open(&node.objects, upload.id, Epoch::FIRST, 0).await.expect("opened");
        append.settle(pieces(1, 0..length)).await.expect("durable");
        assert!(node.read(upload.id, length).await.expect("readable") == bytes(1, 0..length));
        let created = append.create(Last::default(), &upload, Taking::IfFree, Bounds::NONE, None).await;
        assert!(created.expect("created").is_new());
        node.objects.place(upload.id, length, &place(1)).await.expect("placed");
        assert!(node.read_placed(upload.id, 1, length).await == bytes(1, 0..length));
    }
}

#[tokio::test]
async fn a_creation_that_is_refused_leaves_no_bytes() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let first = Upload { digest: None, ..samples::whole(Some("c")) };
    node.store.create(&first, Taking::IfFree).await.expect("created");
    let second = Upload { digest: None, ..samples::whole(Some("c")) };
    let mut append =
        longhaul::store::Appends::open(&node.objects, second.id, Epoch::FIRST, 0).await.expect("opened");
    let last = Last { data: pieces(1, 0..10), ..Last::default() };
    let created = append.create(last, &second, Taking::IfFree, Bounds::NONE, None).await.expect("answered");
    assert!(!created.is_new());
    assert_eq!(cluster.number("select count(*) from stored").await, 0);
}

/// The length becomes known with the last bytes.
#[tokio::test]
async fn a_deferred_length_is_declared_with_bytes() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let upload = Upload { length: Length::Deferred, digest: None, ..samples::unbound() };
    node.store.create(&upload, Taking::IfFree).await.expect("created");
    node.send(upload.id, 1, 2 * PART).await.expect("recorded");
    let epoch = node.take(upload.id).await;
    let mut append = node.open(upload.id, epoch).await;
    let end = 2 * PART + 5;
    append.write(pieces(1, 2 * PART..end)).await.expect("written");
    let declared = Upload { length: Length::Known(end), ..node.find(upload.id).await };
    let state = append.record(Last::default(), &row(&declared, end), None).await.expect("recorded");
    assert_eq!(state, State::Complete);
    assert!(node.read(upload.id, end).await.expect("readable") == bytes(1, 0..end));
}

/// While the object store is away, rows go on with the tail.
#[tokio::test]
async fn what_the_object_store_does_not_take_is_kept_in_the_tail() {
    let cluster = Cluster::new().await;
    let (node, mut puts) = cluster.gated();
    let length = 2 * PART;
    let id = node.create(length).await;
    let epoch = node.take(id).await;
    let mut append = node.open(id, epoch).await;
    append.write(pieces(1, 0..PART + 3)).await.expect("written");
    let held = puts.recv().await.expect("a put");
    let upload = node.find(id).await;
    append.record(Last::default(), &row(&upload, PART + 3), None).await.expect("recorded");
    assert_eq!(node.find(id).await.offset, PART + 3);
    held.fail();
    let other = cluster.node();
    other.send(id, 1, length).await.expect("recorded");
    assert!(other.read(id, length).await.expect("readable") == bytes(1, 0..length));
}

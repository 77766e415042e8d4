//! Facts of several nodes on the same stores: a late step of one does not disturb another that took the
//! upload.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use super::samples::{at, row, unbound, whole};
use super::{NodesFixture, is_fenced};
use crate::store::{Claim, Duties, Duty, Elsewhere, Lease, Source, StoreError, Taking, Wanted};
use crate::time::Timestamp;
use crate::upload::{Appended, Epoch, UploadId};

async fn created(node: &impl NodesFixture) -> UploadId {
    let upload = unbound();
    node.records().create(&upload, Taking::IfFree).await.expect("stored");
    upload.id
}

async fn held(node: &impl NodesFixture, id: UploadId) -> Lease {
    node.leases().take_over(id, Wanted::WhatCame).await.expect("idle")
}

/// Records this many bytes more.
async fn append(
    node: &impl NodesFixture,
    lease: &Lease,
    id: UploadId,
    at: u64,
    length: u64,
) -> Result<(), StoreError> {
    let row = Appended { epoch: lease.epoch(), ..row(at, length) };
    node.records().append(id, &row).await.map(drop)
}

async fn offset(node: &impl NodesFixture, id: UploadId) -> u64 {
    node.records().find(id).await.expect("readable").expect("there").offset
}

pub async fn a_holder_on_another_node_keeps_what_came_and_lets_go(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    let leases = two.leases();
    let newcomer =
        tokio::spawn(async move { leases.take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await });
    assert_eq!(first.displaced().await, Wanted::WhatCame);
    append(&one, &first, id, 0, 3).await.expect("it still holds it");
    drop(first);
    let second = newcomer.await.expect("no panic").expect("its turn").expect("it was held");
    assert_eq!(offset(&two, id).await, 3);
    append(&two, &second, id, 3, 3).await.expect("held");
}

pub async fn a_lease_that_is_not_renewed_is_taken(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    append(&one, &first, id, 0, 2).await.expect("held");
    one.stop();
    let second = two.leases().take_idle(id).await.expect("asked").expect("its holder is gone");
    assert!(second.epoch() > first.epoch());
    assert_eq!(first.is_displaced(), None, "it hears of nothing");
    assert!(is_fenced(&append(&one, &first, id, 2, 3).await));
    append(&two, &second, id, 2, 4).await.expect("held");
    drop(first);
    append(&two, &second, id, 6, 1).await.expect("what is let go late is another's");
    assert!(two.second().leases().take_idle(id).await.expect("asked").is_none());
}

pub async fn a_node_that_leaves_keeps_nothing(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    assert!(one.duties().is_mine(Duty::Sweep).await.expect("asked"));
    one.leases().leave().await;
    assert!(two.duties().is_mine(Duty::Sweep).await.expect("asked"));
    let second = two.leases().take_idle(id).await.expect("asked").expect("its holder has left");
    assert!(is_fenced(&append(&one, &first, id, 0, 3).await));
    append(&two, &second, id, 0, 4).await.expect("held");
}

pub async fn a_newcomer_at_the_recorded_offset_waits_for_no_other_node(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    let second = two.leases().take_over(id, Wanted::RecordedOffset).await.expect("taken");
    assert_eq!(first.displaced().await, Wanted::RecordedOffset, "it is told, be it a moment later");
    assert!(is_fenced(&append(&one, &first, id, 0, 3).await));
    append(&two, &second, id, 0, 4).await.expect("held");
}

pub async fn an_upload_is_idle_if_no_node_holds_it(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    assert!(two.leases().take_idle(id).await.expect("asked").is_none());
    assert_eq!(first.is_displaced(), None);
    drop(first);
    // Another node may see a moment later that it was let go.
    while two.leases().take_held(id, Wanted::WhatCame, Elsewhere::Unknown).await.expect("asked").is_some() {}
    assert!(two.leases().take_idle(id).await.expect("asked").is_some());
}

/// The older holder has written bytes that no row tells of, and writes on after the newer one has begun.
pub async fn bytes_of_an_older_epoch_are_never_read(one: impl NodesFixture) {
    let two = one.second();
    let id = created(&one).await;
    let first = held(&one, id).await;
    let mut late = one.payloads().open(id, first.epoch(), 0).await.expect("opened");
    late.write(vec![Bytes::from_static(b"aaa")]).await.expect("written");
    one.stop();
    let second = held(&two, id).await;
    let mut sink = two.payloads().open(id, second.epoch(), 0).await.expect("opened");
    // The late write is refused or has no effect, now and after the newer holder has written.
    let _ = late.write(vec![Bytes::from_static(b"aaa")]).await;
    sink.write(vec![Bytes::from_static(b"bb")]).await.expect("written");
    let _ = late.sync(vec![Bytes::from_static(b"aaa")]).await;
    sink.sync(vec![Bytes::from_static(b"bb")]).await.expect("synced");
    let _ = late.sync(Vec::new()).await;
    assert!(is_fenced(&append(&one, &first, id, 0, 9).await));
    append(&two, &second, id, 0, 4).await.expect("held");
    two.payloads().seal(id, 4).await.expect("sealed");
    let pieces = two.payloads().read(&Source::Part(id), 0..4).await.expect("there");
    let read: Vec<_> = pieces.try_collect().await.expect("readable");
    assert_eq!(read.concat(), b"bbbb");
    assert!(one.payloads().open(id, first.epoch(), 4).await.is_err(), "it comes too late");
}

/// The part may be that of an upload that gets its record with its last byte.
pub async fn a_part_under_way_elsewhere_is_no_orphan(one: impl NodesFixture) {
    let two = one.second();
    let id = UploadId::random();
    let begun = Timestamp::now();
    let mut sink = one.payloads().open(id, Epoch::FIRST, 0).await.expect("opened");
    sink.sync(vec![Bytes::from_static(b"aaa")]).await.expect("synced");
    assert_eq!(two.payloads().parts(begun, None, 9).await.expect("listed"), []);
    let later = Timestamp::now().plus_secs(1);
    assert_eq!(two.payloads().parts(later, None, 9).await.expect("listed"), [id]);
}

pub async fn a_message_is_left_to_the_node_that_commits_it(one: impl NodesFixture) {
    let two = one.second();
    let upload = whole(None);
    one.records().create(&upload, Taking::IfFree).await.expect("stored");
    let claim = one.messages().claim(upload.id, at(5_000)).await.expect("claimed");
    let Claim::Finalizing(stamp) = claim else { panic!("{claim:?}") };
    let message = upload.message(stamp).expect("bound");
    one.messages().commit(&message, at(6_000)).await.expect("committed");
    let outbox = async |before| two.messages().outbox(before, None, 9).await.expect("readable");
    assert_eq!(outbox(at(6_000)).await, []);
    for before in [at(6_001), Timestamp::MAX] {
        assert_eq!(outbox(before).await, std::slice::from_ref(&message));
    }
}

pub async fn a_duty_is_one_nodes_until_that_is_gone(one: impl NodesFixture) {
    let two = one.second();
    let [first, second] = [one.duties(), two.duties()];
    let has = async |node: &Arc<dyn Duties>, duty| node.is_mine(duty).await.expect("asked");
    for _ in 0..2 {
        assert!(has(&first, Duty::Sweep).await);
        assert!(!has(&second, Duty::Sweep).await);
        assert!(has(&second, Duty::Recover).await, "each duty is taken by itself");
        assert!(!has(&first, Duty::Recover).await);
    }
    one.stop();
    assert!(has(&second, Duty::Sweep).await);
    assert!(!has(&first, Duty::Sweep).await, "it comes back too late");
}

pub async fn an_upload_that_one_node_completes_is_heard_of_by_others(one: impl NodesFixture) {
    let two = one.second();
    let ids = [UploadId::random(), UploadId::random()];
    let [mut first, mut second] = [two.hints().completed(), two.second().hints().completed()];
    for id in ids {
        one.hints().complete(id);
    }
    for completed in [&mut first, &mut second] {
        for id in ids {
            assert_eq!(completed.next().await, Some(id));
        }
    }
}

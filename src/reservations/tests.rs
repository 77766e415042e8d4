use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::counts::{Counts, Room, STEP};
use super::flight::UNWRITTEN;
use super::*;
use crate::store::memory::{Memory, MemoryPayloads};
use crate::store::{Stores, Taking};
use crate::time::Timestamp;
use crate::upload::{Admission, Digests, Length, Metadata, Quota, Upload, UploadId};

const MIB: u64 = 1 << 20;

fn upload(owner: &str, length: Length) -> Upload {
    let owner = owner.parse().expect("valid");
    Upload::new(UploadId::random(), owner, length, Metadata::default(), None, Digests::Off, Timestamp::now())
}

fn known(owner: &str, mib: u64) -> Upload {
    upload(owner, Length::Known(mib * MIB))
}

fn terms() -> Terms {
    Terms {
        max_upload_size: u64::MAX,
        quota: Quota { uploads: 3, bytes: 100 * MIB },
        lapse_after: Duration::from_secs(120),
    }
}

fn room(disk: u64) -> Room {
    Room { disk, now: Instant::now(), lapse_after: terms().lapse_after }
}

fn later(disk: u64) -> Room {
    Room { now: Instant::now() + terms().lapse_after, ..room(disk) }
}

fn kept(counts: &Counts, upload: &Upload) -> u64 {
    counts.get(upload.id).map_or(0, |promise| promise.kept)
}

fn stores() -> (Stores, MemoryPayloads) {
    let payloads = MemoryPayloads::default();
    (Arc::new(Memory::new()).stores(Arc::new(payloads.clone())), payloads)
}

fn allowance() -> (Allowance, MemoryPayloads) {
    let (stores, payloads) = stores();
    (Allowance::new(&stores, terms()), payloads)
}

/// Whatever is announced, a quarter of the disk is left for uploads that announce nothing.
#[test]
fn a_users_words_keep_a_quarter_or_one_upload_and_all_words_three_quarters() {
    let (mut counts, disk) = (Counts::default(), 80 * MIB);
    // columns: owner, bytes, the room set aside afterwards
    for (owner, bytes, taken) in [
        ("ann", 12, 12),
        ("ann", 12, 20),
        ("ann", 40, 20),
        ("bob", 30, 50),
        ("bob", 10, 50),
        ("cid", 30, 60),
        ("dot", 20, 60),
    ] {
        assert!(counts.reserve(&known(owner, bytes), room(disk)), "{owner} {bytes}");
        assert_eq!(counts.taken(room(disk)), taken * MIB, "{owner} {bytes}");
    }
    assert!(!counts.reserve(&known("eve", 21), room(disk)));
    assert_eq!(counts.taken(room(disk)), 60 * MIB, "what has no room keeps none");
}

/// The promise of an upload that keeps room, as a request sends to it.
fn arrived(counts: &mut Counts, upload: &Upload, stored: u64) {
    counts.change(upload.id, |promise| promise.stored = stored);
}

#[test]
fn bytes_that_came_back_what_is_kept_for_the_next_ones() {
    let (mut counts, disk) = (Counts::default(), 80 * MIB);
    let [first, second] = [(); 2].map(|()| known("ann", 20));
    assert!(counts.reserve(&first, room(disk)) && counts.reserve(&second, room(disk)));
    assert_eq!(counts.taken(room(disk)), 20 * MIB, "its owner has no share left");
    arrived(&mut counts, &first, 10 * MIB);
    counts.open(&second, room(disk));
    counts.promise(second.id, room(disk));
    assert_eq!(counts.taken(room(disk)), 30 * MIB, "what is left of the first has as much behind it");
}

#[test]
fn who_was_silent_for_long_gives_way_and_the_longest_first() {
    let (mut counts, disk) = (Counts::default(), 80 * MIB);
    let uploads = ["ann", "bob", "cid"].map(|owner| known(owner, 20));
    for upload in &uploads {
        assert!(counts.reserve(upload, room(disk)));
    }
    let late = known("dot", 60);
    assert!(!counts.reserve(&late, room(disk)));
    counts.change(uploads[2].id, |promise| promise.is_open = true);
    assert_eq!(counts.make_room(21 * MIB, room(disk)), (0, 20 * MIB), "nobody is silent");
    assert_eq!(counts.make_room(21 * MIB, later(disk)), (1, 40 * MIB));
    assert_eq!(kept(&counts, &uploads[0]), 0);
    assert_eq!(counts.make_room(70 * MIB, later(disk)), (1, 60 * MIB), "one is sending");
    assert!(counts.reserve(&late, room(disk)));
}

#[test]
fn small_uploads_and_those_of_unknown_length_set_nothing_aside() {
    let mut counts = Counts::default();
    assert!(counts.reserve(&known("ann", 1), room(MIB)));
    assert!(counts.reserve(&upload("ann", Length::Deferred), room(MIB)));
    assert_eq!(counts.taken(room(MIB)), 0);
    assert!(!counts.reserve(&known("bob", 1), room(MIB - 1)), "it has to fit by itself all the same");
    assert!(!counts.reserve(&upload("ann", Length::Deferred), room(0)));
}

#[test]
fn what_arrived_needs_no_room_and_nothing_is_left_of_a_promise_that_keeps_none() {
    let (mut counts, all) = (Counts::default(), room(u64::MAX));
    let upload = known("ann", 10);
    assert!(counts.reserve(&upload, all));
    arrived(&mut counts, &upload, 4 * MIB);
    assert_eq!(counts.taken(all), 6 * MIB);
    arrived(&mut counts, &upload, 10 * MIB);
    assert!(counts.get(upload.id).is_none());
    arrived(&mut counts, &upload, 9 * MIB);
    assert_eq!(counts.taken(all), 0);
    assert!(counts.reserve(&upload, all));
    counts.remove(upload.id);
    counts.remove(upload.id);
    assert!(counts.get(upload.id).is_none());
    assert_eq!(format!("{counts:?}"), format!("{:?}", Counts::default()));
}

/// Columns: what the uploads from before the start lack, and how much of it is kept on this disk.
#[test]
fn a_start_keeps_room_for_what_came_before_until_that_was_silent_for_long() {
    let disk = 80 * MIB;
    for (missing, expected) in [(0, 0), (30 * MIB, 30 * MIB), (u64::MAX, 60 * MIB)] {
        let mut counts = Counts::default();
        counts.recall(missing, room(disk));
        assert_eq!(counts.taken(room(disk)), expected);
        assert!(!counts.could_have(disk - expected + 1, room(disk)));
        assert_eq!(counts.taken(later(disk)), 0);
        assert!(counts.could_have(disk, later(disk)));
    }
}

#[test]
fn an_upload_from_before_the_start_gets_of_that_what_its_owner_may_keep() {
    let (mut counts, disk) = (Counts::default(), 80 * MIB);
    counts.recall(50 * MIB, room(disk));
    // columns: owner, bytes, what is kept for it, and for all
    for (owner, bytes, expected, taken) in [
        ("ann", 12, 12, 50),
        ("ann", 12, 8, 50),
        ("ann", 40, 0, 50),
        ("bob", 25, 25, 50),
        ("cid", 90, 15, 60),
    ] {
        let upload = known(owner, bytes);
        counts.open(&upload, room(disk));
        counts.move_recalled(upload.id, room(disk));
        assert_eq!(kept(&counts, &upload), expected * MIB, "{owner} {bytes}");
        assert_eq!(counts.taken(room(disk)), taken * MIB, "{owner} {bytes}");
    }
}

#[tokio::test]
async fn a_promise_is_taken_back() {
    let (allowance, _) = allowance();
    let (stored, lost) = (known("ann", 10), known("ann", 10));
    let bounds = allowance.reserve(&stored).await.expect("memory");
    assert_eq!((bounds.quota, bounds.has_room), (Some(terms().quota), true));
    allowance.reserve(&lost).await.expect("memory");
    for (id, left) in [(lost.id, 10), (stored.id, 0), (stored.id, 0)] {
        allowance.forget(id);
        assert_eq!(allowance.left().await.expect("memory").reserved, left * MIB);
    }
}

#[tokio::test]
async fn a_backend_is_not_bound_as_long_as_its_token_is_valid() {
    let (allowance, _) = allowance();
    let now = Timestamp::now();
    for (owner, until) in [("ann", now.plus_secs(60)), ("bob", now.minus_secs(1))] {
        let upload = known(owner, 500);
        allowance.trust(&upload.owner, until);
        let bounds = allowance.reserve(&upload).await.expect("memory");
        assert_eq!(bounds.quota, (owner == "bob").then_some(terms().quota));
    }
}

fn admission(length: Length) -> Admission {
    Admission { offset: 0, limit: u64::MAX, length }
}

#[tokio::test]
async fn an_upload_that_gave_way_asks_again() {
    let (allowance, payloads) = allowance();
    payloads.set_room(80 * MIB);
    let [silent, other] = ["ann", "bob"].map(|owner| known(owner, 50));
    allowance.reserve(&silent).await.expect("memory");
    assert_eq!(allowance.counts().make_room(80 * MIB, later(80 * MIB)).0, 1);
    allowance.reserve(&other).await.expect("memory");
    let ask = async || allowance.take(&silent, &admission(silent.length), Some(50 * MIB)).await;
    assert!(matches!(ask().await, Err(Refusal::NoRoom)));
    allowance.forget(other.id);
    drop(ask().await.expect("there is room again"));
    assert_eq!(allowance.left().await.expect("memory").reserved, 50 * MIB);
}

#[tokio::test]
async fn a_length_that_is_said_later_is_measured_and_promised_then() {
    let (stores, payloads) = stores();
    let allowance = Allowance::new(&stores, terms());
    let [deferred, second] = [(); 2].map(|()| upload("ann", Length::Deferred));
    for upload in [&deferred, &second, &known("ann", 20)] {
        stores.records.create(upload, Taking::IfFree).await.expect("memory");
    }
    let ask = async |upload: &Upload, length, bytes, disk| {
        payloads.set_room(disk);
        allowance.take(upload, &admission(length), Some(bytes)).await
    };
    let length = |mib| Length::Known(mib * MIB);
    let all = u64::MAX;
    assert!(matches!(ask(&deferred, Length::Deferred, 81 * MIB, all).await, Err(Refusal::NoMoreBytes(_))));
    assert!(matches!(ask(&deferred, Length::Deferred, 9, 8).await, Err(Refusal::NoRoom)));
    ask(&deferred, Length::Deferred, 9, 9).await.map(drop).expect("allowed");
    assert_eq!(allowance.left().await.expect("memory").reserved, 0);
    assert!(matches!(ask(&deferred, length(81), 0, all).await, Err(Refusal::NoMoreBytes(_))));
    assert!(matches!(ask(&deferred, length(9), 0, 8 * MIB).await, Err(Refusal::NoRoom)));
    let sending = ask(&deferred, length(50), 0, 100 * MIB).await.expect("allowed");
    let both = ask(&second, length(31), 0, 100 * MIB).await;
    assert!(matches!(both, Err(Refusal::NoMoreBytes(_))), "no record says so yet, and a request does");
    drop(sending);
    assert_eq!(allowance.left().await.expect("memory").reserved, 50 * MIB);
    ask(&second, length(31), 0, 100 * MIB).await.map(drop).expect("the other request declared it in vain");
}

/// Both flights are looked at when there is room for either.
#[tokio::test]
async fn bytes_that_fly_are_room_that_nobody_else_gets() {
    let (allowance, payloads) = allowance();
    payloads.set_room(20 * MIB);
    let (mut one, mut other) = (allowance.flight(), allowance.flight());
    one.keep(15 * MIB).await.expect("room");
    assert!(matches!(other.keep(6 * MIB).await, Err(Refusal::NoRoom)));
    assert!(matches!(other.reach(6 * MIB).await, Err(Refusal::NoRoom)));
    one.keep(4 * MIB).await.expect("the rest is on the disk");
    other.keep(16 * MIB).await.expect("room");
    assert_eq!(allowance.left().await.expect("memory"), RoomLeft { reserved: 20 * MIB, free: 0 });
    assert!(!allowance.has_room().await.expect("memory"));
    drop((one, other));
    assert_eq!(allowance.left().await.expect("memory"), RoomLeft { reserved: 0, free: 20 * MIB });
}

/// The disk of this test counts every byte at once.
#[tokio::test]
async fn a_flight_of_unknown_length_takes_as_much_as_there_is_and_no_more() {
    let ((allowance, payloads), all) = (allowance(), 100 * MIB);
    let (mut flight, mut end) = (allowance.flight(), 0);
    payloads.set_room(all);
    while flight.reach(end + MIB / 2).await.is_ok() {
        end += MIB / 2;
        payloads.set_room(all - end);
        let reserved = allowance.left().await.expect("memory").reserved;
        assert!(reserved <= STEP + UNWRITTEN, "{reserved} at {end}");
    }
    assert!((all - UNWRITTEN - MIB..=all).contains(&end), "{end}");
}

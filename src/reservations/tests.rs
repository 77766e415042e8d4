use tokio::time::Instant;

use super::counts::Held;
use super::*;
use crate::store::memory::{Memory, MemoryPayloads};
use crate::store::{Records, Taking};
use crate::time::Timestamp;
use crate::upload::{Appended, Chunk, Epoch, Metadata, State};
use std::time::Duration;

const MIB: u64 = 1 << 20;

fn upload(owner: &str, length: Length) -> Upload {
    let owner = owner.parse().expect("valid");
    Upload::new(UploadId::random(), owner, length, Metadata::default(), None, false, Timestamp::now())
}

fn terms() -> Terms {
    Terms {
        max_upload_size: u64::MAX,
        max_unfinished: 3,
        max_reserved_bytes: 100 * MIB,
        lapse_after: Duration::from_secs(120),
    }
}

fn room(disk: u64) -> Room {
    Room { disk, now: Instant::now(), lapse_after: terms().lapse_after }
}

fn later(disk: u64) -> Room {
    Room { now: Instant::now() + terms().lapse_after, ..room(disk) }
}

/// The counts: uploads and bytes of the user, and the room that is set aside for all users.
fn counted(reservations: &Reservations, owner: &str) -> (u64, u64, u64) {
    let counts = reservations.counts();
    let held = counts.held_by(&owner.parse().expect("valid"));
    (held.uploads, held.bytes, counts.taken())
}

fn allowance(payloads: &MemoryPayloads) -> Allowance {
    Allowance::new(Arc::default(), Arc::new(payloads.clone()), terms())
}

#[test]
fn a_creation_is_counted_until_it_is_certain_that_it_failed() {
    let reservations = Reservations::default();
    let [kept, released, doubtful] = [(); 3].map(|()| upload("ann", Length::Known(10 * MIB)));
    reservations.reserve(&kept, room(u64::MAX), &terms()).expect("allowed").keep();
    reservations.reserve(&released, room(u64::MAX), &terms()).expect("allowed").release();
    drop(reservations.reserve(&doubtful, room(u64::MAX), &terms()).expect("allowed"));
    assert_eq!(counted(&reservations, "ann"), (2, 20 * MIB, 20 * MIB));
    assert_eq!(reservations.take_doubtful(), [doubtful.id]);
}

#[test]
fn each_limit_is_a_users_own_and_the_disk_is_everybodys() {
    let reservations = Reservations::default();
    let reserve = |owner: &str, bytes: u64, disk: u64| {
        let outcome = reservations.reserve(&upload(owner, Length::Known(bytes)), room(disk), &terms());
        outcome.map(Reservation::keep)
    };
    reserve("ann", 60 * MIB, 80 * MIB).expect("allowed");
    assert!(matches!(reserve("ann", 41 * MIB, 999 * MIB), Err(Refusal::TooMuchReserved(_))));
    assert!(matches!(reserve("bob", 30 * MIB, 80 * MIB), Err(Refusal::NoRoom)));
    reserve("bob", 20 * MIB, 80 * MIB).expect("just fits");
    reserve("ann", 40 * MIB, 999 * MIB).expect("just allowed");
    reserve("ann", 0, 999 * MIB).expect("the third");
    assert!(matches!(reserve("ann", 0, 999 * MIB), Err(Refusal::TooManyUnfinished(_))));
    let now = Timestamp::now();
    reservations.trust(&"ann".parse().expect("valid"), now.plus_secs(60), now);
    reserve("ann", 500 * MIB, 999 * MIB).expect("a backend is not bound");
    reservations.trust(&"bob".parse().expect("valid"), now.minus_secs(1), now);
    assert!(matches!(reserve("bob", 90 * MIB, 999 * MIB), Err(Refusal::TooMuchReserved(_))));
}

/// Whatever is announced, a quarter of the disk is left for uploads that announce nothing.
#[test]
fn a_users_words_keep_a_quarter_or_one_upload_and_all_words_three_quarters() {
    let (reservations, disk) = (Reservations::default(), 80 * MIB);
    let terms = Terms { max_unfinished: 99, max_reserved_bytes: u64::MAX, ..terms() };
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
        let upload = upload(owner, Length::Known(bytes * MIB));
        let outcome = reservations.reserve(&upload, room(disk), &terms);
        outcome.unwrap_or_else(|error| panic!("{owner} {bytes}: {error:?}")).keep();
        assert_eq!(reservations.counts().taken(), taken * MIB, "{owner} {bytes}");
    }
}

#[test]
fn bytes_that_came_back_what_is_kept_for_the_next_ones() {
    let (reservations, disk) = (Reservations::default(), 80 * MIB);
    let [first, second] = [(); 2].map(|()| upload("ann", Length::Known(20 * MIB)));
    reservations.reserve(&first, room(disk), &terms()).expect("fits").keep();
    reservations.reserve(&second, room(disk), &terms()).expect("fits").keep();
    assert_eq!(counted(&reservations, "ann").2, 20 * MIB, "its owner has no share left");
    reservations.grown(first.id, 10 * MIB, first.length);
    reservations.extend(&second, second.length, Some(20 * MIB), room(disk), &terms()).expect("fits");
    assert_eq!(counted(&reservations, "ann").2, 30 * MIB, "what is left of the first has as much behind it");
}

#[test]
fn who_was_silent_for_long_gives_way_and_the_longest_first() {
    let (reservations, disk) = (Reservations::default(), 80 * MIB);
    let uploads = ["ann", "bob", "cid"].map(|owner| upload(owner, Length::Known(20 * MIB)));
    for upload in &uploads {
        reservations.reserve(upload, room(disk), &terms()).expect("fits").keep();
    }
    let late = upload("dot", Length::Known(60 * MIB));
    let refused = reservations.reserve(&late, room(disk), &terms());
    assert!(matches!(refused, Err(Refusal::NoRoom)), "{refused:?}");
    reservations.counts().change(uploads[2].id, |promise| promise.is_open = true);
    assert_eq!(reservations.counts().make_room(21 * MIB, room(disk)), (0, 20 * MIB), "nobody is silent");
    assert_eq!(reservations.counts().make_room(21 * MIB, later(disk)), (1, 40 * MIB));
    assert_eq!(reservations.counts().get(uploads[0].id).map(|promise| promise.kept), Some(0));
    assert_eq!(reservations.counts().make_room(70 * MIB, later(disk)), (1, 60 * MIB), "one is sending");
    reservations.reserve(&late, room(disk), &terms()).expect("fits").keep();
    assert_eq!(counted(&reservations, "ann").0, 1, "who gave way is an upload as before");
}

#[test]
fn an_upload_that_gave_way_asks_again() {
    let (reservations, disk) = (Reservations::default(), 80 * MIB);
    let [silent, other] = ["ann", "bob"].map(|owner| upload(owner, Length::Known(50 * MIB)));
    reservations.reserve(&silent, room(disk), &terms()).expect("fits").keep();
    assert_eq!(reservations.counts().make_room(80 * MIB, later(disk)).0, 1);
    reservations.reserve(&other, room(disk), &terms()).expect("fits").keep();
    let ask = |disk| reservations.extend(&silent, silent.length, Some(50 * MIB), room(disk), &terms());
    assert!(matches!(ask(disk), Err(Refusal::NoRoom)));
    reservations.forget(other.id);
    ask(disk).expect("there is room again");
    assert_eq!(counted(&reservations, "ann"), (1, 50 * MIB, 50 * MIB));
}

#[test]
fn small_uploads_set_nothing_aside() {
    let reservations = Reservations::default();
    let small = upload("ann", Length::Known(MIB));
    reservations.reserve(&small, room(MIB), &terms()).expect("allowed").keep();
    assert_eq!(counted(&reservations, "ann"), (1, MIB, 0));
    let none_left = reservations.reserve(&upload("bob", Length::Known(MIB)), room(MIB - 1), &terms());
    assert!(matches!(none_left, Err(Refusal::NoRoom)), "it has to fit by itself all the same");
}

#[test]
fn what_arrived_needs_no_room_and_what_is_finished_is_not_counted() {
    let reservations = Reservations::default();
    let known = upload("ann", Length::Known(10 * MIB));
    let deferred = upload("ann", Length::Deferred);
    let all = Some(room(u64::MAX));
    reservations.insert(&known, all);
    reservations.insert(&deferred, all);
    reservations.insert(&known, all);
    reservations.grown(known.id, 4 * MIB, known.length);
    reservations.grown(known.id, 3 * MIB, known.length);
    reservations.grown(deferred.id, 5 * MIB, Length::Deferred);
    assert_eq!(counted(&reservations, "ann"), (2, 15 * MIB, 6 * MIB));
    reservations.grown(deferred.id, 5 * MIB, Length::Known(7 * MIB));
    assert_eq!(counted(&reservations, "ann"), (2, 17 * MIB, 6 * MIB));
    reservations.forget(deferred.id);
    reservations.grown(deferred.id, 6 * MIB, Length::Known(7 * MIB));
    reservations.forget(known.id);
    assert_eq!(counted(&reservations, "ann"), (0, 0, 0));
    assert_eq!(reservations.counts().held_by(&"ann".parse().expect("valid")), Held::default());
}

#[test]
fn a_length_that_is_said_later_is_reserved_then() {
    let reservations = Reservations::default();
    let deferred = upload("ann", Length::Deferred);
    reservations.insert(&deferred, None);
    let extend =
        |length, bytes, disk| reservations.extend(&deferred, length, Some(bytes), room(disk), &terms());
    assert!(matches!(extend(Length::Deferred, 101 * MIB, u64::MAX), Err(Refusal::NoMoreBytes(_))));
    assert!(matches!(extend(Length::Deferred, 9, 8), Err(Refusal::NoRoom)));
    extend(Length::Deferred, 9, 9).expect("allowed");
    assert_eq!(counted(&reservations, "ann").2, 0);
    assert!(matches!(extend(Length::Known(101 * MIB), 0, u64::MAX), Err(Refusal::NoMoreBytes(_))));
    assert!(matches!(extend(Length::Known(9 * MIB), 0, 8 * MIB), Err(Refusal::NoRoom)));
    extend(Length::Known(9 * MIB), 0, 12 * MIB).expect("allowed");
    assert_eq!(counted(&reservations, "ann"), (1, 9 * MIB, 9 * MIB));
}

/// Both flights are looked at when there is room for either.
#[tokio::test]
async fn bytes_that_fly_are_room_that_nobody_else_gets() {
    let payloads = MemoryPayloads::default();
    let allowance = allowance(&payloads);
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
    let (payloads, all) = (MemoryPayloads::default(), 100 * MIB);
    let allowance = allowance(&payloads);
    let (mut flight, mut end) = (allowance.flight(), 0);
    payloads.set_room(all);
    while flight.reach(end + MIB / 2).await.is_ok() {
        end += MIB / 2;
        payloads.set_room(all - end);
        let reserved = allowance.left().await.expect("memory").reserved;
        assert!(reserved <= 18 * MIB, "{reserved} at {end}");
    }
    assert!((97 * MIB..=all).contains(&end), "{end}");
}

#[tokio::test]
async fn a_start_counts_what_is_unfinished() {
    let memory = Memory::new();
    let mut receiving = Vec::new();
    for number in 0..600 {
        let upload = upload(if number % 2 == 0 { "ann" } else { "bob" }, Length::Known(2 * MIB));
        memory.create(&upload, Taking::IfFree).await.expect("memory");
        match number % 3 {
            0 => memory
                .transition(upload.id, Epoch::FIRST, &State::Receiving, &State::Expired)
                .await
                .expect("memory"),
            _ => receiving.push(upload),
        }
    }
    let first = &receiving[0];
    let chunk = Chunk { offset: 0, length: MIB, at: Timestamp::now(), digest: None };
    let row = Appended { chunk, length: first.length, state: State::Receiving, epoch: Epoch::FIRST };
    memory.append(first.id, &row).await.expect("memory");
    let allowance = allowance(&MemoryPayloads::default());
    assert_eq!(allowance.count(&memory).await.expect("memory"), 600);
    let reservations = &allowance.reservations;
    assert_eq!(counted(reservations, "ann"), (200, 400 * MIB, 799 * MIB));
    assert_eq!(counted(reservations, "bob"), (200, 400 * MIB, 799 * MIB));
}

/// Between the reading of a page and its counting, changes of its uploads are changes of uploads that are not
/// counted.
#[tokio::test]
async fn a_start_counts_what_changes_meanwhile() {
    let (memory, reservations) = (Memory::new(), Reservations::default());
    let [kept, grown, gone] = [(); 3].map(|()| upload("ann", Length::Known(4 * MIB)));
    for upload in [&kept, &grown, &gone] {
        memory.create(upload, Taking::IfFree).await.expect("memory");
    }
    let noting = reservations.note_changes();
    let page = memory.every_unfinished(None, 9).await.expect("memory");
    let chunk = Chunk { offset: 0, length: MIB, at: Timestamp::now(), digest: None };
    let row = Appended { chunk, length: grown.length, state: State::Receiving, epoch: Epoch::FIRST };
    memory.append(grown.id, &row).await.expect("memory");
    reservations.grown(grown.id, MIB, grown.length);
    memory.remove(gone.id, Epoch::FIRST).await.expect("memory");
    reservations.forget(gone.id);
    reservations.count_page(&page, noting, &memory, room(u64::MAX)).await.expect("memory");
    assert_eq!(counted(&reservations, "ann"), (2, 8 * MIB, 7 * MIB));
    reservations.forget(gone.id);
    assert!(reservations.counts().missed.is_none(), "it is noted only while there is somebody to tell");
}

#[tokio::test]
async fn a_doubt_is_settled_by_the_record() {
    let (memory, reservations) = (Memory::new(), Reservations::default());
    let [stored, lost] = [(); 2].map(|()| upload("ann", Length::Known(2 * MIB)));
    for upload in [&stored, &lost] {
        drop(reservations.reserve(upload, room(u64::MAX), &terms()).expect("allowed"));
    }
    memory.create(&stored, Taking::IfFree).await.expect("memory");
    reservations.settle_doubts(&memory).await.expect("memory");
    assert_eq!(counted(&reservations, "ann"), (1, 2 * MIB, 2 * MIB));
}

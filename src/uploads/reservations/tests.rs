use super::*;
use crate::store::memory::Memory;
use crate::store::{Appended, Records};
use crate::time::Timestamp;
use crate::upload::{Chunk, Metadata, State};
use std::time::Duration;

const MIB: u64 = 1 << 20;

fn upload(owner: &str, length: Length) -> Upload {
    let owner = owner.parse().expect("valid");
    Upload::new(UploadId::random(), owner, length, Metadata::default(), None, false, Timestamp::now())
}

fn limits() -> Limits {
    Limits {
        max_upload_size: u64::MAX,
        expire_after_secs: 60,
        body_idle: Duration::from_secs(5),
        max_unfinished: 3,
        max_reserved_bytes: 100 * MIB,
        digests: false,
    }
}

/// What is counted: uploads and bytes of the user, and what the disk has to keep.
fn counted(reservations: &Reservations, owner: &str) -> (u64, u64, u64) {
    let counts = reservations.counts();
    let held = counts.held_by(&owner.parse().expect("valid"));
    (held.uploads, held.bytes, counts.missing)
}

#[test]
fn a_creation_is_counted_until_it_is_certain_that_it_failed() {
    let reservations = Reservations::default();
    let [kept, released, doubtful] = [(); 3].map(|()| upload("ann", Length::Known(10 * MIB)));
    reservations.reserve(&kept, u64::MAX, &limits()).expect("allowed").keep();
    reservations.reserve(&released, u64::MAX, &limits()).expect("allowed").release();
    drop(reservations.reserve(&doubtful, u64::MAX, &limits()).expect("allowed"));
    assert_eq!(counted(&reservations, "ann"), (2, 20 * MIB, 20 * MIB));
    assert_eq!(reservations.take_doubtful(), [doubtful.id]);
}

#[test]
fn each_limit_is_a_users_own_and_the_disk_is_everybodys() {
    let reservations = Reservations::default();
    let reserve = |owner: &str, bytes: u64, room: u64| {
        let outcome = reservations.reserve(&upload(owner, Length::Known(bytes)), room, &limits());
        outcome.map(Reservation::keep)
    };
    reserve("ann", 60 * MIB, 80 * MIB).expect("allowed");
    assert!(matches!(reserve("ann", 41 * MIB, 999 * MIB), Err(UploadError::TooMuchReserved)));
    assert!(matches!(reserve("bob", 30 * MIB, 80 * MIB), Err(UploadError::NoRoom)));
    reserve("bob", 20 * MIB, 80 * MIB).expect("just fits");
    reserve("ann", 40 * MIB, 999 * MIB).expect("just allowed");
    reserve("ann", 0, 999 * MIB).expect("the third");
    assert!(matches!(reserve("ann", 0, 999 * MIB), Err(UploadError::TooManyUnfinished)));
}

#[test]
fn small_uploads_set_nothing_aside() {
    let reservations = Reservations::default();
    let small = upload("ann", Length::Known(MIB));
    reservations.reserve(&small, MIB, &limits()).expect("allowed").keep();
    assert_eq!(counted(&reservations, "ann"), (1, MIB, 0));
    let none_left = reservations.reserve(&upload("bob", Length::Known(MIB)), MIB - 1, &limits());
    assert!(matches!(none_left, Err(UploadError::NoRoom)), "it has to fit by itself all the same");
}

#[test]
fn what_arrived_is_not_missing_and_what_is_finished_is_not_counted() {
    let reservations = Reservations::default();
    let known = upload("ann", Length::Known(10 * MIB));
    let deferred = upload("ann", Length::Deferred);
    reservations.insert(&known);
    reservations.insert(&deferred);
    reservations.insert(&known);
    reservations.grown(known.id, 4 * MIB, known.length);
    reservations.grown(known.id, 3 * MIB, known.length);
    reservations.grown(deferred.id, 5 * MIB, Length::Deferred);
    assert_eq!(counted(&reservations, "ann"), (2, 15 * MIB, 6 * MIB));
    reservations.grown(deferred.id, 5 * MIB, Length::Known(7 * MIB));
    assert_eq!(counted(&reservations, "ann"), (2, 17 * MIB, 8 * MIB));
    reservations.forget(deferred.id);
    reservations.grown(deferred.id, 6 * MIB, Length::Known(7 * MIB));
    reservations.forget(known.id);
    assert_eq!(counted(&reservations, "ann"), (0, 0, 0));
    assert!(reservations.counts().users.is_empty(), "nobody is remembered for nothing");
}

#[test]
fn a_length_that_is_said_later_is_reserved_then() {
    let reservations = Reservations::default();
    let deferred = upload("ann", Length::Deferred);
    reservations.insert(&deferred);
    let extend = |length, bytes, room| reservations.extend(&deferred, length, bytes, room, &limits());
    assert!(matches!(extend(Length::Deferred, 101 * MIB, u64::MAX), Err(UploadError::NoMoreBytes)));
    assert!(matches!(extend(Length::Deferred, 9, 8), Err(UploadError::NoRoom)));
    extend(Length::Deferred, 9, 9).expect("allowed");
    assert_eq!(counted(&reservations, "ann").2, 0);
    assert!(matches!(extend(Length::Known(101 * MIB), 0, u64::MAX), Err(UploadError::NoMoreBytes)));
    extend(Length::Known(100 * MIB), 0, u64::MAX).expect("allowed");
    assert_eq!(counted(&reservations, "ann"), (1, 100 * MIB, 100 * MIB));
}

#[tokio::test]
async fn a_start_counts_what_is_unfinished() {
    let memory = Memory::new();
    let mut receiving = Vec::new();
    for number in 0..600 {
        let upload = upload(if number % 2 == 0 { "ann" } else { "bob" }, Length::Known(2 * MIB));
        memory.create(&upload, false).await.expect("memory");
        match number % 3 {
            0 => memory.transition(upload.id, &State::Receiving, &State::Expired).await.expect("memory"),
            _ => receiving.push(upload),
        }
    }
    let first = &receiving[0];
    let chunk = Chunk { offset: 0, length: MIB, at: Timestamp::now(), digest: None };
    let row = Appended { chunk, length: first.length, state: State::Receiving };
    memory.append(first.id, &row).await.expect("memory");
    let reservations = Reservations::default();
    assert_eq!(reservations.count(&memory).await.expect("memory"), 600);
    assert_eq!(counted(&reservations, "ann"), (200, 400 * MIB, 799 * MIB));
    assert_eq!(counted(&reservations, "bob"), (200, 400 * MIB, 799 * MIB));
}

/// Between the reading of a page and its counting, changes of what is in it are of nothing that is counted.
#[tokio::test]
async fn a_start_counts_what_changes_meanwhile() {
    let (memory, reservations) = (Memory::new(), Reservations::default());
    let [kept, grown, gone] = [(); 3].map(|()| upload("ann", Length::Known(4 * MIB)));
    for upload in [&kept, &grown, &gone] {
        memory.create(upload, false).await.expect("memory");
    }
    let noting = reservations.note_changes();
    let page = memory.every_unfinished(None, 9).await.expect("memory");
    let chunk = Chunk { offset: 0, length: MIB, at: Timestamp::now(), digest: None };
    let row = Appended { chunk, length: grown.length, state: State::Receiving };
    memory.append(grown.id, &row).await.expect("memory");
    reservations.grown(grown.id, MIB, grown.length);
    memory.remove(gone.id).await.expect("memory");
    reservations.forget(gone.id);
    reservations.count_page(&page, noting, &memory).await.expect("memory");
    assert_eq!(counted(&reservations, "ann"), (2, 8 * MIB, 7 * MIB));
    reservations.forget(gone.id);
    assert!(reservations.counts().missed.is_none(), "it is noted only while there is somebody to tell");
}

#[tokio::test]
async fn a_doubt_is_settled_by_the_record() {
    let (memory, reservations) = (Memory::new(), Reservations::default());
    let [stored, lost] = [(); 2].map(|()| upload("ann", Length::Known(2 * MIB)));
    for upload in [&stored, &lost] {
        drop(reservations.reserve(upload, u64::MAX, &limits()).expect("allowed"));
    }
    memory.create(&stored, false).await.expect("memory");
    reservations.settle_doubts(&memory).await.expect("memory");
    assert_eq!(counted(&reservations, "ann"), (1, 2 * MIB, 2 * MIB));
}

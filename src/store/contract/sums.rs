//! Facts of the sums over unfinished uploads, and of creations that are measured by them.

use futures_util::future::join_all;

use super::DatabaseFixture;
use super::samples::{at, bound, claim, commit, store, transition, unbound, user, whole};
use crate::store::{Created, Taking};
use crate::upload::{
    Appended, Bounds, Chunk, Concat, CreationRefusal, Epoch, Held, Length, Quota, RejectionReason, State,
    Upload, UploadId,
};

const MIB: u64 = 1 << 20;

fn upload(length: Length) -> Upload {
    Upload { length, ..unbound() }
}

/// The uploads and bytes of `ann`, and what all uploads lack, in MiB.
async fn sums(fixture: &impl DatabaseFixture) -> (u64, u128, u128) {
    let Held { uploads, bytes } = fixture.records().held(&user("ann")).await.expect("readable");
    let missing = fixture.records().missing().await.expect("readable");
    (uploads, bytes / u128::from(MIB), missing / u128::from(MIB))
}

/// Records so many MiB more.
async fn append(fixture: &impl DatabaseFixture, id: UploadId, length: Length, mib: u64) {
    let upload = fixture.records().find(id).await.expect("readable").expect("there");
    let chunk = Chunk { offset: upload.offset, length: mib * MIB, at: at(2_000), digest: None };
    let state = if length.is_reached_at(chunk.end()) { State::Complete } else { State::Receiving };
    let row = Appended { chunk, length, state, epoch: Epoch::FIRST };
    fixture.records().append(id, &row).await.expect("appended");
}

pub async fn the_sums_follow_an_upload_to_its_message(mut fixture: impl DatabaseFixture) {
    assert_eq!(sums(&fixture).await, (0, 0, 0));
    let length = Length::Known(5 * MIB);
    let id = store(&fixture, &Upload { length, ..bound(None) }).await;
    store(&fixture, &Upload { owner: user("anna"), ..upload(Length::Known(2 * MIB)) }).await;
    assert_eq!(sums(&fixture).await, (1, 5, 7));
    for (more, missing) in [(2, 5), (1, 4), (2, 2)] {
        append(&fixture, id, length, more).await;
        assert_eq!(sums(&fixture).await, (1, 5, missing));
        fixture.reopen();
    }
    claim(&fixture, id).await;
    assert_eq!(sums(&fixture).await, (1, 5, 2));
    commit(&fixture, id).await;
    assert_eq!(sums(&fixture).await, (0, 0, 2));
    fixture.records().remove(id, Epoch::FIRST).await.expect("removed");
    fixture.reopen();
    assert_eq!(sums(&fixture).await, (0, 0, 2));
}

pub async fn an_upload_without_a_length_counts_with_the_bytes_that_came(fixture: impl DatabaseFixture) {
    let id = store(&fixture, &upload(Length::Deferred)).await;
    assert_eq!(sums(&fixture).await, (1, 0, 0));
    append(&fixture, id, Length::Deferred, 3).await;
    assert_eq!(sums(&fixture).await, (1, 3, 0));
    append(&fixture, id, Length::Known(9 * MIB), 1).await;
    assert_eq!(sums(&fixture).await, (1, 9, 5));
}

pub async fn what_came_to_nothing_is_in_no_sum(mut fixture: impl DatabaseFixture) {
    let length = Length::Known(5 * MIB);
    let rejected = State::Receiving.reject(RejectionReason::Damaged).expect("legal");
    for end in [Some(State::Expired), Some(rejected), None] {
        let id = store(&fixture, &upload(length)).await;
        append(&fixture, id, length, 2).await;
        assert_eq!(sums(&fixture).await, (1, 5, 3));
        match end {
            Some(state) => transition(&fixture, id, &state).await,
            None => fixture.records().remove(id, Epoch::FIRST).await.expect("removed"),
        }
        assert_eq!(sums(&fixture).await, (0, 0, 0));
        fixture.records().remove(id, Epoch::FIRST).await.expect("removed");
        fixture.reopen();
        assert_eq!(sums(&fixture).await, (0, 0, 0));
    }
}

/// One of the parts is named twice, and one is gone.
pub async fn a_part_is_in_no_sum_once_an_upload_is_made_of_it(mut fixture: impl DatabaseFixture) {
    let length = Length::Known(2 * MIB);
    let part = || Upload { concat: Concat::Partial, ..upload(length) };
    let parts = [store(&fixture, &part()).await, store(&fixture, &part()).await];
    for part in parts {
        append(&fixture, part, length, 2).await;
    }
    let ids = [parts[0], parts[1], parts[0], UploadId::random()];
    let concat = format!("final;{}", ids.map(|id| format!("/files/{id}")).join(" "));
    let concat = Concat::parse(&concat).expect("valid");
    let made = store(&fixture, &Upload { concat, ..upload(Length::Known(6 * MIB)) }).await;
    assert_eq!(sums(&fixture).await, (3, 10, 0));
    append(&fixture, made, Length::Known(6 * MIB), 4).await;
    assert_eq!(sums(&fixture).await, (3, 10, 0));
    append(&fixture, made, Length::Known(6 * MIB), 2).await;
    assert_eq!(sums(&fixture).await, (1, 6, 0));
    fixture.reopen();
    transition(&fixture, parts[0], &State::Expired).await;
    fixture.records().remove(parts[1], Epoch::FIRST).await.expect("removed");
    assert_eq!(sums(&fixture).await, (1, 6, 0));
    fixture.records().remove(made, Epoch::FIRST).await.expect("removed");
    assert_eq!(sums(&fixture).await, (0, 0, 0));
}

fn bounds(uploads: u64, mib: u64) -> Bounds {
    Bounds { quota: Some(Quota { uploads, bytes: mib * MIB }), has_room: true }
}

async fn create(fixture: &impl DatabaseFixture, upload: &Upload, bounds: Bounds) -> Created {
    fixture.records().create_with(upload, Taking::IfFree, bounds, None).await.expect("answered")
}

pub async fn a_creation_is_measured_by_what_its_owner_holds(mut fixture: impl DatabaseFixture) {
    let (many, much) = (CreationRefusal::TooManyUnfinished(2), CreationRefusal::TooMuchReserved(10 * MIB));
    let first = upload(Length::Known(6 * MIB));
    assert!(create(&fixture, &first, bounds(2, 10)).await.is_new());
    let named = Upload { length: Length::Known(5 * MIB), ..bound(Some("c")) };
    assert_eq!(create(&fixture, &named, bounds(2, 10)).await, Created::Refused(much));
    assert_eq!(fixture.records().find(named.id).await.expect("readable"), None);
    fixture.reopen();
    let full = Bounds { has_room: false, ..bounds(2, 99) };
    assert_eq!(create(&fixture, &named, full).await, Created::Refused(CreationRefusal::NoRoom));
    let other = Upload { length: Length::Known(4 * MIB), ..bound(Some("c")) };
    assert!(create(&fixture, &other, bounds(2, 10)).await.is_new(), "what was refused took no id");
    assert_eq!(create(&fixture, &upload(Length::Known(0)), bounds(2, 10)).await, Created::Refused(many));
    let anothers = Upload { owner: user("bob"), ..upload(Length::Known(10 * MIB)) };
    assert!(create(&fixture, &anothers, bounds(2, 10)).await.is_new());
    assert!(create(&fixture, &upload(Length::Known(99 * MIB)), Bounds::NONE).await.is_new());
    assert_eq!(sums(&fixture).await, (3, 109, 119));
}

pub async fn what_is_stored_or_taken_already_is_not_measured(fixture: impl DatabaseFixture) {
    let (first, none) = (bound(Some("c")), bounds(0, 0));
    store(&fixture, &first).await;
    assert!(create(&fixture, &first, none).await.is_new());
    assert_eq!(create(&fixture, &bound(Some("c")), none).await, Created::Taken(first.id));
    let whole = whole(Some("c"));
    let outcome = fixture.records().create_with(&whole, Taking::Overtake, none, Some(at(5_000))).await;
    let refused = Created::Refused(CreationRefusal::TooManyUnfinished(0));
    assert_eq!(outcome.expect("answered"), refused, "it would have been stored");
    assert_eq!(fixture.records().holder(&whole).await.expect("readable"), Some(first.id));
}

pub async fn of_many_creations_at_once_those_within_the_quota_are_stored(fixture: impl DatabaseFixture) {
    let uploads: Vec<_> = (0..10).map(|_| upload(Length::Known(2 * MIB))).collect();
    let created = join_all(uploads.iter().map(|upload| create(&fixture, upload, bounds(9, 7)))).await;
    assert_eq!(created.iter().filter(|created| created.is_new()).count(), 3, "{created:?}");
    assert_eq!(sums(&fixture).await, (3, 6, 6));
}

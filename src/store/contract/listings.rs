//! Facts of listings: uploads that are unfinished, owed, idle.

use futures_util::future::join_all;

use super::DatabaseFixture;
use super::samples::{
    at, binding, bound, claim, commit, last_row, row, store, transition, unbound, user, whole,
};
use crate::store::Taking;
use crate::upload::{Concat, Epoch, RejectionReason, State, Upload, UploadId};

fn rejected() -> State {
    State::Receiving.reject(RejectionReason::Damaged).expect("legal")
}

async fn unfinished(fixture: &impl DatabaseFixture, owner: &str, limit: usize) -> Vec<UploadId> {
    let found = fixture.records().unfinished(&user(owner), limit).await.expect("readable");
    found.into_iter().map(|upload| upload.id).collect()
}

async fn owed(fixture: &impl DatabaseFixture) -> Vec<UploadId> {
    fixture.records().owed(None, 99).await.expect("readable")
}

/// The idle uploads, sorted, because their order is the store's own.
async fn idle(fixture: &impl DatabaseFixture, cutoff: u64) -> Vec<UploadId> {
    let mut found = fixture.records().idle_since(at(cutoff), 99).await.expect("readable");
    found.sort();
    found
}

pub async fn the_newest_unfinished_upload_comes_first(mut fixture: impl DatabaseFixture) {
    let created_at = |millis| Upload { created_at: at(millis), ..unbound() };
    let old = store(&fixture, &created_at(1)).await;
    let new = store(&fixture, &created_at(300)).await;
    let middle = store(&fixture, &created_at(20)).await;
    let others = store(&fixture, &Upload { owner: user("anna"), ..unbound() }).await;
    fixture.reopen();
    assert_eq!(unfinished(&fixture, "ann", 9).await, [new, middle, old]);
    assert_eq!(unfinished(&fixture, "ann", 2).await, [new, middle]);
    assert_eq!(unfinished(&fixture, "ann", 0).await, []);
    assert_eq!(unfinished(&fixture, "anna", 9).await, [others]);
    assert_eq!(unfinished(&fixture, "an", 9).await, []);
    fixture.records().append(middle, &row(0, 7)).await.expect("appended");
    let found = fixture.records().unfinished(&user("ann"), 2).await.expect("readable");
    assert_eq!(found.last().map(|upload| upload.offset), Some(7));
    fixture.records().remove(new, Epoch::FIRST).await.expect("removed");
    assert_eq!(unfinished(&fixture, "ann", 9).await, [middle, old]);
}

pub async fn every_upload_that_is_not_committed_is_unfinished(mut fixture: impl DatabaseFixture) {
    let upload = bound(None);
    let id = store(&fixture, &upload).await;
    fixture.records().append(id, &last_row(0)).await.expect("appended");
    assert_eq!(unfinished(&fixture, "ann", 9).await, [id]);
    claim(&fixture, id).await;
    assert_eq!(unfinished(&fixture, "ann", 9).await, [id]);
    commit(&fixture, id).await;
    fixture.reopen();
    assert_eq!(unfinished(&fixture, "ann", 9).await, []);
    for dead in [State::Expired, rejected()] {
        let id = store(&fixture, &unbound()).await;
        transition(&fixture, id, &dead).await;
        assert_eq!(unfinished(&fixture, "ann", 9).await, [id]);
        fixture.records().remove(id, Epoch::FIRST).await.expect("removed");
    }
}

pub async fn what_is_owed_a_message_is_listed_in_order(mut fixture: impl DatabaseFixture) {
    let mut expected = Vec::new();
    for byte in [7, 0, 255, 3] {
        let id = UploadId::from_bytes([byte; 16]);
        store(&fixture, &Upload { id, ..whole(None) }).await;
        expected.push(id);
    }
    expected.sort();
    fixture.reopen();
    let records = fixture.records();
    assert_eq!(records.owed(None, 99).await.expect("readable"), expected);
    assert_eq!(records.owed(None, 2).await.expect("readable"), expected[..2]);
    assert_eq!(records.owed(Some(expected[1]), 99).await.expect("readable"), expected[2..]);
    assert_eq!(records.owed(Some(expected[3]), 99).await.expect("readable"), []);
    let between = UploadId::from_bytes([4; 16]);
    assert_eq!(records.owed(Some(between), 1).await.expect("readable"), expected[2..3]);
}

pub async fn an_upload_is_owed_until_its_message_stands(fixture: impl DatabaseFixture) {
    let id = store(&fixture, &unbound()).await;
    assert_eq!(owed(&fixture).await, []);
    fixture.records().append(id, &last_row(0)).await.expect("appended");
    assert_eq!(owed(&fixture).await, [], "it is unbound");
    fixture.records().bind(id, &binding(None), Taking::IfFree).await.expect("bound");
    assert_eq!(owed(&fixture).await, [id]);
    claim(&fixture, id).await;
    assert_eq!(owed(&fixture).await, [id]);
    commit(&fixture, id).await;
    assert_eq!(owed(&fixture).await, []);
    let id = store(&fixture, &whole(None)).await;
    transition(&fixture, id, &rejected()).await;
    assert_eq!(owed(&fixture).await, []);
}

pub async fn an_upload_is_idle_after_its_last_byte(mut fixture: impl DatabaseFixture) {
    let id = store(&fixture, &Upload { created_at: at(1_000), active_at: at(1_000), ..unbound() }).await;
    assert_eq!(idle(&fixture, 1_000).await, [], "its creation counts as a byte");
    assert_eq!(idle(&fixture, 1_001).await, [id]);
    fixture.records().append(id, &row(0, 3)).await.expect("appended");
    fixture.reopen();
    assert_eq!(idle(&fixture, 2_000).await, []);
    assert_eq!(idle(&fixture, 2_001).await, [id]);
    assert_eq!(fixture.records().idle_since(at(2_001), 0).await.expect("readable"), []);
}

pub async fn the_idle_are_found_among_many_that_are_not(mut fixture: impl DatabaseFixture) {
    let created_at = |owner: &str, millis| Upload {
        created_at: at(millis),
        active_at: at(millis),
        ..Upload { id: UploadId::random(), owner: user(owner), ..unbound() }
    };
    let recent = ["ann", "bob", "carl"].map(|owner| (0..300).map(move |_| created_at(owner, 9_000)));
    let idle_ones = ["ann", "bob", "cara", "carl", "dora"].map(|owner| created_at(owner, 500));
    let mut expected = idle_ones.each_ref().map(|upload| upload.id);
    expected.sort();
    let uploads: Vec<_> = recent.into_iter().flatten().chain(idle_ones).collect();
    join_all(uploads.iter().map(|upload| store(&fixture, upload))).await;
    fixture.reopen();
    assert_eq!(idle(&fixture, 9_000).await, expected);
}

pub async fn only_what_may_expire_is_idle(mut fixture: impl DatabaseFixture) {
    let receiving = store(&fixture, &bound(None)).await;
    let complete = store(&fixture, &Upload { offset: 10, state: State::Complete, ..unbound() }).await;
    let expired = store(&fixture, &unbound()).await;
    transition(&fixture, expired, &State::Expired).await;
    let dead = store(&fixture, &unbound()).await;
    transition(&fixture, dead, &rejected()).await;
    store(&fixture, &whole(None)).await;
    let finalizing = store(&fixture, &whole(None)).await;
    claim(&fixture, finalizing).await;
    let committed = store(&fixture, &whole(None)).await;
    commit(&fixture, committed).await;
    fixture.reopen();
    let mut expected = [receiving, complete, expired, dead];
    expected.sort();
    assert_eq!(idle(&fixture, u64::MAX).await, expected);
    let two = fixture.records().idle_since(at(u64::MAX), 2).await.expect("readable");
    assert!(two.len() == 2 && two.iter().all(|id| expected.contains(id)), "{two:?}");
}

/// The server itself appends to a final upload.
pub async fn a_final_upload_is_driven_until_it_is_whole(mut fixture: impl DatabaseFixture) {
    let concat = Concat::parse(&format!("final;/files/{}", UploadId::random())).expect("valid");
    let unbound = store(&fixture, &Upload { concat: concat.clone(), ..unbound() }).await;
    let bound = store(&fixture, &Upload { concat: concat.clone(), ..bound(None) }).await;
    store(&fixture, &Upload { concat: Concat::Partial, ..self::unbound() }).await;
    let mut both = [unbound, bound];
    both.sort();
    fixture.reopen();
    assert_eq!(owed(&fixture).await, both);
    for id in both {
        fixture.records().append(id, &row(0, 4)).await.expect("appended");
        assert!(owed(&fixture).await.contains(&id));
        fixture.records().append(id, &last_row(4)).await.expect("appended");
    }
    assert_eq!(owed(&fixture).await, [bound], "whole, it is like any other");
    let expiring = store(&fixture, &Upload { concat, ..self::unbound() }).await;
    transition(&fixture, expiring, &State::Expired).await;
    assert_eq!(owed(&fixture).await, [bound]);
}

/// The part may be used several times, and the uploads made of it may come to any end.
pub async fn a_part_is_listed_until_an_upload_is_made_of_it(mut fixture: impl DatabaseFixture) {
    let partial = || Upload { concat: Concat::Partial, offset: 10, state: State::Complete, ..unbound() };
    let part = store(&fixture, &partial()).await;
    let other = store(&fixture, &partial()).await;
    let of = |ids: &[UploadId]| {
        let urls: Vec<_> = ids.iter().map(|id| format!("/files/{id}")).collect();
        let concat = Concat::parse(&format!("final;{}", urls.join(" "))).expect("valid");
        Upload { concat, ..unbound() }
    };
    let gone = UploadId::random();
    let whole = store(&fixture, &of(&[part, part, gone])).await;
    fixture.reopen();
    assert_eq!(listed(&fixture).await, sorted([part, other, whole]));
    fixture.records().append(whole, &row(0, 4)).await.expect("appended");
    assert_eq!(listed(&fixture).await, sorted([part, other, whole]), "the join is under way");
    fixture.records().append(whole, &last_row(4)).await.expect("appended");
    assert_eq!(listed(&fixture).await, sorted([other, whole]));
    transition(&fixture, whole, &State::Complete.reject(RejectionReason::Damaged).expect("legal")).await;
    let again = store(&fixture, &Upload { offset: 10, state: State::Complete, ..of(&[other, part]) }).await;
    fixture.reopen();
    assert_eq!(listed(&fixture).await, sorted([whole, again]));
    for id in [part, other, gone] {
        fixture.records().remove(id, Epoch::FIRST).await.expect("removed");
    }
    let anew = store(&fixture, &Upload { id: part, ..partial() }).await;
    assert_eq!(listed(&fixture).await, sorted([whole, again, anew]));
}

async fn listed(fixture: &impl DatabaseFixture) -> Vec<UploadId> {
    let mut found = unfinished(fixture, "ann", 9).await;
    found.sort();
    found
}

fn sorted<const N: usize>(mut ids: [UploadId; N]) -> [UploadId; N] {
    ids.sort();
    ids
}

pub async fn the_committed_are_listed_from_the_earliest_on(mut fixture: impl DatabaseFixture) {
    let mut ids = Vec::new();
    for now in [9_000, 7_000, 8_000, 7_000] {
        let upload = whole(None);
        store(&fixture, &upload).await;
        let stamp = claim(&fixture, upload.id).await;
        let message = upload.message(stamp).expect("bound");
        fixture.messages().commit(&message, at(now)).await.expect("committed");
        ids.push(upload.id);
    }
    store(&fixture, &bound(None)).await;
    // An upload that adopts a message, whose last activity was its last byte.
    let adopting = store(&fixture, &Upload { active_at: at(7_500), ..whole(None) }).await;
    let message = crate::message::MessageId::from_bytes([1; 12]);
    transition(&fixture, adopting, &State::Committed(message)).await;
    let mut of_one_time = [ids[1], ids[3]];
    of_one_time.sort();
    let [first, second] = of_one_time;
    for _ in 0..2 {
        for (cutoff, limit, expected) in [
            (u64::MAX, 9, &[first, second, adopting, ids[2], ids[0]][..]),
            (u64::MAX, 3, &[first, second, adopting]),
            (9_000, 9, &[first, second, adopting, ids[2]]),
            (7_001, 9, &[first, second]),
            (7_000, 9, &[]),
        ] {
            let found = fixture.records().committed_before(at(cutoff), limit).await.expect("readable");
            assert_eq!(found, expected, "before {cutoff}");
        }
        fixture.reopen();
    }
    fixture.records().remove(first, Epoch::FIRST).await.expect("removed");
    fixture.reopen();
    let found = fixture.records().committed_before(at(8_000), 9).await.expect("readable");
    assert_eq!(found, [second, adopting]);
}

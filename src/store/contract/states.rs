//! Facts of changes of state, and of what they do to a `client_message_id`.

use super::samples::{
    at, bound, claim, commit, found, last_row, message, row, store, transition, unbound, whole,
};
use super::{DatabaseFixture, is_conflict};
use crate::message::MessageId;
use crate::store::{Claim, Created, Taking};
use crate::upload::{Epoch, Held, RejectionReason, State, Upload, UploadId};

fn rejected() -> State {
    State::Receiving.reject(RejectionReason::DigestMismatch).expect("legal")
}

pub async fn a_state_changes_from_the_one_that_is_stored(mut fixture: impl DatabaseFixture) {
    let upload = unbound();
    store(&fixture, &upload).await;
    let other = State::Committed(MessageId::from_bytes([1; 12]));
    for from in [State::Complete, State::Expired, rejected(), other] {
        assert!(is_conflict(
            &fixture.records().transition(upload.id, Epoch::FIRST, &from, &State::Expired).await
        ));
    }
    assert_eq!(found(&fixture, upload.id).await, upload);
    fixture
        .records()
        .transition(upload.id, Epoch::FIRST, &State::Receiving, &State::Expired)
        .await
        .expect("changed");
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await, Upload { state: State::Expired, ..upload.clone() });
    let again =
        fixture.records().transition(upload.id, Epoch::FIRST, &State::Receiving, &State::Expired).await;
    assert!(is_conflict(&again));
    let gone = fixture
        .records()
        .transition(UploadId::random(), Epoch::FIRST, &State::Receiving, &State::Expired)
        .await;
    assert!(is_conflict(&gone));
}

pub async fn a_rejected_upload_is_kept_with_its_client_message_id(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    store(&fixture, &upload).await;
    transition(&fixture, upload.id, &rejected()).await;
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await, Upload { state: rejected(), ..upload.clone() });
    let second = fixture.records().create(&bound(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(second, Created::Taken(upload.id));
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
}

pub async fn an_expired_upload_is_kept_without_its_client_message_id(mut fixture: impl DatabaseFixture) {
    let upload = bound(Some("c"));
    store(&fixture, &upload).await;
    fixture.records().append(upload.id, &row(0, 3)).await.expect("appended");
    transition(&fixture, upload.id, &State::Expired).await;
    fixture.reopen();
    let expired = found(&fixture, upload.id).await;
    assert_eq!((expired.state, expired.offset), (State::Expired, 3));
    let second = store(&fixture, &bound(Some("c"))).await;
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    let third = fixture.records().create(&bound(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(third, Created::Taken(second), "whoever gave it free has no say in it");
}

pub async fn what_is_owed_a_message_does_not_expire(mut fixture: impl DatabaseFixture) {
    let upload = whole(None);
    store(&fixture, &upload).await;
    let outcome =
        fixture.records().transition(upload.id, Epoch::FIRST, &State::Complete, &State::Expired).await;
    assert!(is_conflict(&outcome));
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await.state, State::Complete);
}

pub async fn an_overtaken_upload_gives_nothing_free(fixture: impl DatabaseFixture) {
    let first = store(&fixture, &bound(Some("c"))).await;
    let second = whole(Some("c"));
    assert!(fixture.records().create(&second, Taking::Overtake).await.expect("answered").is_new());
    transition(&fixture, first, &State::Expired).await;
    for _ in 0..2 {
        let third = fixture.records().create(&bound(Some("c")), Taking::IfFree).await.expect("answered");
        assert_eq!(third, Created::Taken(second.id));
        fixture.records().remove(first, Epoch::FIRST).await.expect("removed");
    }
}

pub async fn removing_frees_the_client_message_id(mut fixture: impl DatabaseFixture) {
    for upload in [bound(Some("c")), whole(Some("c")), bound(Some("c"))] {
        store(&fixture, &upload).await;
        fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
        fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
        fixture.reopen();
        assert_eq!(fixture.records().find(upload.id).await.expect("readable"), None);
    }
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
    fixture.records().remove(UploadId::random(), Epoch::FIRST).await.expect("it is not there");
}

pub async fn a_removed_upload_leaves_no_bytes_to_its_successor(fixture: impl DatabaseFixture) {
    let upload = unbound();
    store(&fixture, &upload).await;
    fixture.records().append(upload.id, &row(0, 4)).await.expect("appended");
    fixture.records().append(upload.id, &last_row(4)).await.expect("appended");
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    store(&fixture, &upload).await;
    assert_eq!(found(&fixture, upload.id).await, upload);
}

pub async fn a_finalizing_upload_is_not_removed(mut fixture: impl DatabaseFixture) {
    let id = store(&fixture, &whole(Some("c"))).await;
    let stamp = claim(&fixture, id).await;
    fixture.reopen();
    assert!(is_conflict(&fixture.records().remove(id, Epoch::FIRST).await));
    assert_eq!(found(&fixture, id).await.state, State::Finalizing(stamp));
    commit(&fixture, id).await;
    fixture.records().remove(id, Epoch::FIRST).await.expect("removed");
}

pub async fn a_claimed_upload_whose_bytes_are_lost_is_rejected_as_any_other(
    mut fixture: impl DatabaseFixture,
) {
    let upload = whole(Some("c"));
    store(&fixture, &upload).await;
    let stamp = claim(&fixture, upload.id).await;
    let (claimed, records) = (State::Finalizing(stamp), fixture.records());
    let judged = records.transition(upload.id, Epoch::FIRST, &claimed, &rejected()).await;
    assert!(is_conflict(&judged), "it was judged before the claim");
    let lost = claimed.lose().expect("legal");
    transition(&fixture, upload.id, &lost).await;
    assert!(is_conflict(&records.transition(upload.id, Epoch::FIRST, &claimed, &lost).await), "of two, one");
    drop(records);
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await, Upload { state: lost, ..upload.clone() });
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
    assert_eq!(fixture.records().held(&upload.owner).await.expect("readable"), Held::default());
    let message = upload.message(stamp).expect("bound");
    assert!(is_conflict(&fixture.messages().commit(&message, at(6_000)).await));
    assert_eq!(fixture.messages().find(message.id).await.expect("readable"), None);
    let again = fixture.records().create(&bound(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(again, Created::Taken(upload.id));
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    store(&fixture, &bound(Some("c"))).await;
}

pub async fn a_claim_that_is_taken_back_leaves_the_message_to_another_upload(fixture: impl DatabaseFixture) {
    let (lost, waits, comes) = (whole(Some("c")), whole(Some("c")), whole(Some("c")));
    store(&fixture, &lost).await;
    assert!(fixture.records().create(&waits, Taking::Beside).await.expect("answered").is_new());
    let stamp = claim(&fixture, lost.id).await;
    let taken = Claim::Taken { message: stamp.id, upload: lost.id };
    assert_eq!(fixture.messages().claim(waits.id, at(6_000)).await.expect("answered"), taken);
    transition(&fixture, lost.id, &State::Finalizing(stamp).lose().expect("legal")).await;
    let made = commit(&fixture, waits.id).await;
    assert_ne!(made.id, stamp.id);
    assert_eq!(fixture.messages().of_client(&lost).await.expect("readable"), Some(made));
    fixture.records().remove(lost.id, Epoch::FIRST).await.expect("removed");
    let late = fixture.records().create(&comes, Taking::Overtake).await.expect("answered");
    assert_eq!(late, Created::Taken(waits.id), "the message keeps the id");
}

pub async fn removing_a_committed_upload_leaves_its_message(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    let message = message(&fixture, &upload).await;
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    fixture.reopen();
    assert_eq!(fixture.records().find(upload.id).await.expect("readable"), None);
    assert_eq!(fixture.messages().find(message.id).await.expect("readable"), Some(message.clone()));
    assert!(fixture.messages().is_unpublished(message.id).await.expect("readable"));
    for taking in [Taking::IfFree, Taking::Overtake] {
        let second = fixture.records().create(&whole(Some("c")), taking).await.expect("answered");
        assert_eq!(second, Created::Taken(upload.id));
    }
    let found = fixture.messages().of_client(&whole(Some("c"))).await.expect("readable");
    assert_eq!(found, Some(message));
}

//! Facts of claiming: at most one message of each `client_message_id`, under stamps that only grow.

use super::samples::{
    at, binding, bound, claim, commit, conversation, digest, found, last_row, store, transition, unbound,
    whole,
};
use super::{DatabaseFixture, SharedFixture, is_conflict};
use crate::store::{Claim, Created, Taking};
use crate::upload::{Binding, Bounds, Epoch, RejectionReason, State, Upload, UploadId};

pub async fn a_claim_is_kept_and_repeated(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    store(&fixture, &upload).await;
    let first = fixture.messages().claim(upload.id, at(7_000)).await.expect("claimed");
    let Claim::Finalizing(stamp) = first else { panic!("{first:?}") };
    assert_eq!(stamp.at, at(7_000));
    for now in [7_000, 9_000, 1] {
        assert_eq!(fixture.messages().claim(upload.id, at(now)).await.expect("claimed"), first);
        assert_eq!(
            found(&fixture, upload.id).await,
            Upload { state: State::Finalizing(stamp), ..upload.clone() }
        );
        fixture.reopen();
    }
}

pub async fn only_a_complete_bound_upload_is_claimed(fixture: impl DatabaseFixture) {
    let unbound = store(&fixture, &Upload { offset: 10, state: State::Complete, ..unbound() }).await;
    let receiving = store(&fixture, &bound(Some("c"))).await;
    let expired = store(&fixture, &bound(None)).await;
    transition(&fixture, expired, &State::Expired).await;
    let rejected = store(&fixture, &whole(None)).await;
    transition(&fixture, rejected, &State::Complete.reject(RejectionReason::Damaged).expect("legal")).await;
    let committed = store(&fixture, &whole(None)).await;
    commit(&fixture, committed).await;
    for id in [unbound, receiving, expired, rejected, committed] {
        let before = found(&fixture, id).await;
        assert!(is_conflict(&fixture.messages().claim(id, at(5_000)).await), "{before:?}");
        assert_eq!(found(&fixture, id).await, before);
    }
    assert!(is_conflict(&fixture.messages().claim(UploadId::random(), at(5_000)).await));
}

pub async fn stamps_only_grow_within_a_conversation(mut fixture: impl DatabaseFixture) {
    let mut last = None;
    for now in [5_000, 5_000, 4_000, 5_999, 1, 8_000, 8_000] {
        let id = store(&fixture, &whole(None)).await;
        let outcome = fixture.messages().claim(id, at(now)).await.expect("claimed");
        let Claim::Finalizing(stamp) = outcome else { panic!("{outcome:?}") };
        if let Some(last) = last {
            let last: crate::message::Stamp = last;
            assert!(stamp.id > last.id && stamp.at == last.at.max(at(now)), "{last:?} {stamp:?}");
        }
        last = Some(stamp);
        fixture.reopen();
    }
    let mut begun = Vec::new();
    for number in 3..40 {
        let elsewhere = Binding { conversation_id: conversation(number), ..binding(None) };
        let id = store(&fixture, &Upload { binding: Some(elsewhere), ..whole(None) }).await;
        let outcome = fixture.messages().claim(id, at(8_000)).await.expect("claimed");
        let Claim::Finalizing(stamp) = outcome else { panic!("{outcome:?}") };
        assert_eq!(stamp.id.as_bytes()[..4], [0, 0, 0, 8]);
        begun.push(stamp.id);
    }
    assert!(!begun.is_sorted(), "ids of other conversations tell nothing of each other");
    let elsewhere = Binding { conversation_id: conversation(2), ..binding(None) };
    let id = store(&fixture, &Upload { binding: Some(elsewhere), ..whole(None) }).await;
    let outcome = fixture.messages().claim(id, at(2_000)).await.expect("claimed");
    assert!(matches!(outcome, Claim::Finalizing(stamp) if stamp.at == at(2_000)), "{outcome:?}");
}

/// Claims together with the last byte, in a creation or a row. The answer says what is stored, whatever
/// becomes of the claim.
async fn complete_claiming(fixture: &impl DatabaseFixture, upload: &Upload, with_creation: bool) {
    let claim_at = Some(at(7_000));
    let state = if with_creation {
        let records = fixture.records();
        let created = records.create_with(upload, Taking::Overtake, Bounds::NONE, claim_at).await;
        let Created::New(state) = created.expect("stored") else { return };
        state
    } else {
        let empty = Upload { offset: 0, state: State::Receiving, digest: digest(0), ..upload.clone() };
        fixture.records().create(&empty, Taking::Overtake).await.expect("stored");
        fixture.records().append_with(upload.id, &last_row(0), claim_at).await.expect("stored")
    };
    assert_eq!(found(fixture, upload.id).await.state, state);
}

pub async fn a_claim_may_go_along(mut fixture: impl DatabaseFixture) {
    for with_creation in [true, false] {
        let upload = whole(Some(if with_creation { "c" } else { "d" }));
        complete_claiming(&fixture, &upload, with_creation).await;
        let state = found(&fixture, upload.id).await.state;
        assert!(matches!(state, State::Finalizing(stamp) if stamp.at == at(7_000)), "{state:?}");
        fixture.reopen();
        assert_eq!(State::Finalizing(claim(&fixture, upload.id).await), state);
        commit(&fixture, upload.id).await;
    }
}

pub async fn a_claim_that_is_refused_leaves_what_it_went_along_with(fixture: impl DatabaseFixture) {
    let holder = store(&fixture, &whole(Some("c"))).await;
    claim(&fixture, holder).await;
    for with_creation in [true, false] {
        let unbound = Upload { binding: None, ..whole(None) };
        complete_claiming(&fixture, &unbound, with_creation).await;
        assert_eq!(found(&fixture, unbound.id).await.state, State::Complete);
    }
    let first = store(&fixture, &bound(Some("d"))).await;
    let second = whole(Some("d"));
    complete_claiming(&fixture, &second, true).await;
    let claim_at = Some(at(8_000));
    fixture.records().append_with(first, &last_row(0), claim_at).await.expect("stored");
    assert_eq!(found(&fixture, first).await.state, State::Complete, "another one has the message");
    let receiving = bound(None);
    let claim_at = Some(at(7_000));
    fixture.records().create_with(&receiving, Taking::IfFree, Bounds::NONE, claim_at).await.expect("stored");
    assert_eq!(found(&fixture, receiving.id).await, receiving);
    let taken = whole(Some("c"));
    complete_claiming(&fixture, &taken, true).await;
    assert_eq!(fixture.records().find(taken.id).await.expect("readable"), None);
}

/// A complete upload that held an id, and an upload in one piece that overtook it.
async fn two_with_one_id(fixture: &impl DatabaseFixture) -> (UploadId, UploadId) {
    let first = store(fixture, &whole(Some("c"))).await;
    let second = whole(Some("c"));
    assert!(fixture.records().create(&second, Taking::Overtake).await.expect("answered").is_new());
    (first, second.id)
}

pub async fn the_first_claim_has_the_message(mut fixture: impl DatabaseFixture) {
    let (first, second) = two_with_one_id(&fixture).await;
    let stamp = claim(&fixture, second).await;
    let taken = Claim::Taken { message: stamp.id, upload: second };
    for _ in 0..2 {
        assert_eq!(fixture.messages().claim(first, at(6_000)).await.expect("answered"), taken);
        assert_eq!(found(&fixture, first).await.state, State::Complete);
        fixture.reopen();
    }
    assert_eq!(claim(&fixture, second).await, stamp);
}

pub async fn an_overtaken_upload_may_still_claim_first(fixture: impl DatabaseFixture) {
    let (first, second) = two_with_one_id(&fixture).await;
    let stamp = claim(&fixture, first).await;
    let taken = Claim::Taken { message: stamp.id, upload: first };
    assert_eq!(fixture.messages().claim(second, at(6_000)).await.expect("answered"), taken);
    let third = fixture.records().create(&whole(Some("c")), Taking::Overtake).await.expect("answered");
    assert_eq!(third, Created::Taken(first));
}

pub async fn a_claimed_message_is_taken_for_ever(mut fixture: impl DatabaseFixture) {
    let (first, second) = two_with_one_id(&fixture).await;
    let message = commit(&fixture, second).await;
    let taken = Claim::Taken { message: message.id, upload: second };
    assert_eq!(fixture.messages().claim(first, at(6_000)).await.expect("answered"), taken);
    fixture.messages().published(&[message.id]).await.expect("published");
    fixture.records().remove(second, Epoch::FIRST).await.expect("removed");
    fixture.reopen();
    assert_eq!(fixture.messages().claim(first, at(6_000)).await.expect("answered"), taken);
}

pub async fn without_a_client_message_id_every_upload_is_its_own_message(fixture: impl DatabaseFixture) {
    let (one, other) = (whole(None), whole(None));
    store(&fixture, &one).await;
    store(&fixture, &other).await;
    assert_ne!(claim(&fixture, one.id).await, claim(&fixture, other.id).await);
}

pub async fn of_many_claims_at_once_one_has_the_message(fixture: impl DatabaseFixture) {
    let mut ids = Vec::new();
    for _ in 0..16 {
        let upload = whole(Some("c"));
        let created = fixture.records().create(&upload, Taking::Overtake).await.expect("answered");
        assert_eq!(created, Created::New(State::Complete));
        ids.push(upload.id);
    }
    let messages = fixture.messages();
    let claims = futures_util::future::join_all(ids.iter().map(|id| messages.claim(*id, at(5_000)))).await;
    let claims: Vec<_> = claims.into_iter().map(|claim| claim.expect("answered")).collect();
    let winners: Vec<_> = claims
        .iter()
        .zip(&ids)
        .filter_map(|(claim, id)| match claim {
            Claim::Finalizing(stamp) => Some((stamp.id, *id)),
            Claim::Taken { .. } => None,
        })
        .collect();
    let [(message, upload)] = winners[..] else { panic!("{claims:?}") };
    let others = claims.iter().filter(|claim| **claim == Claim::Taken { message, upload });
    assert_eq!(others.count(), 15);
}

pub async fn of_two_nodes_that_claim_one_has_the_message(fixture: impl SharedFixture) {
    let (one, two) = (fixture.messages(), fixture.second().messages());
    // Two claims of one upload, and of two uploads that repeat each other.
    let upload = store(&fixture, &whole(None)).await;
    let claims = tokio::join!(one.claim(upload, at(5_000)), two.claim(upload, at(5_500)));
    assert_eq!(claims.0.expect("answered"), claims.1.expect("answered"));
    let [first, second] = [(); 2].map(|()| whole(Some("c")));
    for upload in [&first, &second] {
        fixture.records().create(upload, Taking::Overtake).await.expect("answered");
    }
    let claims = tokio::join!(one.claim(first.id, at(6_000)), two.claim(second.id, at(6_000)));
    let claims = [claims.0.expect("answered"), claims.1.expect("answered")];
    let is_taken = |claim: &&Claim| matches!(claim, Claim::Taken { .. });
    assert_eq!(claims.iter().filter(is_taken).count(), 1, "{claims:?}");
}

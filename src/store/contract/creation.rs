//! Facts of creating and binding: which upload gets a `client_message_id`.

use super::samples::{
    at, binding, bound, claim, commit, conversation, digest, found, last_row, row, store, transition,
    unbound, user, whole,
};
use super::{DatabaseFixture, is_conflict};
use crate::message::MAX_CONTENT_BYTES;
use crate::store::{Created, Taking};
use crate::upload::{
    Binding, Concat, Epoch, Length, MAX_METADATA_BYTES, Metadata, RejectionReason, State, Upload, UploadId,
};

pub async fn what_was_created_is_found_as_it_was(mut fixture: impl DatabaseFixture) {
    let raw = "filename w6kubXA0, empty, client_message_id Yw==";
    let reply_to = Some("507f1f77bcf86cd799439011".parse().expect("valid"));
    let uploads = [
        unbound(),
        bound(None),
        bound(Some("c")),
        Upload { metadata: Metadata::parse(raw).expect("valid"), ..unbound() },
        Upload { metadata: Metadata::default(), ..unbound() },
        Upload { binding: Some(Binding { reply_to, content: None, ..binding(None) }), ..unbound() },
        Upload { length: Length::Deferred, digest: None, ..unbound() },
        Upload { length: Length::Known(0), state: State::Complete, ..unbound() },
        Upload { length: Length::Known(u64::MAX), owner: user("é"), ..unbound() },
    ];
    for upload in &uploads {
        store(&fixture, upload).await;
        assert_eq!(found(&fixture, upload.id).await, *upload);
    }
    fixture.reopen();
    for upload in uploads {
        assert_eq!(found(&fixture, upload.id).await, upload);
    }
}

pub async fn the_largest_upload_is_found_as_it_was(mut fixture: impl DatabaseFixture) {
    let content = Some("c".repeat(MAX_CONTENT_BYTES));
    let client_message_id = Some("m".repeat(128).parse().expect("valid"));
    let upload = Upload {
        owner: user(&"u".repeat(256)),
        metadata: Metadata::parse(&"k".repeat(MAX_METADATA_BYTES)).expect("valid"),
        binding: Some(Binding { content, client_message_id, ..binding(None) }),
        ..whole(None)
    };
    store(&fixture, &upload).await;
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await, upload);
    let unfinished = fixture.records().unfinished(&upload.owner, 9).await.expect("readable");
    assert_eq!(unfinished, [upload]);
}

pub async fn a_part_and_a_final_upload_are_found_as_they_were(mut fixture: impl DatabaseFixture) {
    let raw = format!("final;/files/{}  http://a/files/{} ", UploadId::random(), UploadId::random());
    for concat in ["partial", &raw] {
        let concat = Concat::parse(concat).expect("valid");
        for metadata in [Metadata::default(), unbound().metadata] {
            let upload = Upload { concat: concat.clone(), metadata, ..unbound() };
            let id = store(&fixture, &upload).await;
            fixture.reopen();
            assert_eq!(found(&fixture, id).await, upload);
        }
    }
}

pub async fn what_was_not_created_is_not_found(fixture: impl DatabaseFixture) {
    store(&fixture, &unbound()).await;
    assert_eq!(fixture.records().find(UploadId::random()).await.expect("readable"), None);
}

pub async fn creating_it_twice_is_creating_it_once(mut fixture: impl DatabaseFixture) {
    let upload = bound(Some("c"));
    store(&fixture, &upload).await;
    store(&fixture, &upload).await;
    fixture.reopen();
    store(&fixture, &upload).await;
    assert_eq!(found(&fixture, upload.id).await, upload);
}

pub async fn another_upload_with_the_same_id_is_a_conflict(fixture: impl DatabaseFixture) {
    let upload = bound(Some("c"));
    store(&fixture, &upload).await;
    let other = Upload { owner: user("bob"), ..upload.clone() };
    assert!(is_conflict(&fixture.records().create(&other, Taking::Overtake).await));
    assert_eq!(found(&fixture, upload.id).await, upload);
}

pub async fn bytes_that_came_with_a_creation_are_in_the_ledger(mut fixture: impl DatabaseFixture) {
    let upload = Upload { offset: 4, digest: digest(4), active_at: at(1_500), ..unbound() };
    store(&fixture, &upload).await;
    fixture.reopen();
    assert_eq!(found(&fixture, upload.id).await, upload);
    assert!(is_conflict(&fixture.records().append(upload.id, &row(0, 4)).await));
    fixture.records().append(upload.id, &last_row(4)).await.expect("appended");
    assert_eq!(found(&fixture, upload.id).await.offset, 10);
}

pub async fn a_client_message_id_belongs_to_its_first_holder(mut fixture: impl DatabaseFixture) {
    let first = store(&fixture, &bound(Some("c"))).await;
    let second = bound(Some("c"));
    for _ in 0..2 {
        let outcome = fixture.records().create(&second, Taking::IfFree).await.expect("answered");
        assert_eq!(outcome, Created::Taken(first));
        assert_eq!(fixture.records().find(second.id).await.expect("readable"), None);
        fixture.reopen();
    }
}

pub async fn a_client_message_id_counts_per_sender_and_conversation(fixture: impl DatabaseFixture) {
    store(&fixture, &bound(Some("c"))).await;
    let elsewhere = Binding { conversation_id: conversation(2), ..binding(Some("c")) };
    for other in [
        bound(Some("d")),
        bound(None),
        bound(None),
        Upload { owner: user("anna"), ..bound(Some("c")) },
        Upload { binding: Some(elsewhere), ..bound(None) },
    ] {
        store(&fixture, &other).await;
    }
}

pub async fn whoever_has_all_bytes_overtakes_an_unclaimed_holder(mut fixture: impl DatabaseFixture) {
    let rejected = State::Receiving.reject(RejectionReason::Damaged).expect("legal");
    for (name, state) in [("c", State::Receiving), ("d", State::Complete), ("e", rejected)] {
        let first = if state == State::Complete { whole(Some(name)) } else { bound(Some(name)) };
        store(&fixture, &first).await;
        if state != first.state {
            transition(&fixture, first.id, &state).await;
        }
        let second = whole(Some(name));
        let created = fixture.records().create(&second, Taking::Overtake).await.expect("answered");
        assert_eq!(created, Created::New(State::Complete));
        fixture.reopen();
        assert_eq!(found(&fixture, second.id).await, second);
        assert_eq!(found(&fixture, first.id).await, Upload { state, ..first });
        let third = fixture.records().create(&bound(Some(name)), Taking::IfFree).await.expect("answered");
        assert_eq!(third, Created::Taken(second.id));
    }
}

pub async fn a_holder_with_a_claimed_message_is_not_overtaken(mut fixture: impl DatabaseFixture) {
    let first = store(&fixture, &whole(Some("c"))).await;
    let second = whole(Some("c"));
    for is_committed in [false, true] {
        if is_committed {
            commit(&fixture, first).await;
        } else {
            claim(&fixture, first).await;
        }
        fixture.reopen();
        let outcome = fixture.records().create(&second, Taking::Overtake).await.expect("answered");
        assert_eq!(outcome, Created::Taken(first));
        assert_eq!(fixture.records().find(second.id).await.expect("readable"), None);
    }
}

pub async fn the_holder_of_a_client_message_id_is_known(mut fixture: impl DatabaseFixture) {
    assert_eq!(fixture.records().holder(&bound(Some("one"))).await.expect("readable"), None);
    let id = store(&fixture, &bound(Some("one"))).await;
    fixture.reopen();
    let records = fixture.records();
    assert_eq!(records.holder(&bound(Some("one"))).await.expect("readable"), Some(id));
    assert_eq!(records.holder(&bound(Some("two"))).await.expect("readable"), None);
    assert_eq!(records.holder(&bound(None)).await.expect("readable"), None);
}

pub async fn a_binding_takes_the_client_message_id(mut fixture: impl DatabaseFixture) {
    let receiving = unbound();
    let complete = Upload { offset: 10, state: State::Complete, ..unbound() };
    for (upload, name) in [(receiving, "c"), (complete, "d")] {
        store(&fixture, &upload).await;
        let outcome =
            fixture.records().bind(upload.id, &binding(Some(name)), Taking::IfFree).await.expect("answered");
        assert!(outcome.is_new());
        fixture.reopen();
        assert_eq!(
            found(&fixture, upload.id).await,
            Upload { binding: Some(binding(Some(name))), ..upload.clone() }
        );
        let second = fixture.records().create(&bound(Some(name)), Taking::IfFree).await.expect("answered");
        assert_eq!(second, Created::Taken(upload.id));
    }
}

pub async fn a_binding_of_a_taken_client_message_id_changes_nothing(fixture: impl DatabaseFixture) {
    let holder = store(&fixture, &bound(Some("c"))).await;
    let upload = Upload { offset: 10, state: State::Complete, ..unbound() };
    store(&fixture, &upload).await;
    let outcome =
        fixture.records().bind(upload.id, &binding(Some("c")), Taking::IfFree).await.expect("answered");
    assert_eq!(outcome, Created::Taken(holder));
    assert_eq!(found(&fixture, upload.id).await, upload);
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
}

pub async fn only_an_unbound_upload_that_may_become_a_message_is_bound(fixture: impl DatabaseFixture) {
    let bound = store(&fixture, &bound(None)).await;
    let expired = store(&fixture, &unbound()).await;
    transition(&fixture, expired, &State::Expired).await;
    let rejected = store(&fixture, &unbound()).await;
    transition(&fixture, rejected, &State::Receiving.reject(RejectionReason::Damaged).expect("legal")).await;
    for id in [bound, expired, rejected, UploadId::random()] {
        assert!(is_conflict(&fixture.records().bind(id, &binding(None), Taking::IfFree).await));
    }
}

/// Only its bytes will show whether the upload's file is the holder's, or another.
pub async fn an_upload_beside_the_holder_leaves_it_the_client_message_id(mut fixture: impl DatabaseFixture) {
    for (name, is_made) in [("c", false), ("d", true)] {
        let holder = store(&fixture, &whole(Some(name))).await;
        if is_made {
            commit(&fixture, holder).await;
        }
        let (created, unbound) = (bound(Some(name)), unbound());
        store(&fixture, &unbound).await;
        let records = fixture.records();
        let outcome = records.create(&created, Taking::Beside).await.expect("answered");
        assert!(outcome.is_new());
        let outcome = records.bind(unbound.id, &binding(Some(name)), Taking::Beside).await.expect("answered");
        assert!(outcome.is_new());
        drop(records);
        fixture.reopen();
        for beside in [created.id, unbound.id] {
            assert_eq!(found(&fixture, beside).await.binding, Some(binding(Some(name))));
            assert_eq!(fixture.records().holder(&created).await.expect("readable"), Some(holder));
            fixture.records().remove(beside, Epoch::FIRST).await.expect("removed");
        }
        let third = fixture.records().create(&created, Taking::IfFree).await.expect("answered");
        assert_eq!(third, Created::Taken(holder), "what is beside it has nothing to give free");
    }
    let free = bound(Some("free"));
    assert!(fixture.records().create(&free, Taking::Beside).await.expect("answered").is_new());
    assert_eq!(fixture.records().holder(&free).await.expect("readable"), Some(free.id));
}

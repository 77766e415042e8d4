//! Facts of committing: the message, its places and the upload's state as one change.

use super::samples::{at, binding, claim, commit, conversation, digest, found, message, store, user, whole};
use super::{DatabaseFixture, is_conflict};
use crate::message::{MAX_CONTENT_BYTES, Message, MessageId};
use crate::store::{Created, Taking};
use crate::time::Timestamp;
use crate::upload::{Binding, Epoch, Metadata, State, Upload};

pub async fn a_commit_changes_everything_at_once(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    store(&fixture, &upload).await;
    let message = commit(&fixture, upload.id).await;
    for _ in 0..2 {
        assert_eq!(fixture.messages().find(message.id).await.expect("readable"), Some(message.clone()));
        let page = fixture.messages().page(conversation(1), None, 9).await.expect("readable");
        assert_eq!(page, std::slice::from_ref(&message));
        let outbox = fixture.messages().outbox(Timestamp::MAX, None, 9).await.expect("readable");
        assert_eq!(outbox, std::slice::from_ref(&message));
        assert_eq!(
            found(&fixture, upload.id).await,
            Upload { state: State::Committed(message.id), active_at: at(6_000), ..upload.clone() },
            "what the ledger said last is kept without it"
        );
        assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
        assert_eq!(fixture.records().unfinished(&user("ann"), 9).await.expect("readable"), []);
        assert_eq!(fixture.records().idle_since(at(u64::MAX), 9).await.expect("readable"), []);
        fixture.reopen();
    }
}

pub async fn the_largest_message_is_found_as_it_was(mut fixture: impl DatabaseFixture) {
    let name = "n".repeat(4_500);
    let content = Some("c".repeat(MAX_CONTENT_BYTES));
    let client_message_id = Some("m".repeat(128).parse().expect("valid"));
    let upload = Upload {
        owner: user(&"u".repeat(256)),
        metadata: Metadata::of([("filename", name.as_str())]),
        binding: Some(Binding { content, client_message_id, ..binding(None) }),
        ..whole(None)
    };
    let message = message(&fixture, &upload).await;
    fixture.reopen();
    assert_eq!(fixture.messages().find(message.id).await.expect("readable"), Some(message.clone()));
    assert_eq!(fixture.messages().outbox(Timestamp::MAX, None, 1).await.expect("readable"), [message]);
}

pub async fn committing_twice_is_committing_once(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    let message = message(&fixture, &upload).await;
    fixture.messages().commit(&message, at(6_000)).await.expect("committed");
    assert_eq!(fixture.messages().outbox(Timestamp::MAX, None, 9).await.expect("readable").len(), 1);
    fixture.messages().published(&[message.id]).await.expect("published");
    fixture.reopen();
    fixture.messages().commit(&message, at(6_000)).await.expect("committed");
    assert_eq!(fixture.messages().outbox(Timestamp::MAX, None, 9).await.expect("readable"), []);
    assert_eq!(fixture.messages().page(conversation(1), None, 9).await.expect("readable").len(), 1);
}

pub async fn only_the_claimed_message_is_committed(fixture: impl DatabaseFixture) {
    let upload = whole(None);
    store(&fixture, &upload).await;
    let unclaimed = crate::message::Stamp { id: MessageId::from_bytes([1; 12]), at: at(1) };
    let message = upload.message(unclaimed).expect("bound");
    assert!(is_conflict(&fixture.messages().commit(&message, at(6_000)).await), "nothing is claimed");
    let stamp = claim(&fixture, upload.id).await;
    assert!(is_conflict(&fixture.messages().commit(&message, at(6_000)).await), "another message is claimed");
    let message = Message { id: stamp.id, ..message };
    fixture.messages().commit(&message, at(6_000)).await.expect("committed");
    let other = Message { id: unclaimed.id, ..message.clone() };
    assert!(is_conflict(&fixture.messages().commit(&other, at(6_000)).await), "another message is committed");
    fixture.records().remove(upload.id, Epoch::FIRST).await.expect("removed");
    assert!(is_conflict(&fixture.messages().commit(&message, at(6_000)).await), "the upload is gone");
    assert_eq!(fixture.messages().find(other.id).await.expect("readable"), None);
    assert_eq!(fixture.messages().page(conversation(1), None, 9).await.expect("readable"), [message]);
}

pub async fn an_upload_adopts_the_message_of_another(mut fixture: impl DatabaseFixture) {
    let first = whole(Some("c"));
    store(&fixture, &first).await;
    let second = whole(Some("c"));
    assert!(fixture.records().create(&second, Taking::Overtake).await.expect("answered").is_new());
    let message = commit(&fixture, second.id).await;
    let adopted = State::Committed(message.id);
    fixture.records().transition(first.id, Epoch::FIRST, &State::Complete, &adopted).await.expect("changed");
    fixture.reopen();
    let upload = found(&fixture, first.id).await;
    assert_eq!((upload.state, upload.offset, upload.digest), (adopted, 10, digest(10)));
    assert_eq!(fixture.records().owed(None, 9).await.expect("readable"), []);
    assert_eq!(fixture.records().unfinished(&user("ann"), 9).await.expect("readable"), []);
    fixture.records().remove(first.id, Epoch::FIRST).await.expect("removed");
    let third = fixture.records().create(&whole(Some("c")), Taking::Overtake).await.expect("answered");
    assert_eq!(third, Created::Taken(second.id));
    assert_eq!(fixture.messages().outbox(Timestamp::MAX, None, 9).await.expect("readable"), [message]);
}

//! Facts of reading messages, and of the outbox.

use super::DatabaseFixture;
use super::samples::{at, binding, bound, claim, conversation, message, store, unbound, user, whole};
use crate::message::{ConversationId, Message, MessageId};
use crate::time::Timestamp;
use crate::upload::{Binding, Upload};

async fn page(
    fixture: &impl DatabaseFixture,
    conversation: ConversationId,
    before: Option<MessageId>,
    limit: usize,
) -> Vec<Message> {
    fixture.messages().page(conversation, before, limit).await.expect("readable")
}

async fn outbox(fixture: &impl DatabaseFixture, after: Option<MessageId>, limit: usize) -> Vec<Message> {
    fixture.messages().outbox(Timestamp::MAX, after, limit).await.expect("readable")
}

/// Messages of conversation 1, oldest first.
async fn messages(fixture: &impl DatabaseFixture, count: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(message(fixture, &whole(None)).await);
    }
    messages
}

fn elsewhere(number: u8) -> Upload {
    let binding = Binding { conversation_id: conversation(number), ..binding(None) };
    Upload { binding: Some(binding), ..whole(None) }
}

pub async fn what_was_not_committed_is_not_found(fixture: impl DatabaseFixture) {
    let id = store(&fixture, &whole(None)).await;
    let stamp = claim(&fixture, id).await;
    for id in [stamp.id, MessageId::from_bytes([0; 12])] {
        assert_eq!(fixture.messages().find(id).await.expect("readable"), None);
        assert!(!fixture.messages().is_unpublished(id).await.expect("readable"));
    }
    assert_eq!(page(&fixture, conversation(1), None, 9).await, []);
    assert_eq!(outbox(&fixture, None, 9).await, []);
}

pub async fn a_page_goes_from_the_newest_to_older_ones(mut fixture: impl DatabaseFixture) {
    let mut newest_first = messages(&fixture, 5).await;
    newest_first.reverse();
    fixture.reopen();
    let page = async |before, limit| page(&fixture, conversation(1), before, limit).await;
    assert_eq!(page(None, 9).await, newest_first);
    assert_eq!(page(None, 2).await, newest_first[..2]);
    assert_eq!(page(None, 0).await, []);
    assert_eq!(page(Some(newest_first[1].id), 2).await, newest_first[2..4]);
    assert_eq!(page(Some(newest_first[4].id), 2).await, []);
    assert_eq!(page(Some(MessageId::from_bytes([0xff; 12])), 9).await, newest_first);
    assert_eq!(page(Some(MessageId::from_bytes([0; 12])), 9).await, []);
    let oldest_first: Vec<_> = newest_first.into_iter().rev().collect();
    let newer = async |after, limit| {
        fixture.messages().newer(conversation(1), after, None, limit).await.expect("readable")
    };
    assert_eq!(newer(oldest_first[1].id, 9).await, oldest_first[2..]);
    assert_eq!(newer(oldest_first[1].id, 2).await, oldest_first[2..4]);
    assert_eq!(newer(oldest_first[4].id, 9).await, []);
    assert_eq!(newer(MessageId::from_bytes([0; 12]), 9).await, oldest_first);
    assert_eq!(newer(MessageId::from_bytes([0xff; 12]), 9).await, []);
}

/// A message that others overtook between its claim and its commit is newer than they are.
pub async fn what_is_committed_later_is_newer(mut fixture: impl DatabaseFixture) {
    let mut claimed = Vec::new();
    for _ in 0..5 {
        let upload = whole(None);
        store(&fixture, &upload).await;
        let stamp = claim(&fixture, upload.id).await;
        claimed.push(upload.message(stamp).expect("bound"));
    }
    assert!(claimed.is_sorted_by_key(|message| message.id));
    let elsewhere = message(&fixture, &elsewhere(2)).await;
    let mut committed: Vec<Message> = Vec::new();
    for at_claim in [1, 3, 0, 2, 4] {
        let message = &claimed[at_claim];
        // Committed twice, as after a lost answer.
        for _ in 0..2 {
            fixture.messages().commit(message, at(6_000)).await.expect("committed");
        }
        let seen = committed.last().map_or(MessageId::from_bytes([0; 12]), |last| last.id);
        let newer = fixture.messages().newer(conversation(1), seen, None, 9).await.expect("readable");
        assert_eq!(newer, std::slice::from_ref(message), "what was seen last is {seen}");
        committed.push(message.clone());
    }
    for _ in 0..2 {
        let newest_first: Vec<_> = committed.iter().rev().cloned().collect();
        assert_eq!(page(&fixture, conversation(1), None, 9).await, newest_first);
        for (position, message) in committed.iter().enumerate() {
            let older = page(&fixture, conversation(1), Some(message.id), 9).await;
            assert_eq!(older, newest_first[committed.len() - position..]);
            let between =
                fixture.messages().newer(conversation(1), committed[0].id, Some(message.id), 9).await;
            assert_eq!(between.expect("readable"), committed[position.min(1)..position]);
        }
        assert_eq!(page(&fixture, conversation(2), None, 9).await, std::slice::from_ref(&elsewhere));
        let mut unpublished = outbox(&fixture, None, 9).await;
        unpublished.retain(|message| *message != elsewhere);
        assert_eq!(unpublished, committed, "who is told of one was told of all that are older");
        fixture.reopen();
    }
}

pub async fn a_page_is_of_one_conversation(fixture: impl DatabaseFixture) {
    let one = messages(&fixture, 1).await;
    let two = message(&fixture, &elsewhere(2)).await;
    assert_eq!(page(&fixture, conversation(1), None, 9).await, one);
    assert_eq!(page(&fixture, conversation(2), None, 9).await, [two]);
    assert_eq!(page(&fixture, conversation(0), None, 9).await, []);
    assert_eq!(page(&fixture, conversation(3), None, 9).await, []);
}

pub async fn the_outbox_goes_from_the_oldest_to_newer_ones(mut fixture: impl DatabaseFixture) {
    let oldest_first = messages(&fixture, 4).await;
    fixture.reopen();
    assert_eq!(outbox(&fixture, None, 9).await, oldest_first);
    assert_eq!(outbox(&fixture, None, 2).await, oldest_first[..2]);
    assert_eq!(outbox(&fixture, Some(oldest_first[1].id), 1).await, oldest_first[2..3]);
    assert_eq!(outbox(&fixture, Some(oldest_first[3].id), 9).await, []);
    let elsewhere = message(&fixture, &elsewhere(2)).await;
    assert!(outbox(&fixture, None, 9).await.contains(&elsewhere));
}

pub async fn published_messages_leave_the_outbox(mut fixture: impl DatabaseFixture) {
    let messages = messages(&fixture, 4).await;
    let published = [messages[0].id, MessageId::from_bytes([0; 12]), messages[2].id];
    for _ in 0..2 {
        fixture.messages().published(&published).await.expect("one of them is not there");
        fixture.reopen();
        assert_eq!(outbox(&fixture, None, 9).await, [messages[1].clone(), messages[3].clone()]);
        for (at, message) in messages.iter().enumerate() {
            let is_unpublished = fixture.messages().is_unpublished(message.id).await.expect("readable");
            assert_eq!(is_unpublished, at % 2 == 1);
        }
    }
    assert_eq!(page(&fixture, conversation(1), None, 9).await.len(), 4);
}

async fn of_client(fixture: &impl DatabaseFixture, upload: &Upload) -> Option<Message> {
    fixture.messages().of_client(upload).await.expect("readable")
}

pub async fn a_client_message_id_leads_to_its_message(mut fixture: impl DatabaseFixture) {
    let upload = whole(Some("c"));
    assert_eq!(of_client(&fixture, &upload).await, None);
    store(&fixture, &upload).await;
    assert_eq!(of_client(&fixture, &upload).await, None, "it is not claimed");
    let stamp = claim(&fixture, upload.id).await;
    assert_eq!(of_client(&fixture, &upload).await, None, "it is not committed");
    let message = upload.message(stamp).expect("bound");
    fixture.messages().commit(&message, at(6_000)).await.expect("committed");
    fixture.reopen();
    assert_eq!(of_client(&fixture, &upload).await, Some(message.clone()));
    assert_eq!(of_client(&fixture, &bound(Some("c"))).await, Some(message));
    let others = Upload { owner: user("bob"), ..whole(Some("c")) };
    for other in [whole(Some("d")), whole(None), unbound(), others, elsewhere(2)] {
        assert_eq!(of_client(&fixture, &other).await, None);
    }
}

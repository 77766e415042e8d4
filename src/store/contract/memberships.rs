//! Conversations and their participants.

use super::DatabaseFixture;
use super::samples::{conversation, user};
use crate::message::{ConversationId, UserId};
use crate::store::Put;

async fn put(fixture: &impl DatabaseFixture, id: ConversationId, names: &[&str]) -> Put {
    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    fixture.memberships().put(id, &users).await.expect("stored")
}

/// Their order is the store's own.
async fn participants(fixture: &impl DatabaseFixture, id: ConversationId) -> Option<Vec<UserId>> {
    let mut users = fixture.memberships().participants(id).await.expect("readable")?;
    users.sort();
    Some(users)
}

async fn is_in(fixture: &impl DatabaseFixture, id: ConversationId, name: &str) -> Option<bool> {
    fixture.memberships().is_participant(id, &user(name)).await.expect("readable")
}

pub(crate) async fn a_conversation_is_made_and_then_changed(mut fixture: impl DatabaseFixture) {
    let id = conversation(1);
    assert_eq!(participants(&fixture, id).await, None);
    assert_eq!(is_in(&fixture, id, "ann").await, None);
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Made);
    fixture.reopen();
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Changed);
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann")]));
}

pub(crate) async fn participants_are_replaced(mut fixture: impl DatabaseFixture) {
    let id = conversation(1);
    let longest = "u".repeat(256);
    put(&fixture, id, &["bob", "ann", &longest]).await;
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann"), user("bob"), user(&longest)]));
    put(&fixture, id, &["cyd", "ann"]).await;
    fixture.reopen();
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann"), user("cyd")]));
    for (name, expected) in
        [("ann", true), ("bob", false), ("cyd", true), ("an", false), ("anna", false), (&longest, false)]
    {
        assert_eq!(is_in(&fixture, id, name).await, Some(expected), "{name}");
    }
}

pub(crate) async fn each_participant_counts_once(fixture: impl DatabaseFixture) {
    let id = conversation(1);
    put(&fixture, id, &["ann", "bob", "ann"]).await;
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann"), user("bob")]));
}

pub(crate) async fn a_conversation_without_participants_exists(mut fixture: impl DatabaseFixture) {
    let id = conversation(1);
    assert_eq!(put(&fixture, id, &[]).await, Put::Made);
    fixture.reopen();
    assert_eq!(participants(&fixture, id).await, Some(vec![]));
    assert_eq!(is_in(&fixture, id, "ann").await, Some(false));
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Changed);
    assert_eq!(put(&fixture, id, &[]).await, Put::Changed);
    assert_eq!(participants(&fixture, id).await, Some(vec![]));
}

pub(crate) async fn conversations_know_nothing_of_each_other(fixture: impl DatabaseFixture) {
    for number in [0, 1, 2, 254, 255] {
        assert_eq!(put(&fixture, conversation(number), &[&format!("user {number}")]).await, Put::Made);
    }
    put(&fixture, conversation(1), &[]).await;
    for number in [0, 2, 254, 255] {
        let expected = vec![user(&format!("user {number}"))];
        assert_eq!(participants(&fixture, conversation(number)).await, Some(expected));
    }
}

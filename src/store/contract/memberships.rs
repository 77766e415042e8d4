//! Facts of conversations and their participants.

use super::DatabaseFixture;
use super::samples::{conversation, user};
use crate::message::{ConversationId, UserId};
use crate::store::Put;

async fn put(fixture: &impl DatabaseFixture, id: ConversationId, names: &[&str]) -> Put {
    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    fixture.memberships().put(id, &users).await.expect("stored")
}

/// The participants, sorted, because their order is the store's own.
async fn participants(fixture: &impl DatabaseFixture, id: ConversationId) -> Option<Vec<UserId>> {
    let mut users = fixture.memberships().participants(id).await.expect("readable")?;
    users.sort();
    Some(users)
}

async fn is_in(fixture: &impl DatabaseFixture, id: ConversationId, name: &str) -> Option<bool> {
    fixture.memberships().is_participant(id, &user(name)).await.expect("readable")
}

async fn of_user(fixture: &impl DatabaseFixture, name: &str) -> Vec<ConversationId> {
    fixture.memberships().conversations(&user(name), None, 99).await.expect("readable")
}

pub async fn a_conversation_is_made_and_then_changed(mut fixture: impl DatabaseFixture) {
    let id = conversation(1);
    assert_eq!(participants(&fixture, id).await, None);
    assert_eq!(is_in(&fixture, id, "ann").await, None);
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Made);
    fixture.reopen();
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Changed);
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann")]));
}

pub async fn participants_are_replaced(mut fixture: impl DatabaseFixture) {
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

pub async fn each_participant_counts_once(fixture: impl DatabaseFixture) {
    let id = conversation(1);
    put(&fixture, id, &["ann", "bob", "ann"]).await;
    assert_eq!(participants(&fixture, id).await, Some(vec![user("ann"), user("bob")]));
}

pub async fn a_conversation_without_participants_exists(mut fixture: impl DatabaseFixture) {
    let id = conversation(1);
    assert_eq!(put(&fixture, id, &[]).await, Put::Made);
    fixture.reopen();
    assert_eq!(participants(&fixture, id).await, Some(vec![]));
    assert_eq!(is_in(&fixture, id, "ann").await, Some(false));
    assert_eq!(put(&fixture, id, &["ann"]).await, Put::Changed);
    assert_eq!(put(&fixture, id, &[]).await, Put::Changed);
    assert_eq!(participants(&fixture, id).await, Some(vec![]));
}

pub async fn a_users_conversations_are_listed_in_order(mut fixture: impl DatabaseFixture) {
    let longest = "u".repeat(256);
    for number in [3, 1, 255, 2] {
        put(&fixture, conversation(number), &["ann", "anna", &longest]).await;
    }
    put(&fixture, conversation(4), &["bob"]).await;
    let all = [1, 2, 3, 255].map(conversation);
    fixture.reopen();
    for (name, expected) in
        [("ann", &all[..]), ("anna", &all), (&longest, &all), ("bob", &[conversation(4)]), ("an", &[])]
    {
        assert_eq!(of_user(&fixture, name).await, expected, "{name}");
    }
    for (after, limit, expected) in [
        (None, 2, &all[..2]),
        (Some(conversation(2)), 9, &all[2..]),
        (Some(conversation(4)), 9, &all[3..]),
        (Some(conversation(0)), 1, &all[..1]),
        (Some(conversation(255)), 9, &[]),
        (None, 0, &[]),
    ] {
        let found = fixture.memberships().conversations(&user("ann"), after, limit).await.expect("readable");
        assert_eq!(found, expected, "{limit} after {after:?}");
    }
    put(&fixture, conversation(2), &["bob", "anna"]).await;
    fixture.reopen();
    assert_eq!(of_user(&fixture, "ann").await, [1, 3, 255].map(conversation));
    assert_eq!(of_user(&fixture, "anna").await, all);
    assert_eq!(of_user(&fixture, "bob").await, [2, 4].map(conversation));
}

pub async fn conversations_know_nothing_of_each_other(fixture: impl DatabaseFixture) {
    for number in [0, 1, 2, 254, 255] {
        assert_eq!(put(&fixture, conversation(number), &[&format!("user {number}")]).await, Put::Made);
    }
    put(&fixture, conversation(1), &[]).await;
    for number in [0, 2, 254, 255] {
        let expected = vec![user(&format!("user {number}"))];
        assert_eq!(participants(&fixture, conversation(number)).await, Some(expected));
    }
}

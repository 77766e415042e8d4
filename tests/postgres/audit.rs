//! What the audit of the tables finds: each kind of damage by its name.

use longhaul::store::contract::samples::{
    conversation, last_row, message, row, store, transition, unbound, user, whole,
};
use longhaul::store::{Memberships, Records};
use longhaul::upload::State;

use super::Fixture;
use super::faults::run;

/// A store with uploads in several states, a message, one that is claimed, and a conversation.
async fn house() -> Fixture {
    let fixture = Fixture::new().await;
    let receiving = store(&fixture, &unbound()).await;
    fixture.store.append(receiving, &row(0, 4)).await.expect("recorded");
    let complete = store(&fixture, &unbound()).await;
    fixture.store.append(complete, &last_row(0)).await.expect("recorded");
    let expired = store(&fixture, &unbound()).await;
    transition(&fixture, expired, &State::Expired).await;
    message(&fixture, &whole(Some("made"))).await;
    let claimed = store(&fixture, &whole(Some("claimed"))).await;
    longhaul::store::contract::samples::claim(&fixture, claimed).await;
    store(&fixture, &whole(Some("taken"))).await;
    fixture.store.put(conversation(1), &[user("ann"), user("bob")]).await.expect("put");
    fixture
}

async fn faults(fixture: &Fixture) -> Vec<String> {
    let mut faults = Vec::new();
    fixture.store.audit(|fault| faults.push(fault)).await.expect("readable");
    faults
}

#[tokio::test]
async fn tables_that_agree_have_no_fault() {
    assert_eq!(faults(&house().await).await, [] as [&str; 0]);
}

/// Damages of rows, and what is said of each.
#[rustfmt::skip]
const DAMAGES: &[(&str, &str)] = &[
    ("delete from accounts", "ann has no sums, and its records come to"),
    ("update accounts set bytes = bytes + 1", "the sums of ann are"),
    ("insert into accounts values ('eve', 1, 1)", "the sums of eve are"),
    ("update uploads set length = length + 1 where state = 0", "the sums of ann are"),
    ("update uploads set is_used = true where state = 0", "the sums of ann are"),
    ("update uploads set is_driven = not is_driven where state = 2", "is not indexed as its record says"),
    ("update uploads set can_expire = not can_expire where state = 0", "is not indexed as its record says"),
    ("update uploads set keeps_room = not keeps_room where state = 0", "is not indexed as its record says"),
    ("update uploads set committed_at = null where state = 3", "is not indexed as its record says"),
    ("delete from messages", "is to be announced and gone"),
    ("delete from messages", "is committed and has no message"),
    ("delete from messages", "leads to a message that is missing"),
    ("delete from client_ids where client_message_id = 'claimed'", "that is not its own"),
    ("delete from uploads where client_message_id = 'taken'", "holds a client_message_id with which it is not"),
    ("delete from clocks", "is behind the last position of its conversation"),
    ("update clocks set position = null", "is behind the last position of its conversation"),
    ("delete from conversations", "is in a conversation that does not exist"),
];

#[tokio::test]
async fn damage_of_each_table_is_named() {
    for (damage, expected) in DAMAGES {
        let fixture = house().await;
        run(&fixture.address, damage).await;
        let faults = faults(&fixture).await;
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{damage}: {faults:?}");
    }
}

#[tokio::test]
async fn rows_that_cannot_be_read_are_named() {
    let fixture = house().await;
    run(&fixture.address, "update uploads set record = 'x' where state = 0; update messages set body = 'x'")
        .await;
    let (mut uploads, mut messages) = (Vec::new(), Vec::new());
    fixture.store.every_upload(|_, upload| uploads.push(upload.is_ok())).await.expect("readable");
    fixture.store.every_message(|_, message| messages.push(message.is_ok())).await.expect("readable");
    assert_eq!(uploads.iter().filter(|is_ok| !**is_ok).count(), 1);
    assert_eq!((uploads.len(), messages), (6, vec![false]));
}

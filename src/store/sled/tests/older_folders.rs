//! The list of users' conversations in folders from before there was one.

use super::Fixture;
use crate::message::ConversationId;
use crate::store::contract::DatabaseFixture as _;
use crate::store::contract::samples::{conversation, user};
use crate::store::sled::memberships;
use crate::store::sled::tables::keys;
use crate::store::{Memberships, StoreError};

async fn of_ann(fixture: &Fixture) -> Vec<ConversationId> {
    fixture.store().conversations(&user("ann"), None, 99).await.expect("readable")
}

#[tokio::test]
async fn memberships_of_an_older_folder_are_listed_at_its_start() {
    let mut fixture = Fixture::new();
    let crowd: Vec<_> = (0..memberships::PAGE).map(|number| user(&format!("user {number}"))).collect();
    fixture.store().put(conversation(1), &crowd).await.expect("stored");
    for number in [1, 2, 3] {
        let members = [&crowd[..], &[user("ann")]].concat();
        fixture.store().put(conversation(number), &members).await.expect("stored");
    }
    let forget = |view: &mut super::super::engine::view::View<'_>| -> Result<(), StoreError> {
        for key in view.keys(&keys::Table::MEMBERSHIP.start(), usize::MAX)? {
            view.mark(key, false);
        }
        // What a kill in the middle of it left.
        view.mark(keys::membership(&user("ann"), conversation(2)), true);
        Ok(())
    };
    fixture.store().core.change(forget).await.expect("changed");
    fixture.reopen();
    assert_eq!(of_ann(&fixture).await, [conversation(2)]);
    fixture.store().put(conversation(3), &[user("bob")]).await.expect("stored");
    for _ in 0..2 {
        fixture.store().list_memberships().await.expect("listed");
        fixture.reopen();
        assert_eq!(of_ann(&fixture).await, [conversation(1), conversation(2)]);
        fixture.store().audit(|fault| panic!("{fault}")).await.expect("readable");
    }
}

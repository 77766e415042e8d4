//! Damage to the tables: the audit names each.

use super::super::engine::layered::Rows as _;
use super::super::engine::view::View;
use super::super::tables::keys::{self, Key};
use super::super::{SledCopy, SledStore};
use crate::message::{ConversationId, MessageId};
use crate::store::contract::samples::{at, bound, row, unbound, user, whole};
use crate::store::{Claim, Durability, Memberships, Messages, Position, Records, StoreError, Taking};
use crate::upload::{Epoch, Metadata, Upload, UploadId};

/// Uploads in several states, and two messages.
struct House {
    folder: tempfile::TempDir,
    store: SledStore,
    receiving: Upload,
    whole: Upload,
    message: MessageId,
    conversation: ConversationId,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SledStore::open(&folder.path().join("records"), Durability::Process).expect("opened");
        let conversation = ConversationId::from_bytes([1; 12]);
        store.put(conversation, &[user("ann"), user("bob")]).await.expect("stored");
        // Its description is too long to lie with the record.
        let metadata = Metadata::parse(&"k".repeat(2_000)).expect("valid");
        let receiving = Upload { metadata, ..bound(Some("one")) };
        let whole = whole(Some("two"));
        for upload in [&receiving, &whole, &unbound()] {
            store.create(upload, Taking::IfFree).await.expect("created");
        }
        for offset in [0, 3] {
            store.append(receiving.id, &row(offset, 3)).await.expect("appended");
        }
        let message = message(&store, "three").await;
        Self { folder, store, receiving, whole, message, conversation }
    }

    async fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        self.store.audit(|fault| faults.push(fault)).await.expect("readable");
        faults
    }

    /// Changes the tables without the rules that keep them consistent.
    async fn damage(&self, work: impl FnOnce(&mut View<'_>) + Send + 'static) {
        let work = |view: &mut View<'_>| -> Result<(), StoreError> {
            work(view);
            Ok(())
        };
        self.store.core.change(work).await.expect("changed");
    }

    async fn finds(&self, what: &str) {
        // A row that is lost is lost to the sums as well.
        let mut faults = self.faults().await;
        faults.retain(|fault| !fault.starts_with("the sum"));
        assert!(matches!(&faults[..], [fault] if fault.contains(what)), "{what}: {faults:?}");
    }
}

async fn message(store: &SledStore, client_message_id: &str) -> MessageId {
    let upload = whole(Some(client_message_id));
    store.create(&upload, Taking::IfFree).await.expect("created");
    committed(store, upload.id).await
}

/// Commits an upload, whose message was claimed before or is claimed now.
async fn committed(store: &SledStore, upload: UploadId) -> MessageId {
    let Claim::Finalizing(stamp) = store.claim(upload, at(5_000)).await.expect("claimed") else { panic!() };
    let record = Records::find(store, upload).await.expect("read").expect("there");
    let message = record.message(stamp).expect("bound");
    store.commit(&message, at(6_000)).await.expect("committed");
    message.id
}

#[tokio::test]
async fn tables_that_agree_have_no_fault() {
    let house = House::new().await;
    assert_eq!(house.faults().await, Vec::<String>::new());
    house.store.claim(house.whole.id, at(6_000)).await.expect("claimed");
    house.store.published(&[house.message]).await.expect("published");
    house.store.remove(house.receiving.id, Epoch::FIRST).await.expect("removed");
    assert_eq!(house.faults().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_index_that_lost_its_row_is_a_fault() {
    let house = House::new().await;
    let Upload { id, owner, created_at, .. } = house.receiving.clone();
    house.damage(move |view| view.delete(keys::unfinished(&owner, created_at, id))).await;
    house.finds("missing in the index of unfinished").await;

    let house = House::new().await;
    let id = house.whole.id;
    house.damage(move |view| view.delete(keys::owed(id))).await;
    house.finds("missing in the index of owed").await;

    let house = House::new().await;
    let (conversation, id) = (house.conversation, house.message);
    house.damage(move |view| view.delete(keys::order(conversation, Position(id)))).await;
    house.finds("missing in its conversation's order").await;

    let house = House::new().await;
    let conversation = house.conversation;
    house.damage(move |view| view.delete(keys::membership(&user("bob"), conversation))).await;
    house.finds("missing in the list of memberships").await;
}

fn mark(view: &mut View<'_>, key: Key, is_there: bool) {
    view.mark(key, is_there).expect("read");
}

/// An overtaken message has its position in two tables, which have to agree.
#[tokio::test]
async fn a_moved_message_without_its_place_is_a_fault() {
    for is_place_lost in [false, true] {
        let house = House::new().await;
        house.store.claim(house.whole.id, at(5_000)).await.expect("claimed");
        let last = message(&house.store, "four").await;
        let id = committed(&house.store, house.whole.id).await;
        assert_eq!(house.faults().await, Vec::<String>::new());
        let (conversation, position) = (house.conversation, Position(last.successor()));
        if is_place_lost {
            house.damage(move |view| view.delete(keys::moved(conversation, position))).await;
            house.finds("the order of a conversation names message").await;
        } else {
            house.damage(move |view| view.delete(keys::position(id))).await;
            let faults = house.faults().await;
            for what in
                ["missing in its conversation's order", "where it does not belong", "moved to a place"]
            {
                assert!(faults.iter().any(|fault| fault.contains(what)), "{what}: {faults:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_index_that_leads_nowhere_is_a_fault() {
    let (stray, nobody) = (MessageId::from_bytes([9; 12]), UploadId::from_bytes([9; 16]));
    let house = House::new().await;
    house.damage(move |view| mark(view, keys::outbox(stray), true)).await;
    house.finds("the outbox names message").await;
    house.damage(move |view| mark(view, keys::outbox(stray), false)).await;
    house
        .damage(move |view| {
            mark(view, keys::order(ConversationId::from_bytes([1; 12]), Position(stray)), true)
        })
        .await;
    house.finds("the order of a conversation names message").await;

    let house = House::new().await;
    house.damage(move |view| mark(view, keys::owed(nobody), true)).await;
    house.finds("which has no record").await;
    house.damage(move |view| mark(view, keys::owed(nobody), false)).await;
    let other = house.receiving.id;
    house.damage(move |view| mark(view, keys::owed(other), true)).await;
    house.finds("which does not belong there").await;

    let house = House::new().await;
    house
        .damage(move |view| {
            mark(view, keys::participant(ConversationId::from_bytes([7; 12]), &user("ann")), true)
        })
        .await;
    house.finds("a conversation that does not exist").await;

    let house = House::new().await;
    let conversation = house.conversation;
    house.damage(move |view| mark(view, keys::membership(&user("cyd"), conversation), true)).await;
    house.finds("a user who is not in that conversation").await;
}

#[tokio::test]
async fn a_ledger_with_a_gap_is_a_fault() {
    let house = House::new().await;
    let id = house.receiving.id;
    house
        .damage(move |view| {
            let last = view.get(&keys::chunk(id, 3)).expect("read").expect("there");
            view.delete(keys::chunk(id, 3));
            view.put(keys::chunk(id, 5), last).expect("small");
        })
        .await;
    house.finds("goes on at 5 after a row that ends at 3").await;
}

#[tokio::test]
async fn rows_that_lost_their_record_are_faults_each() {
    let house = House::new().await;
    let id = house.receiving.id;
    house.damage(move |view| view.delete(keys::upload(id))).await;
    let faults = house.faults().await;
    for what in ["metadata of", "a ledger of", "unfinished", "a client_message_id"] {
        assert!(faults.iter().any(|fault| fault.contains(what)), "{what}: {faults:?}");
    }

    let house = House::new().await;
    let id = house.message;
    house.damage(move |view| view.delete(keys::message(id))).await;
    let faults = house.faults().await;
    for what in ["is committed and its message", "a content", "the order", "the outbox", "leads to message"] {
        assert!(faults.iter().any(|fault| fault.contains(what)), "{what}: {faults:?}");
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_told_with_its_id() {
    let house = House::new().await;
    let (upload, message) = (house.receiving.id, house.message);
    house
        .damage(move |view| {
            view.put(keys::upload(upload), vec![1, 255]).expect("small");
            view.put(keys::message(message), vec![77]).expect("small");
        })
        .await;
    let (mut uploads, mut messages) = (Vec::new(), Vec::new());
    let store = &house.store;
    store.every_upload(|id, found| uploads.push((id, found.is_ok()))).await.expect("readable");
    store.every_message(|id, found| messages.push((id, found.is_ok()))).await.expect("readable");
    assert_eq!(uploads.len(), 4);
    assert!(uploads.contains(&(upload, false)) && messages == [(message, false)], "{uploads:?} {messages:?}");
}

/// Rows that are only in the journal are read as well, and a process that wants to open the folder waits.
#[tokio::test]
async fn a_copy_has_every_row_and_keeps_others_out() {
    let house = House::new().await;
    let records = house.folder.path().join("records");
    assert!(SledCopy::of(&records).is_err(), "it is open");
    let House { folder, store, message, .. } = house;
    drop(store);
    let copy = SledCopy::of(&records).expect("copied");
    let mut messages = Vec::new();
    copy.store().every_message(|id, _| messages.push(id)).await.expect("readable");
    assert_eq!(messages, [message]);
    assert!(SledStore::open(&records, Durability::Process).is_err(), "it is being looked at");
    drop(copy);
    SledStore::open(&records, Durability::Process).expect("free again");
    drop(folder);
}

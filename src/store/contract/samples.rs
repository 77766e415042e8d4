//! Sample uploads and rows.

use super::DatabaseFixture;
use crate::message::{ConversationId, Message, Stamp, UserId};
use crate::store::{Claim, Taking};
use crate::time::Timestamp;
use crate::upload::{
    Appended, Binding, Chunk, Digests, Epoch, Length, Metadata, RunningDigest, State, Upload, UploadId,
};

pub fn user(name: &str) -> UserId {
    name.parse().expect("a valid user id")
}

pub fn conversation(number: u8) -> ConversationId {
    ConversationId::from_bytes([number; 12])
}

pub fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The binding to conversation 1.
pub fn binding(client_message_id: Option<&str>) -> Binding {
    Binding {
        conversation_id: conversation(1),
        content: Some("words".into()),
        reply_to: None,
        client_message_id: client_message_id.map(|id| id.parse().expect("a valid client message id")),
    }
}

/// A new upload of ten bytes by `ann`, not bound.
pub fn unbound() -> Upload {
    let metadata = Metadata::of([("filename", "a.mp4"), ("other", "thing")]);
    Upload::new(UploadId::random(), user("ann"), Length::Known(10), metadata, None, Digests::Every, at(1_000))
}

/// A new upload of ten bytes by `ann` to conversation 1.
pub fn bound(client_message_id: Option<&str>) -> Upload {
    Upload { binding: Some(binding(client_message_id)), ..unbound() }
}

/// A new upload of ten bytes by `ann` to conversation 1, with all of its bytes.
pub fn whole(client_message_id: Option<&str>) -> Upload {
    Upload { offset: 10, state: State::Complete, digest: digest(10), ..bound(client_message_id) }
}

/// The state of the digest of this many zeros.
pub fn digest(length: u64) -> Option<crate::upload::DigestState> {
    let mut running = RunningDigest::default();
    running.update(&vec![0; usize::try_from(length).expect("a small length")]);
    Some(running.state())
}

/// A row of an upload of ten bytes, which stays receiving.
pub fn row(offset: u64, length: u64) -> Appended {
    let chunk = Chunk { offset, length, at: at(2_000 + offset), digest: digest(offset + length) };
    Appended { chunk, length: Length::Known(10), state: State::Receiving, epoch: Epoch::FIRST }
}

/// The row up to the tenth byte, which completes the upload.
pub fn last_row(offset: u64) -> Appended {
    Appended { state: State::Complete, ..row(offset, 10 - offset) }
}

/// Stores an upload whose `client_message_id` must be free.
pub async fn store(store: &impl DatabaseFixture, upload: &Upload) -> UploadId {
    assert!(store.records().create(upload, Taking::IfFree).await.expect("stored").is_new());
    upload.id
}

/// Claims a complete upload's message.
pub async fn claim(store: &impl DatabaseFixture, id: UploadId) -> Stamp {
    match store.messages().claim(id, at(5_000)).await.expect("claimed") {
        Claim::Finalizing(stamp) => stamp,
        taken @ Claim::Taken { .. } => panic!("{taken:?}"),
    }
}

/// Commits a complete upload's message, which may be claimed already.
pub async fn commit(store: &impl DatabaseFixture, id: UploadId) -> Message {
    let stamp = claim(store, id).await;
    let message = found(store, id).await.message(stamp).expect("bound");
    store.messages().commit(&message, at(6_000)).await.expect("committed");
    message
}

/// Stores a whole upload and makes its message.
pub async fn message(store: &impl DatabaseFixture, upload: &Upload) -> Message {
    commit(store, self::store(store, upload).await).await
}

/// An upload that exists.
pub async fn found(store: &impl DatabaseFixture, id: UploadId) -> Upload {
    store.records().find(id).await.expect("readable").expect("there")
}

/// Moves an upload to another state, as its own state allows.
pub async fn transition(store: &impl DatabaseFixture, id: UploadId, to: &State) {
    let from = found(store, id).await.state;
    store.records().transition(id, Epoch::FIRST, &from, to).await.expect("changed");
}

//! A store whose parts are read once they are sealed, as those of an object store.

use super::*;
use crate::upload::{AppendRefusal, Binding, Concat};
use crate::uploads::NewFinal;

async fn house() -> House {
    House::over(Arc::new(MemoryPayloads::sealing())).await
}

async fn new(house: &House, is_partial: bool) -> UploadId {
    let (metadata, conversation) = (Metadata::default(), None);
    let new = NewUpload { length: Length::Known(6), metadata, conversation, is_partial };
    house.uploads.create(&ada(), new).await.expect("created").standing.upload.id
}

async fn read(house: &House, standing: &Standing) -> Vec<u8> {
    let pieces: Vec<_> = house.uploads.read(standing, 0..6).await.expect("there").collect().await;
    let pieces: Vec<_> = pieces.into_iter().map(|piece| piece.expect("readable")).collect();
    pieces.concat()
}

#[tokio::test(start_paused = true)]
async fn a_complete_upload_without_a_message_is_read() {
    let house = house().await;
    let id = new(&house, false).await;
    house.append(id, 0, broken(b"abc")).await.expect_err("it broke off");
    let standing = house.append(id, 3, body(&[b"def"])).await.expect("appended");
    let payloads = &house.stores.payloads;
    payloads.read(&Source::Part(id), 0..6).await.map(drop).expect("it was sealed when it was complete");
    assert_eq!(read(&house, &standing).await, b"abcdef");
}

#[tokio::test]
async fn an_upload_that_a_kill_left_unsealed_is_read() {
    let house = house().await;
    let id = new(&house, false).await;
    house.record_all(id, b"abcdef").await;
    assert!(house.stores.payloads.read(&Source::Part(id), 0..6).await.is_err(), "it is not sealed");
    let standing = house.uploads.status(&ada(), id).await.expect("there");
    assert_eq!(read(&house, &standing).await, b"abcdef");
}

#[tokio::test]
async fn parts_that_a_kill_left_unsealed_are_joined() {
    let house = house().await;
    let [one, other] = [new(&house, true).await, new(&house, true).await];
    house.record_all(one, b"abcdef").await;
    house.append(other, 0, body(&[b"ghijkl"])).await.expect("appended");
    let Ok(Concat::Final(parts)) = Concat::parse(&format!("final;/files/{one} /files/{other}")) else {
        panic!("two parts")
    };
    let new = NewFinal { parts, metadata: bound(&[]), conversation: None };
    let whole = house.uploads.concatenate(&ada(), new).await.expect("created").standing.upload.id;
    let message = house.uploads.head(&ada(), whole).await.expect("joined").message.expect("made");
    assert_eq!(message.file_size, 12);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_begins_again_is_told_where_to_go_on_though_nothing_can_be_compared() {
    let house = house().await;
    let id =
        house.create(6, &bound(&[("client_message_id", "c")])).await.expect("created").standing.upload.id;
    house.append(id, 0, broken(b"abc")).await.expect_err("it broke off");
    let refused = house.append(id, 0, body(&[b"abcdef"])).await;
    let told = AppendRefusal::OffsetMismatch { current: 3 };
    assert!(matches!(refused, Err(UploadError::Append(refusal)) if refusal == told), "{refused:?}");
    assert!(house.append(id, 3, body(&[b"def"])).await.expect("appended").message.is_some());
}

/// Neither has a digest, so that the bytes decide.
#[tokio::test]
async fn a_file_that_is_sent_again_is_compared() {
    for (again, is_same) in [(&b"abcdef"[..], true), (&b"abcdeF"[..], false)] {
        let limits = Limits { digests: Digests::Off, ..limits() };
        let house = House::with(Arc::new(MemoryPayloads::sealing()), limits).await;
        let metadata = bound(&[("client_message_id", "c")]);
        let first = house.create(6, &metadata).await.expect("created").standing.upload.id;
        let message = house.append(first, 0, body(&[b"abcdef"])).await.expect("appended").message;
        let second = new(&house, false).await;
        house.append(second, 0, body(&[again])).await.expect("appended");
        let binding = Binding::of_creation(&metadata, None).expect("valid").expect("bound");
        let bound = house.uploads.bind(&ada(), second, binding).await;
        assert_eq!(bound.ok().map(|standing| standing.message), is_same.then_some(message), "{again:?}");
    }
}

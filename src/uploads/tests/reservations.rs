//! The bounds of unfinished uploads.

use super::*;
use crate::upload::{Binding, Concat};
use crate::uploads::{NewFinal, OneShot};

const FEW: Limits = Limits {
    max_upload_size: MAX * 64,
    expire_after_secs: 60,
    result_window_secs: 86_400,
    body_idle: Duration::from_secs(5),
    max_unfinished: 3,
    max_reserved_bytes: MAX * 32,
    lapse_after: Duration::from_secs(120),
    digests: Digests::Every,
};

async fn house() -> (House, MemoryPayloads) {
    let payloads = MemoryPayloads::default();
    (House::with(Arc::new(payloads.clone()), FEW).await, payloads)
}

async fn partial(house: &House, length: Length) -> Result<UploadId, UploadError> {
    let new = NewUpload { length, metadata: Metadata::default(), conversation: None, is_partial: true };
    house.uploads.create(&ada(), new).await.map(|creation| creation.standing.upload.id)
}

async fn join(house: &House, parts: &[UploadId]) -> Result<Creation, UploadError> {
    let urls: Vec<_> = parts.iter().map(|id| format!("/files/{id}")).collect();
    let Ok(Concat::Final(parts)) = Concat::parse(&format!("final;{}", urls.join(" "))) else { panic!() };
    let new = NewFinal { parts, metadata: Metadata::default(), conversation: None };
    house.uploads.concatenate(&ada(), new).await
}

async fn patch(
    house: &House,
    id: UploadId,
    bytes: &[u8],
    length: Option<u64>,
) -> Result<Standing, UploadError> {
    let content_length = Some(bytes.len() as u64);
    let request = AppendRequest { offset: 0, content_length, upload_length: length };
    house.uploads.append(&ada(), id, request, body(&[bytes])).await
}

#[tokio::test]
async fn whoever_has_too_many_unfinished_uploads_makes_no_more_until_one_is_done() {
    let (house, _) = house().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(house.create(4, &bound(&[])).await.expect("allowed").standing.upload.id);
    }
    assert!(matches!(house.create(4, &bound(&[])).await, Err(UploadError::TooManyUnfinished(_))));
    let others =
        NewUpload { length: Length::Known(4), metadata: bound(&[]), conversation: None, is_partial: false };
    house.uploads.create(&bob(), others).await.expect("another user's count is another one");
    house.append(ids[0], 0, body(&[b"done"])).await.expect("its message stands");
    ids.push(house.create(4, &bound(&[])).await.expect("room for one").standing.upload.id);
    assert!(house.create(4, &bound(&[])).await.is_err());
    house.uploads.terminate(&ada(), ids[1]).await.expect("ended");
    house.create(4, &bound(&[])).await.expect("room for one");
    house.uploads.sweep(Timestamp::now().plus_secs(61)).await.expect("swept");
    for _ in 0..3 {
        house.create(4, &bound(&[])).await.expect("all have expired");
    }
}

#[tokio::test]
async fn a_creation_that_is_repeated_needs_no_room() {
    let (house, payloads) = house().await;
    let metadata = bound(&[("client_message_id", "one")]);
    let first = house.create(MAX * 2, &metadata).await.expect("created");
    for _ in 0..2 {
        house.create(1, &bound(&[])).await.expect("created");
    }
    payloads.set_room(0);
    let again = house.create(MAX * 2, &metadata).await.expect("found");
    assert!(again.existed && again.standing.upload.id == first.standing.upload.id);
}

#[tokio::test]
async fn parts_and_what_waits_for_them_are_unfinished_uploads() {
    let (house, _) = house().await;
    let parts = [partial(&house, Length::Known(2)).await, partial(&house, Length::Known(2)).await];
    let parts = parts.map(|part| part.expect("created"));
    let waiting = join(&house, &parts).await.expect("the third");
    assert!(matches!(partial(&house, Length::Known(2)).await, Err(UploadError::TooManyUnfinished(_))));
    assert!(matches!(join(&house, &parts[..1]).await, Err(UploadError::TooManyUnfinished(_))));
    let again = join(&house, &parts).await.expect("the same");
    assert!(again.existed && again.standing.upload.id == waiting.standing.upload.id);
}

#[tokio::test]
async fn the_bytes_of_unfinished_uploads_are_limited() {
    let (house, _) = house().await;
    house.create(MAX * 31, &bound(&[])).await.expect("allowed");
    assert!(matches!(house.create(MAX + 1, &bound(&[])).await, Err(UploadError::TooMuchReserved(_))));
    let deferred = partial(&house, Length::Deferred).await.expect("allowed");
    let declared = patch(&house, deferred, b"ab", Some(MAX + 1)).await;
    assert!(matches!(declared, Err(UploadError::NoMoreBytes(_))), "{declared:?}");
    patch(&house, deferred, b"ab", Some(MAX)).await.expect("just allowed");
}

/// An upload without a declared length is stopped where there is no room, and keeps what it has.
#[tokio::test]
async fn an_endless_body_ends_where_there_is_no_more_room() {
    let (house, payloads) = house().await;
    house.create(MAX * 20, &bound(&[])).await.expect("allowed");
    let id = partial(&house, Length::Deferred).await.expect("allowed");
    let piece = vec![0; 1 << 20];
    let endless =
        stream::iter(std::iter::repeat_with(move || Ok(BodyFrame::Data(Bytes::copy_from_slice(&piece)))));
    let refused = house.append(id, 0, unchecked(endless)).await;
    assert!(matches!(refused, Err(UploadError::NoMoreBytes(_))), "{refused:?}");
    let kept = house.offset(id).await;
    assert!((MAX * 12..=MAX * 20).contains(&kept), "{kept}");
    payloads.set_room(MAX * 19);
    house.uploads.terminate(&ada(), id).await.expect("ended");
    let id = partial(&house, Length::Deferred).await.expect_err("all that there is was promised");
    assert!(matches!(id, UploadError::NoRoom));
}

/// Both uploads began when there was room for either.
#[tokio::test]
async fn who_was_admitted_is_not_starved_by_those_who_come_later() {
    let (house, payloads) = house().await;
    payloads.set_room(MAX * 8);
    let first = house.create(MAX * 6, &bound(&[])).await.expect("fits").standing.upload.id;
    assert!(matches!(house.create(MAX * 6, &bound(&[])).await, Err(UploadError::NoRoom)));
    let mut one_shot = one_shot(&house);
    let refused = one_shot.write(Bytes::from(vec![0; 3 << 20])).await;
    assert!(matches!(refused, Err(UploadError::NoRoom)), "{refused:?}");
    patch(&house, first, &vec![0; 6 << 20], None).await.expect("was promised");
    house.create(MAX * 6, &bound(&[])).await.expect("the first one needs nothing more");
}

fn one_shot(house: &House) -> OneShot {
    house.uploads.one_shot(bob(), MAX * 64)
}

#[tokio::test]
async fn a_one_shot_is_not_unfinished() {
    let (house, _) = house().await;
    for _ in 0..5 {
        let mut one_shot = house.uploads.one_shot(ada(), MAX);
        one_shot.write(Bytes::from_static(b"x")).await.expect("room");
        let conversation_id = conversation();
        let binding = Binding { conversation_id, content: None, reply_to: None, client_message_id: None };
        one_shot.finish(bound(&[]), binding).await.expect("a message");
    }
    house.create(1, &bound(&[])).await.expect("nothing else is counted");
}

#[tokio::test]
async fn what_a_user_holds_is_known_at_once_after_a_start_and_on_another_node() {
    let (memory, payloads) = (Arc::new(Memory::new()), Arc::new(MemoryPayloads::default()));
    let start = async || {
        let (memory, payloads) = (Arc::clone(&memory), payloads.clone());
        House::of(memory.stores(payloads), FEW, None).await
    };
    let house = start().await;
    for _ in 0..2 {
        house.create(4, &bound(&[])).await.expect("allowed");
    }
    let other = start().await;
    other.create(4, &bound(&[])).await.expect("the third");
    for house in [house, other] {
        let refused = house.create(4, &bound(&[])).await;
        assert!(matches!(refused, Err(UploadError::TooManyUnfinished(3))), "{refused:?}");
    }
}

//! Final uploads: when their creation is answered, and with what.

use futures_util::FutureExt;

use super::slow::Slow;
use super::*;
use crate::upload::{Concat, Parts, RejectionReason};
use crate::uploads::NewFinal;

over_both! {
    unfinished_parts_are_not_waited_for,
    an_upload_without_a_conversation_is_answered_when_it_is_whole,
    a_rejection_is_the_answer_however_often_it_is_asked_for,
    parts_that_are_there_overtake_an_unfinished_upload_with_the_same_id,
}

/// A partial upload of this length.
async fn part(house: &House, length: u64) -> UploadId {
    let metadata = Metadata::default();
    let new = NewUpload { length: Length::Known(length), metadata, conversation: None, is_partial: true };
    house.uploads.create(&ada(), new).await.expect("created").standing.upload.id
}

async fn whole_part(house: &House, bytes: &[u8]) -> UploadId {
    let id = part(house, u64::try_from(bytes.len()).expect("small")).await;
    house.append(id, 0, body(&[bytes])).await.expect("appended");
    id
}

fn parts(ids: &[UploadId]) -> Parts {
    let urls: Vec<_> = ids.iter().map(|id| format!("/files/{id}")).collect();
    match Concat::parse(&format!("final;{}", urls.join(" "))) {
        Ok(Concat::Final(parts)) => parts,
        other => panic!("{other:?}"),
    }
}

async fn join(house: &House, ids: &[UploadId], metadata: Metadata) -> Result<Creation, UploadError> {
    let new = NewFinal { parts: parts(ids), metadata, conversation: None };
    house.uploads.concatenate(&ada(), new).await
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_answered_with_the_message_or_not_at_all() {
    let slow = Arc::new(Slow::default());
    let house = House::over(slow.clone()).await;
    let ids = [whole_part(&house, b"hello ").await, whole_part(&house, b"world").await];
    let (writes, _syncs) = slow.busy();
    for _ in 0..2 {
        let answer = join(&house, &ids, bound(&[])).await;
        assert!(matches!(answer, Err(UploadError::Busy)), "{answer:?}");
        assert_eq!(house.messages().await, []);
    }
    writes.add_permits(2);
    let creation = join(&house, &ids, bound(&[])).await.expect("joined");
    assert!(creation.existed);
    assert_eq!(creation.standing.message.map(|message| message.id), Some(house.messages().await[0].id));
    assert_eq!(house.messages().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_keeps_nobody_waiting_for_a_join() {
    let slow = Arc::new(Slow::default());
    let house = House::over(slow.clone()).await;
    let ids = [whole_part(&house, b"hello").await];
    let _permits = slow.busy();
    let mut waiting = Box::pin(join(&house, &ids, bound(&[])));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    house.draining.cancel();
    assert!(matches!(waiting.now_or_never(), Some(Err(UploadError::Busy))));
}

async fn unfinished_parts_are_not_waited_for(house: House) {
    let ids = [whole_part(&house, b"hello ").await, part(&house, 5).await];
    let creation = join(&house, &ids, bound(&[])).await.expect("answered");
    assert!(creation.standing.upload.awaited_parts().is_some());
    house.append(ids[1], 0, body(&[b"world"])).await.expect("appended");
    let again = join(&house, &ids, bound(&[])).await.expect("joined");
    assert!(again.existed && again.standing.message.is_some());
}

async fn an_upload_without_a_conversation_is_answered_when_it_is_whole(house: House) {
    let ids = [whole_part(&house, b"hello ").await, whole_part(&house, b"world").await];
    let Creation { standing, existed } = join(&house, &ids, Metadata::default()).await.expect("joined");
    assert_eq!((standing.upload.state, standing.upload.offset, existed), (State::Complete, 11, false));
}

async fn a_rejection_is_the_answer_however_often_it_is_asked_for(house: House) {
    let ids = [whole_part(&house, b"hello").await];
    let wrong = bound(&[("sha256", &"00".repeat(32))]);
    for _ in 0..2 {
        let answer = join(&house, &ids, wrong.clone()).await;
        assert!(matches!(answer, Err(UploadError::Rejected(RejectionReason::DigestMismatch))), "{answer:?}");
    }
    assert_eq!(house.parts().await, 1, "the part");
    assert!(join(&house, &ids, bound(&[])).await.expect("joined").standing.message.is_some());
}

/// Otherwise its client would take an upload's location for success, though the upload may never get its
/// bytes.
async fn parts_that_are_there_overtake_an_unfinished_upload_with_the_same_id(house: House) {
    let mine = bound(&[("client_message_id", "mine")]);
    let abandoned = house.create(5, &mine).await.expect("created").standing.upload.id;
    let ids = [whole_part(&house, b"hello").await];
    let creation = join(&house, &ids, mine.clone()).await.expect("joined");
    let message = creation.standing.message.expect("made");
    assert_ne!(creation.standing.upload.id, abandoned);
    let late = house.append(abandoned, 0, body(&[b"hello"])).await.expect("appended");
    assert_eq!(late.message, Some(message));
    assert_eq!(house.messages().await.len(), 1);
}

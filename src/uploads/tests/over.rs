//! Uploads whose message was made long ago.

use super::*;
use crate::upload::{Concat, RejectionReason};
use crate::uploads::NewFinal;

const DAY: u64 = 24 * 60 * 60;

impl House {
    /// A house that tells of uploads for this many seconds after their messages.
    async fn with_window(secs: u64) -> Self {
        let limits = Limits { result_window_secs: secs, ..limits() };
        Self::with(Arc::new(MemoryPayloads::default()), limits).await
    }

    async fn made(&self, metadata: &Metadata, bytes: &[u8]) -> Standing {
        let new = NewUpload {
            length: Length::Known(u64::try_from(bytes.len()).expect("small")),
            metadata: metadata.clone(),
            conversation: None,
            is_partial: false,
        };
        self.uploads.create_with(&ada(), new, None, body(&[bytes])).await.expect("made").standing
    }

    async fn publish(&self) {
        let ids: Vec<_> = self.messages().await.iter().map(|message| message.id).collect();
        self.stores.messages.published(&ids).await.expect("memory");
    }
}

#[tokio::test]
async fn a_published_message_ends_its_upload_and_nothing_else_does() {
    let house = House::with_window(0).await;
    let id = house.made(&bound(&[]), b"abc").await.upload.id;
    assert!(house.uploads.head(&ada(), id).await.expect("not published yet").message.is_some());
    house.publish().await;
    for outcome in [
        house.uploads.head(&ada(), id).await.map(drop),
        house.uploads.status(&ada(), id).await.map(drop),
        house.append(id, 3, body(&[])).await.map(drop),
        house.append(id, 0, body(&[b"abc"])).await.map(drop),
        house.uploads.terminate(&ada(), id).await,
    ] {
        assert!(matches!(outcome, Err(UploadError::Over)), "{outcome:?}");
    }
    assert_eq!(house.messages().await.len(), 1);

    let house = House::with_window(DAY).await;
    let id = house.made(&bound(&[]), b"abc").await.upload.id;
    house.publish().await;
    assert!(house.uploads.head(&ada(), id).await.expect("a day has not passed").message.is_some());
}

#[tokio::test]
async fn the_record_goes_when_nobody_can_ask_for_it_any_more() {
    let house = House::with_window(DAY).await;
    let metadata = bound(&[("client_message_id", "c")]);
    let Standing { upload, message, .. } = house.made(&metadata, b"abc").await;
    let in_two_days = Timestamp::now().plus_secs(2 * DAY + 1);
    assert_eq!(house.uploads.sweep(in_two_days).await.expect("memory"), 0, "not published");
    house.publish().await;
    let too_early = Timestamp::now().plus_secs(2 * DAY - 60);
    assert_eq!(house.uploads.sweep(too_early).await.expect("memory"), 0);
    assert_eq!(house.uploads.sweep(in_two_days).await.expect("memory"), 1);
    assert_eq!(house.stores.records.find(upload.id).await.expect("memory"), None);
    assert!(matches!(house.uploads.head(&ada(), upload.id).await, Err(UploadError::NotFound)));
    assert_eq!(house.uploads.sweep(in_two_days).await.expect("memory"), 0);
    // The message and its file are unchanged.
    assert_eq!(house.messages().await, [message.expect("made")]);
}

/// Whether the upload is over, ended by its owner, or gone, its message keeps the `client_message_id`.
#[tokio::test]
async fn a_client_message_id_outlives_its_upload() {
    enum End {
        Over,
        Ended,
        Gone,
    }
    for end in [End::Over, End::Ended, End::Gone] {
        let house = House::with_window(if matches!(end, End::Over) { 0 } else { DAY }).await;
        let metadata = bound(&[("client_message_id", "c")]);
        let first = house.made(&metadata, b"abc").await;
        house.publish().await;
        match end {
            End::Over => {}
            End::Ended => house.uploads.terminate(&ada(), first.upload.id).await.expect("ended"),
            End::Gone => {
                let late = Timestamp::now().plus_secs(3 * DAY);
                assert_eq!(house.uploads.sweep(late).await.expect("memory"), 1);
            }
        }
        let again = house.create(3, &metadata).await.expect("a new one");
        assert!(!again.existed && again.standing.upload.id != first.upload.id);
        assert_eq!((again.standing.upload.offset, again.standing.message), (0, None));
        let done = house.append(again.standing.upload.id, 0, body(&[b"abc"])).await.expect("the same");
        assert_eq!(done.message, first.message);
        let other = house.create(3, &metadata).await.expect("a new one").standing.upload.id;
        let refused = house.append(other, 0, body(&[b"abX"])).await;
        let reason = RejectionReason::AnotherFile;
        assert!(matches!(refused, Err(UploadError::Rejected(why)) if why == reason), "{refused:?}");
        let longer = house.create(4, &metadata).await;
        assert!(matches!(longer, Err(UploadError::AnotherFile)), "{longer:?}");
        assert_eq!((house.messages().await.len(), house.parts().await), (1, 0));
    }
}

/// The upload has the same id again, and its parts may still exist.
#[tokio::test]
async fn a_final_upload_that_is_asked_for_after_its_end_is_the_same_message() {
    let house = House::with_window(0).await;
    let new = NewUpload {
        length: Length::Known(3),
        metadata: Metadata::default(),
        conversation: None,
        is_partial: true,
    };
    let part = house.uploads.create_with(&ada(), new, None, body(&[b"abc"])).await.expect("created");
    let concat = Concat::parse(&format!("final;/files/{}", part.standing.upload.id));
    let Ok(Concat::Final(parts)) = concat else { panic!("{concat:?}") };
    let asked = || NewFinal { parts: parts.clone(), metadata: bound(&[]), conversation: None };
    let first = house.uploads.concatenate(&ada(), asked()).await.expect("created").standing;
    house.publish().await;
    assert!(matches!(house.uploads.head(&ada(), first.upload.id).await, Err(UploadError::Over)));
    // The record stays as long as the parts may exist.
    assert_eq!(house.uploads.sweep(Timestamp::now().plus_secs(59)).await.expect("memory"), 0);
    let again = house.uploads.concatenate(&ada(), asked()).await.expect("found").standing;
    assert_eq!(again.message.map(|message| message.id), first.message.map(|message| message.id));
    assert_eq!(house.messages().await.len(), 1);
}

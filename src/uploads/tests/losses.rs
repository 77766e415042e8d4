//! Uploads whose message was claimed before it was found that their bytes are lost.

use super::*;
use crate::store::{Claim, Place, Taking};
use crate::upload::{Bounds, RejectionReason, Upload};

over_both!(
    lost_bytes_of_a_claimed_message_end_its_upload,
    a_kill_after_lost_bytes_were_given_up_leaves_the_rejection_to_the_next_drive,
    an_upload_that_waits_for_a_lost_one_becomes_the_message,
);

const FILE: &[u8] = b"abc";

impl House {
    /// An upload with all of its bytes and its message claimed, as the last row leaves it.
    async fn claimed(&self) -> (Upload, Place) {
        let metadata = bound(&[("client_message_id", "c")]);
        let id = self.create(3, &metadata).await.expect("created").standing.upload.id;
        self.record_all(id, FILE).await;
        let claim = self.stores.messages.claim(id, Timestamp::now()).await.expect("claimed");
        let Claim::Finalizing(stamp) = claim else { panic!("{claim:?}") };
        let upload = self.stores.records.find(id).await.expect("readable").expect("recorded");
        let place = Place::of(&upload.message(stamp).expect("bound"));
        (upload, place)
    }

    async fn is_rejected(&self, id: UploadId) {
        let reason = RejectionReason::Damaged;
        let head = self.uploads.head(&ada(), id).await;
        assert!(matches!(head, Err(UploadError::Rejected(why)) if why == reason), "{head:?}");
        assert_eq!(self.uploads.status(&ada(), id).await.expect("recorded").state(), "rejected");
        assert_eq!((self.parts().await, self.messages().await), (0, Vec::new()));
        assert_eq!(self.stores.records.held(&ada()).await.expect("readable").uploads, 0);
        let metadata = bound(&[("client_message_id", "c")]);
        let again = self.create(3, &metadata).await;
        assert!(matches!(again, Err(UploadError::Rejected(why)) if why == reason), "{again:?}");
        self.uploads.terminate(&ada(), id).await.expect("ended");
        let anew = self.create(3, &metadata).await.expect("the id is free");
        assert_eq!(anew.standing.upload.offset, 0);
    }
}

async fn lost_bytes_of_a_claimed_message_end_its_upload(house: House) {
    let (upload, _) = house.claimed().await;
    house.stores.payloads.discard(upload.id).await.expect("gone");
    house.is_rejected(upload.id).await;
}

async fn a_kill_after_lost_bytes_were_given_up_leaves_the_rejection_to_the_next_drive(house: House) {
    let (upload, place) = house.claimed().await;
    house.stores.payloads.discard(upload.id).await.expect("gone");
    assert!(house.stores.payloads.give_up(upload.id, 3, &place).await.expect("given up"));
    house.is_rejected(upload.id).await;
}

async fn an_upload_that_waits_for_a_lost_one_becomes_the_message(house: House) {
    let (lost, _) = house.claimed().await;
    let second = UploadId::random();
    let mut sink = house.stores.payloads.open(second, Epoch::FIRST, 0).await.expect("opened");
    sink.sync(vec![Bytes::from_static(FILE)]).await.expect("synced");
    drop(sink);
    let waits = Upload { id: second, state: State::Complete, ..lost.clone() };
    let records = &house.stores.records;
    let stored = records.create_with(&waits, Taking::Beside, Bounds::NONE, None).await.expect("answered");
    assert!(stored.is_new());
    house.stores.payloads.discard(lost.id).await.expect("gone");
    let standing = house.uploads.head(&ada(), waits.id).await.expect("its message stands");
    assert_eq!(standing.message.map(|message| message.upload_id), Some(waits.id.uuid()));
    assert_eq!(house.messages().await.len(), 1);
}

/// A kill came after the file was moved, and then the file was lost.
#[tokio::test]
async fn what_placing_left_of_a_lost_file_is_freed() {
    let house = House::embedded().await;
    let (upload, place) = house.claimed().await;
    house.stores.payloads.place(upload.id, 3, &place).await.expect("placed");
    let chats = house.folder().join("chats");
    let folder = chats.join(place.message.to_string());
    std::fs::write(folder.join(&place.file_name), b"a").expect("cut");
    house.is_rejected(upload.id).await;
    assert_eq!(std::fs::read_dir(chats).expect("there").count(), 0);
}

/// As one on a disk that is not mounted at the moment.
#[tokio::test]
async fn a_folder_that_is_away_is_no_loss() {
    let house = House::embedded().await;
    let (upload, _) = house.claimed().await;
    let (parts, away) = (house.folder().join("parts"), house.folder().join("away"));
    std::fs::rename(&parts, &away).expect("moved");
    let head = house.uploads.head(&ada(), upload.id).await;
    assert!(matches!(head, Err(UploadError::Busy)), "{head:?}");
    std::fs::rename(&away, &parts).expect("moved");
    let standing = house.uploads.head(&ada(), upload.id).await.expect("its message stands");
    assert!(standing.message.is_some());
}

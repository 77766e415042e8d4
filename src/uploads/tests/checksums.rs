//! Bytes that are checked before they count, over every kind of payload store.

use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::slow::Slow;
use super::*;
use crate::store::Durability;
use crate::store::disk::Disk;
use crate::store::sled::{SledPayloads, SledStore};
use crate::upload::{AppendRefusal, CheckError, ChecksumError, TrailingChecksum, Upload};

over_both! {
    draining_with_a_checksum_open_leaves_nothing,
    a_mismatch_declares_no_length,
    a_creation_that_does_not_match_leaves_no_upload,
    nothing_is_checked_as_well,
    a_complete_upload_takes_no_byte_of_a_body_of_unknown_length,
}

/// A house over each payload store, and the folder of the store.
async fn houses() -> Vec<(House, Option<TempDir>)> {
    let [disk, sled] = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
    let files = Disk::open(disk.path(), Durability::Process, 0).expect("opened");
    let store = SledStore::open(&sled.path().join("records"), Durability::Process).expect("opened");
    let blocks = SledPayloads::new(&store, sled.path(), 0, MAX);
    vec![
        (House::new().await, None),
        (House::over(Arc::new(files)).await, Some(disk)),
        (House::over(Arc::new(blocks)).await, Some(sled)),
    ]
}

/// Bytes that are too many to be summed up on the caller's thread, and no round number.
fn large() -> Vec<u8> {
    (0..700_001u32).map(|at| u8::try_from((at ^ (at >> 8)) & 0xff).expect("eight bits")).collect()
}

fn given(pieces: &[&[u8]], checksum: Checksum) -> Body {
    Body::new(frames(pieces), Verification::Given(checksum))
}

fn trailing(pieces: &[&[u8]], trailer: Option<TrailingChecksum>) -> Body {
    let last = stream::iter(trailer.map(|checksum| Ok(BodyFrame::Checksum(checksum))));
    Body::new(Box::pin(frames(pieces).chain(last)), Verification::Trailing)
}

impl House {
    async fn record(&self, id: UploadId) -> Upload {
        self.stores.records.find(id).await.expect("memory").expect("recorded")
    }

    /// Asserts that the upload has become a message of these bytes.
    async fn made_of(&self, standing: Standing, bytes: &[u8]) {
        let length = u64::try_from(bytes.len()).expect("small");
        assert_eq!(standing.message.as_ref().expect("made").file_size, length);
        let stream = self.uploads.read(&standing, 0..length).await.expect("readable");
        let pieces: Vec<_> = stream.map(|piece| piece.expect("readable")).collect().await;
        assert!(pieces.concat() == bytes, "the message has the bytes that were sent");
    }
}

#[tokio::test]
async fn bytes_that_match_are_kept() {
    let all = large();
    let (first, second) = all.split_at(300_000);
    for (house, _folder) in houses().await {
        let id = house.create(700_001, &bound(&[])).await.expect("created").standing.upload.id;
        let pieces: Vec<_> = first.chunks(100_003).collect();
        house.append(id, 0, given(&pieces, crc32(first))).await.expect("matches");
        assert_eq!(house.offset(id).await, 300_000);
        let pieces: Vec<_> = second.chunks(90_001).collect();
        let last = house.append(id, 300_000, trailing(&pieces, Some(Ok(crc32(second))))).await;
        house.made_of(last.expect("matches"), &all).await;
    }
}

#[tokio::test]
async fn bytes_that_do_not_match_leave_nothing() {
    let all = large();
    let (first, second) = all.split_at(5);
    for (house, _folder) in houses().await {
        let id = house.create(700_001, &bound(&[])).await.expect("created").standing.upload.id;
        house.append(id, 0, body(&[first])).await.expect("appended");
        let before = house.record(id).await;
        for wrong in [
            given(&[&[1; 40_000], &[2; 400_000]], crc32(second)),
            given(&[b"x"], crc32(b"y")),
            given(&[], crc32(b"y")),
            trailing(&[&[1; 40_000], &[2; 400_000]], Some(Ok(crc32(second)))),
            trailing(&[&vec![3; second.len()]], Some(Ok(crc32(second)))),
        ] {
            let outcome = house.append(id, 5, wrong).await;
            assert!(matches!(outcome, Err(UploadError::Checksum(CheckError::Mismatch))), "{outcome:?}");
            assert_eq!(house.record(id).await, before);
        }
        let last = house.append(id, 5, given(&[second], crc32(second))).await.expect("matches");
        assert_eq!(last.upload.sha256(), last.message.as_ref().and_then(|message| message.sha256));
        house.made_of(last, &all).await;
    }
}

#[tokio::test]
async fn a_trailer_that_is_none_leaves_nothing() {
    for (house, _folder) in houses().await {
        let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
        let before = house.record(id).await;
        let right = || Some(Ok(crc32(b"abcdef")));
        let twice =
            Body { verification: Verification::Given(crc32(b"abcdef")), ..trailing(&[b"abcdef"], right()) };
        let unannounced = Body { verification: Verification::None, ..trailing(&[b"abcdef"], right()) };
        for (wrong, expected) in [
            (trailing(&[b"abcdef"], None), CheckError::Missing),
            (
                trailing(&[b"abcdef"], Some(Err(ChecksumError::Malformed))),
                CheckError::Unusable(ChecksumError::Malformed),
            ),
            (twice, CheckError::Twice),
            (unannounced, CheckError::Unannounced),
        ] {
            let outcome = house.append(id, 0, wrong).await;
            assert!(matches!(outcome, Err(UploadError::Checksum(why)) if why == expected), "{outcome:?}");
            assert_eq!(house.record(id).await, before);
        }
    }
}

#[tokio::test]
async fn a_request_that_is_cut_with_a_checksum_open_leaves_nothing() {
    for (house, _folder) in houses().await {
        let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
        house.append(id, 0, body(&[b"ab"])).await.expect("appended");
        let before = house.record(id).await;
        for verification in [Verification::Given(crc32(b"cde")), Verification::Trailing] {
            let outcome = house.append(id, 2, Body { verification, ..broken(b"cde") }).await;
            assert!(matches!(outcome, Err(UploadError::BodyBroken)), "{outcome:?}");
            assert_eq!(house.record(id).await, before);
        }
        let outcome = house.append(id, 2, given(&[b"cd", b"efg"], crc32(b"cdefg"))).await;
        assert!(matches!(outcome, Err(UploadError::Append(AppendRefusal::TooLong))), "{outcome:?}");
        assert_eq!(house.record(id).await, before);
        let last = house.append(id, 2, body(&[b"cdef"])).await.expect("appended");
        house.made_of(last, b"abcdef").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_body_with_a_checksum_open_leaves_nothing() {
    let house = House::new().await;
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let before = house.record(id).await;
    let idle = Body { verification: Verification::Trailing, ..stalled(b"abcdef") };
    let outcome = house.append(id, 0, idle).await;
    assert!(matches!(outcome, Err(UploadError::BodyIdle)), "{outcome:?}");
    assert_eq!(house.record(id).await, before);
}

async fn draining_with_a_checksum_open_leaves_nothing(house: House) {
    let id = house.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let before = house.record(id).await;
    house.draining.cancel();
    let outcome = house.append(id, 0, Body { verification: Verification::Trailing, ..stalled(b"ab") }).await;
    assert!(matches!(outcome, Err(UploadError::Busy)), "{outcome:?}");
    assert_eq!(house.record(id).await, before);
}

async fn a_mismatch_declares_no_length(house: House) {
    let new =
        NewUpload { length: Length::Deferred, metadata: bound(&[]), conversation: None, is_partial: false };
    let id = house.uploads.create(&ada(), new).await.expect("created").standing.upload.id;
    let before = house.record(id).await;
    let request = AppendRequest { offset: 0, content_length: Some(3), upload_length: Some(3) };
    let wrong = given(&[b"abc"], crc32(b"abd"));
    assert!(house.uploads.append(&ada(), id, request, wrong).await.is_err());
    assert_eq!(house.record(id).await, before);
    let right = given(&[b"abc"], crc32(b"abc"));
    let last = house.uploads.append(&ada(), id, request, right).await.expect("matches");
    house.made_of(last, b"abc").await;
}

async fn a_creation_that_does_not_match_leaves_no_upload(house: House) {
    let new = |length| NewUpload {
        length: Length::Known(length),
        metadata: bound(&[("client_message_id", "c")]),
        conversation: None,
        is_partial: false,
    };
    let wrong = || given(&[b"abc"], crc32(b"abd"));
    for length in [3, 4] {
        let outcome = house.uploads.create_with(&ada(), new(length), Some(3), wrong()).await;
        assert!(matches!(outcome, Err(UploadError::Checksum(CheckError::Mismatch))), "{outcome:?}");
        assert_eq!(house.stores.records.unfinished(&ada(), 10).await.expect("memory"), []);
        assert_eq!(house.parts().await, 0);
    }
    // An upload that another request created is not this one's to end.
    let id = house.uploads.create(&ada(), new(3)).await.expect("created").standing.upload.id;
    assert!(house.uploads.create_with(&ada(), new(3), Some(3), wrong()).await.is_err());
    assert_eq!(house.offset(id).await, 0);
    let right = given(&[b"abc"], crc32(b"abc"));
    let creation = house.uploads.create_with(&ada(), new(3), Some(3), right).await.expect("matches");
    assert_eq!((creation.standing.upload.id, creation.existed), (id, true));
    house.made_of(creation.standing, b"abc").await;
}

async fn nothing_is_checked_as_well(house: House) {
    let done = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    house.append(done, 0, body(&[b"abc"])).await.expect("appended");
    let open = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    for (id, offset) in [(done, 3), (open, 0)] {
        house.append(id, offset, given(&[], crc32(b""))).await.expect("matches");
        house.append(id, offset, trailing(&[b""], Some(Ok(crc32(b""))))).await.expect("matches");
        let outcome = house.append(id, offset, given(&[b""], crc32(b"x"))).await;
        assert!(matches!(outcome, Err(UploadError::Checksum(CheckError::Mismatch))), "{outcome:?}");
        let outcome = house.append(id, offset, trailing(&[], None)).await;
        assert!(matches!(outcome, Err(UploadError::Checksum(CheckError::Missing))), "{outcome:?}");
    }
    let new =
        NewUpload { length: Length::Known(0), metadata: bound(&[]), conversation: None, is_partial: false };
    let wrong = given(&[], crc32(b"x"));
    let outcome = house.uploads.create_with(&ada(), new.clone(), None, wrong).await;
    assert!(matches!(outcome, Err(UploadError::Checksum(CheckError::Mismatch))), "{outcome:?}");
    let bytes = house.uploads.create_with(&ada(), new.clone(), None, body(&[b"x"])).await;
    assert!(matches!(bytes, Err(UploadError::Append(AppendRefusal::TooLong))), "{bytes:?}");
    assert_eq!(house.messages().await.len(), 1);
    let right = house.uploads.create_with(&ada(), new, None, given(&[], crc32(b""))).await;
    assert!(right.expect("matches").standing.message.is_some());
}

async fn a_complete_upload_takes_no_byte_of_a_body_of_unknown_length(house: House) {
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    house.append(id, 0, body(&[b"abc"])).await.expect("appended");
    let outcome = house.append(id, 3, body(&[b"", b"d"])).await;
    assert!(matches!(outcome, Err(UploadError::Append(AppendRefusal::TooLong))), "{outcome:?}");
    assert!(house.append(id, 3, body(&[b""])).await.expect("asked again").message.is_some());
}

/// A write that lands after the next writer has cut the part would be damage that no record shows.
#[tokio::test(start_paused = true)]
async fn the_upload_is_let_go_only_when_no_write_is_under_way() {
    let slow = Slow::default();
    let (permits, _) = slow.busy();
    let house = House::over(Arc::new(slow)).await;
    let (part, whole) = (vec![b'u'; 100_000], vec![b'a'; 200_000]);
    let id = house.create(200_000, &bound(&[])).await.expect("created").standing.upload.id;
    let request = AppendRequest { offset: 0, content_length: None, upload_length: None };
    let uploads = Arc::clone(&house.uploads);
    let dead = Body { verification: Verification::Trailing, ..stalled(&part) };
    let dead = tokio::spawn(async move { uploads.append(&ada(), id, request, dead).await });
    // The bytes are soon handed on, and the write hangs.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let newcomer = house.uploads.head(&ada(), id).await;
    assert!(matches!(newcomer, Err(UploadError::Busy)), "{newcomer:?}");
    permits.add_permits(Semaphore::MAX_PERMITS);
    assert!(matches!(dead.await.expect("no panic"), Err(UploadError::Displaced)));
    let last = house.append(id, 0, body(&[&whole])).await.expect("appended");
    house.made_of(last, &whole).await;
}

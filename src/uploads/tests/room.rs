//! Room that is taken before it is used, over a disk of bounded size.

use super::*;
use crate::finalizer::Ending;
use crate::upload::Concat;
use crate::uploads::NewFinal;

const MIB: u64 = 1 << 20;
const DISK: u64 = 64 * MIB;

async fn house() -> (House, MemoryPayloads) {
    let payloads = MemoryPayloads::of_size(DISK);
    let limits = Limits { max_upload_size: DISK * 8, ..limits() };
    (House::with(Arc::new(payloads.clone()), limits).await, payloads)
}

fn new(length: Length, is_partial: bool) -> NewUpload {
    NewUpload { length, metadata: Metadata::default(), conversation: None, is_partial }
}

async fn create(house: &House, owner: &UserId, new: NewUpload) -> Result<UploadId, UploadError> {
    house.uploads.create(owner, new).await.map(|creation| creation.standing.upload.id)
}

/// A body of zeros, a MiB a frame.
fn zeros(mib: usize) -> Body {
    let piece = Bytes::from(vec![0; 1 << 20]);
    unchecked(stream::iter((0..mib).map(move |_| Ok(BodyFrame::Data(piece.clone())))))
}

async fn send(house: &House, owner: &UserId, id: UploadId, mib: usize) -> Result<Standing, UploadError> {
    let offset = house.offset(id).await;
    let request = AppendRequest { offset, content_length: Some((mib as u64) << 20), upload_length: None };
    house.uploads.append(owner, id, request, zeros(mib)).await
}

async fn part(house: &House, owner: &UserId, mib: usize) -> UploadId {
    let id = create(house, owner, new(Length::Known((mib as u64) << 20), true)).await.expect("created");
    send(house, owner, id, mib).await.expect("sent");
    id
}

async fn join(house: &House, owner: &UserId, parts: &[UploadId]) -> Result<Creation, UploadError> {
    let urls: Vec<_> = parts.iter().map(|id| format!("/files/{id}")).collect();
    let Ok(Concat::Final(parts)) = Concat::parse(&format!("final;{}", urls.join(" "))) else { panic!() };
    let new = NewFinal { parts, metadata: Metadata::default(), conversation: None };
    house.uploads.concatenate(owner, new).await
}

#[tokio::test]
async fn words_without_a_byte_keep_nobody_else_out() {
    let (house, _) = house().await;
    for _ in 0..15 {
        create(&house, &ada(), new(Length::Known(MIB * 8), false)).await.expect("an upload, promised or not");
    }
    let left = house.uploads.room_left().await.expect("memory");
    assert!(left.reserved <= DISK / 4, "{left:?}");
    let id = create(&house, &bob(), new(Length::Known(MIB * 40), false)).await.expect("there is room");
    send(&house, &bob(), id, 40).await.expect("there is room");
    assert!(house.uploads.has_room().await);
}

#[tokio::test(start_paused = true)]
async fn who_was_silent_gives_way_to_one_who_sends_and_goes_on_when_there_is_room() {
    let (house, _) = house().await;
    let silent = create(&house, &ada(), new(Length::Known(MIB * 40), false)).await.expect("created");
    send(&house, &ada(), silent, 4).await.expect("there is room");
    let late = create(&house, &bob(), new(Length::Deferred, false)).await.expect("created");
    assert!(matches!(send(&house, &bob(), late, 40).await, Err(UploadError::NoRoom)), "it has only paused");
    tokio::time::advance(Duration::from_secs(120)).await;
    send(&house, &bob(), late, 40).await.expect("nobody else sends");
    let refused = send(&house, &ada(), silent, 36).await;
    assert!(matches!(refused, Err(UploadError::NoRoom)), "{refused:?}");
    assert_eq!(house.offset(silent).await, MIB * 4, "nothing that was stored is lost");
    house.uploads.terminate(&bob(), late).await.expect("ended");
    send(&house, &ada(), silent, 36).await.expect("there is room again");
}

/// Bytes that were looked at together are not written together, in whichever way they come.
#[tokio::test]
async fn those_who_come_side_by_side_write_no_more_than_there_is() {
    for way in ["one-shots", "deferred", "known"] {
        let (house, payloads) = house().await;
        let house = Arc::new(house);
        let sent = (0..12).map(|number| {
            let house = Arc::clone(&house);
            async move {
                let owner = if number % 2 == 0 { ada() } else { bob() };
                if way == "one-shots" {
                    let mut one_shot = house.uploads.one_shot(owner, DISK);
                    for _ in 0..20 {
                        if one_shot.write(Bytes::from(vec![0; 1 << 20])).await.is_err() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                    // Kept until all clients have sent.
                    return Some(one_shot);
                }
                let length = if way == "known" { Length::Known(MIB * 20) } else { Length::Deferred };
                if let Ok(id) = create(&house, &owner, new(length, false)).await {
                    let request = AppendRequest { offset: 0, content_length: None, upload_length: None };
                    let _ = house.uploads.append(&owner, id, request, zeros(20)).await;
                }
                None
            }
        });
        let kept = futures_util::future::join_all(sent).await;
        let stored = payloads.stored();
        assert!(stored <= DISK, "{way}: {} MiB", stored / MIB);
        assert!(stored >= DISK / 2, "{way}: {} MiB", stored / MIB);
        drop(kept);
    }
}

#[tokio::test]
async fn a_join_without_room_waits_for_it() {
    let (house, payloads) = house().await;
    let part = part(&house, &ada(), 20).await;
    let refused = join(&house, &ada(), &[part; 6]).await;
    assert!(matches!(refused, Err(UploadError::NoRoom)), "{refused:?}");
    let stored = payloads.stored();
    assert!(stored <= MIB * 20, "nothing was copied in vain: {stored}");
    let [waiting] = house.stores.records.owed(None, 9).await.expect("memory")[..] else { panic!() };
    assert!(
        matches!(house.uploads.head(&ada(), waiting).await, Err(UploadError::Busy)),
        "HEAD is never a 5xx"
    );
    assert_eq!(house.finalizer.drive(waiting).await, Some(Ending::NoRoom));
    let small = create(&house, &bob(), new(Length::Known(MIB * 2), false)).await.expect("others have theirs");
    send(&house, &bob(), small, 2).await.expect("others have theirs");
    payloads.set_size(DISK * 4);
    let made = join(&house, &ada(), &[part; 6]).await.expect("joined");
    assert!(made.existed && made.standing.upload.offset == MIB * 120);
}

#[tokio::test]
async fn parts_that_an_upload_was_made_of_do_not_count() {
    let limits = Limits { max_upload_size: DISK, max_unfinished: 3, ..limits() };
    let house = House::with(Arc::new(MemoryPayloads::of_size(DISK)), limits).await;
    for round in 0..3 {
        let parts = [part(&house, &ada(), 1).await, part(&house, &ada(), 2).await];
        let made = join(&house, &ada(), &parts).await.expect("joined").standing.upload;
        assert_eq!(made.offset, MIB * 3, "{round}");
        house.uploads.terminate(&ada(), made.id).await.expect("ended");
    }
}

/// A start does not know which uploads have been promised room, but how much all of them lack.
#[tokio::test(start_paused = true)]
async fn what_was_promised_before_a_start_is_kept_until_it_was_silent_for_long() {
    for is_heard in [true, false] {
        let (memory, payloads) = (Arc::new(Memory::new()), Arc::new(MemoryPayloads::of_size(DISK)));
        let start = async || {
            let limits = Limits { max_upload_size: DISK * 8, ..limits() };
            let (memory, payloads) = (Arc::clone(&memory), payloads.clone());
            House::of(memory.stores(payloads), limits, None).await
        };
        let house = start().await;
        let first = create(&house, &ada(), new(Length::Known(MIB * 40), false)).await.expect("created");
        send(&house, &ada(), first, 4).await.expect("there is room");
        let house = start().await;
        assert_eq!(house.uploads.room_left().await.expect("memory").reserved, MIB * 36);
        let refused = create(&house, &bob(), new(Length::Known(MIB * 40), false)).await;
        assert!(matches!(refused, Err(UploadError::NoRoom)), "{refused:?}");
        if is_heard {
            send(&house, &ada(), first, 36).await.expect("it was promised");
        } else {
            tokio::time::advance(Duration::from_secs(120)).await;
            create(&house, &bob(), new(Length::Known(MIB * 40), false)).await.expect("nobody came back");
        }
    }
}

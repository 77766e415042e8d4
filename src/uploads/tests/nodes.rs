//! Two nodes over the same stores: a request on one takes over from a request on the other.

use tokio::sync::mpsc;

use super::*;
use crate::finalizer::Ending;
use crate::store::memory::MemoryLeases;
use crate::upload::Concat;
use crate::uploads::NewFinal;

/// Two nodes, and the leases of the first.
async fn two_houses() -> (Arc<House>, Arc<House>, MemoryLeases) {
    let (memory, payloads) = (Arc::new(Memory::new()), MemoryPayloads::default());
    let leases = MemoryLeases::over(memory.clone());
    let house = |leases: MemoryLeases| {
        House::on(memory.clone(), Arc::new(leases), Arc::new(payloads.clone()), limits())
    };
    let (one, two) = (house(leases.clone()).await, house(leases.second()).await);
    (Arc::new(one), Arc::new(two), leases)
}

/// A body of the pieces that are sent, which ends when the sender is dropped.
fn sent() -> (mpsc::Sender<&'static [u8]>, Body) {
    let (sender, receiver) = mpsc::channel(1);
    let frames = stream::unfold(receiver, |mut receiver| async move {
        let piece: &'static [u8] = receiver.recv().await?;
        Some((Ok(BodyFrame::Data(Bytes::from_static(piece))), receiver))
    });
    (sender, unchecked(frames))
}

/// A request of node one that has taken in "abc" and waits for more.
async fn under_way(
    one: &Arc<House>,
    id: UploadId,
) -> (mpsc::Sender<&'static [u8]>, tokio::task::JoinHandle<Result<Standing, UploadError>>) {
    let (sender, body) = sent();
    let house = Arc::clone(one);
    let request = tokio::spawn(async move { house.append(id, 0, body).await });
    sender.send(b"abc").await.expect("received");
    // There is room for one piece more: the one before it was taken.
    sender.reserve().await.expect("received");
    tokio::task::yield_now().await;
    (sender, request)
}

#[tokio::test]
async fn head_on_another_node_is_told_of_what_came() {
    let (one, two, _) = two_houses().await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let (_sender, request) = under_way(&one, id).await;
    assert_eq!(two.uploads.head(&ada(), id).await.expect("there").upload.offset, 3);
    let displaced = request.await.expect("no panic");
    assert!(matches!(displaced, Err(UploadError::Displaced)), "{displaced:?}");
    let whole = two.append(id, 3, body(&[b"def"])).await.expect("appended");
    assert!(whole.message.is_some());
    assert_eq!(one.messages().await.len(), 1);
}

/// The node was stopped for long, and knows nothing of what was done meanwhile.
#[tokio::test]
async fn what_a_stopped_node_goes_on_with_is_refused_and_is_no_fault() {
    let (one, two, leases) = two_houses().await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let (sender, request) = under_way(&one, id).await;
    leases.stop();
    assert_eq!(two.uploads.head(&ada(), id).await.expect("there").upload.offset, 0);
    two.append(id, 0, body(&[b"123"])).await.expect("appended");
    // The request may have found out by itself, when it wrote what it had.
    let _ = sender.send(b"def").await;
    drop(sender);
    let late = request.await.expect("no panic");
    assert!(matches!(late, Err(UploadError::Displaced)), "{late:?}");
    assert_eq!(two.offset(id).await, 3);
    let whole = two.append(id, 3, body(&[b"456"])).await.expect("appended");
    let read: Vec<_> = two.uploads.read(&whole, 0..6).await.expect("there").collect().await;
    let read: Vec<_> = read.into_iter().map(|piece| piece.expect("readable")).collect();
    assert_eq!(read.concat(), b"123456");
    assert_eq!(one.messages().await.len(), 1);
}

#[tokio::test]
async fn what_another_node_receives_is_not_expired_though_it_is_due() {
    let limits = Limits { expire_after_secs: 0, ..limits() };
    let (memory, payloads) = (Arc::new(Memory::new()), Arc::new(MemoryPayloads::default()));
    let leases = MemoryLeases::over(memory.clone());
    let one = House::on(memory.clone(), Arc::new(leases.clone()), payloads.clone(), limits.clone()).await;
    let two = House::on(memory, Arc::new(leases.second()), payloads, limits).await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let lease = one.stores.leases.take_idle(id).await.expect("memory").expect("idle");
    assert_eq!(two.uploads.sweep(Timestamp::now().plus_secs(9)).await.expect("memory"), 0);
    assert_eq!(two.uploads.status(&ada(), id).await.expect("held").upload.id, id);
    drop(lease);
    assert!(matches!(two.uploads.status(&ada(), id).await, Err(UploadError::Expired)));
    assert_eq!(two.uploads.sweep(Timestamp::now().plus_secs(9)).await.expect("memory"), 1);
}

/// Two nodes that copy into one file would leave it with a hole.
#[tokio::test]
async fn what_another_node_holds_is_not_joined() {
    let (one, two, _) = two_houses().await;
    let new = |length| NewUpload {
        length: Length::Known(length),
        metadata: Metadata::default(),
        conversation: None,
        is_partial: true,
    };
    let part = one.uploads.create(&ada(), new(3)).await.expect("created").standing.upload.id;
    let concat = Concat::parse(&format!("final;/files/{part}"));
    let Ok(Concat::Final(parts)) = concat else { panic!("{concat:?}") };
    let new = NewFinal { parts, metadata: bound(&[]), conversation: None };
    let whole = one.uploads.concatenate(&ada(), new).await.expect("created").standing.upload.id;
    let lease = two.stores.leases.take_idle(whole).await.expect("memory").expect("idle");
    one.append(part, 0, body(&[b"abc"])).await.expect("appended");
    assert_eq!(one.finalizer.drive(whole).await, Some(Ending::Failed), "later");
    assert_eq!(one.offset(whole).await, 0);
    drop(lease);
    assert!(matches!(two.finalizer.drive(whole).await, Some(Ending::Message(_))));
    assert!(two.stores.leases.take_idle(whole).await.expect("memory").is_some(), "the join let go");
    assert_eq!(one.messages().await.len(), 1);
}

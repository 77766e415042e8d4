//! Two nodes over the same stores: a request on one takes over from a request on the other.

use tokio::sync::mpsc;

use super::*;
use crate::finalizer::Ending;
use crate::message::MessageId;
use crate::store::memory::MemoryNode;
use crate::store::{Announcement, Claim};
use crate::upload::Concat;
use crate::uploads::NewFinal;

/// A house on a node of those that share these stores. What it announces reaches the connections of all
/// nodes.
async fn house(
    node: &MemoryNode,
    memory: &Arc<Memory>,
    payloads: &MemoryPayloads,
    heard: &MemoryAnnouncements,
    limits: Limits,
) -> Arc<House> {
    let node = Arc::new(node.clone());
    let stores = memory.stores(Arc::new(payloads.clone()));
    let announcements = Arc::new(heard.clone());
    let stores = Stores { leases: node.clone(), duties: node.clone(), hints: node, announcements, ..stores };
    Arc::new(House::of(stores, limits, None).await)
}

/// Two houses on two nodes.
struct Two {
    one: Arc<House>,
    two: Arc<House>,
    /// The node of the first house.
    node: MemoryNode,
    heard: MemoryAnnouncements,
    stopping: CancellationToken,
}

async fn two_houses() -> Two {
    two_houses_with(limits()).await
}

async fn two_houses_with(limits: Limits) -> Two {
    let (memory, payloads) = (Arc::new(Memory::new()), MemoryPayloads::sealing());
    let (node, heard) = (MemoryNode::over(memory.clone()), MemoryAnnouncements::default());
    let one = house(&node, &memory, &payloads, &heard, limits.clone()).await;
    let two = house(&node.second(), &memory, &payloads, &heard, limits).await;
    let stopping = CancellationToken::new();
    Two { one, two, node, heard, stopping }
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
    let Two { one, two, .. } = two_houses().await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let (_sender, request) = under_way(&one, id).await;
    assert_eq!(two.uploads.head(&ada(), id).await.expect("there").upload.offset, 3);
    let displaced = request.await.expect("no panic");
    assert!(matches!(displaced, Err(UploadError::Displaced)), "{displaced:?}");
    let whole = two.append(id, 3, body(&[b"def"])).await.expect("appended");
    assert!(whole.message.is_some());
    assert_eq!(one.messages().await.len(), 1);
}

/// Between the look at the record and the first byte of a creation that comes again.
#[tokio::test]
async fn a_creation_is_not_refused_for_bytes_that_came_meanwhile() {
    let Two { one, two, .. } = two_houses().await;
    let metadata = bound(&[("client_message_id", "c")]);
    let id = one.create(6, &metadata).await.expect("created").standing.upload.id;
    let new = NewUpload { length: Length::Known(6), metadata, conversation: None, is_partial: false };
    let found = two.uploads.create(&ada(), new).await.expect("there");
    assert_eq!((found.existed, found.standing.upload.offset), (true, 0));
    one.append(id, 0, body(&[b"abc"])).await.expect("appended");
    let creation = two.uploads.bring_first(&ada(), found, Some(6), body(&[b"abcdef"])).await.expect("there");
    let upload = creation.standing.upload;
    assert_eq!((upload.id, upload.offset, creation.existed), (id, 3, true));
}

/// The node was stopped for long, and knows nothing of what was done meanwhile.
#[tokio::test]
async fn what_a_stopped_node_goes_on_with_is_refused_and_is_no_fault() {
    let Two { one, two, node, .. } = two_houses().await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let (sender, request) = under_way(&one, id).await;
    node.stop();
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
    let Two { one, two, .. } = two_houses_with(Limits { expire_after_secs: 0, ..limits() }).await;
    let id = one.create(6, &bound(&[])).await.expect("created").standing.upload.id;
    let lease = one.stores.leases.take_idle(id).await.expect("memory").expect("idle");
    assert_eq!(two.uploads.sweep(Timestamp::now().plus_secs(9)).await.expect("memory"), 0);
    assert_eq!(two.uploads.status(&ada(), id).await.expect("held").upload.id, id);
    drop(lease);
    assert!(matches!(two.uploads.status(&ada(), id).await, Err(UploadError::Expired)));
    assert_eq!(two.uploads.sweep(Timestamp::now().plus_secs(9)).await.expect("memory"), 1);
}

/// A partial upload, and the final upload that waits for it on this node.
async fn waiting_for_a_part(house: &House) -> (UploadId, UploadId) {
    let (length, metadata, conversation) = (Length::Known(3), Metadata::default(), None);
    let new = NewUpload { length, metadata, conversation, is_partial: true };
    let part = house.uploads.create(&ada(), new).await.expect("created").standing.upload.id;
    let concat = Concat::parse(&format!("final;/files/{part}"));
    let Ok(Concat::Final(parts)) = concat else { panic!("{concat:?}") };
    let new = NewFinal { parts, metadata: bound(&[]), conversation: None };
    let whole = house.uploads.concatenate(&ada(), new).await.expect("created").standing.upload.id;
    (part, whole)
}

/// Two nodes that copy into one file would leave it with a hole.
#[tokio::test(start_paused = true)]
async fn what_another_node_holds_is_not_joined_and_is_waited_for() {
    let Two { one, two, .. } = two_houses().await;
    let (part, whole) = waiting_for_a_part(&one).await;
    let lease = two.stores.leases.take_idle(whole).await.expect("memory").expect("idle");
    one.append(part, 0, body(&[b"abc"])).await.expect("appended");
    assert_eq!(one.finalizer.drive(whole).await, None, "it is held all the time");
    assert_eq!(one.offset(whole).await, 0);
    let (house, mut completed) = (Arc::clone(&one), two.stores.hints.completed());
    let waiting = tokio::spawn(async move { house.finalizer.drive(whole).await });
    tokio::task::yield_now().await;
    drop(lease);
    assert!(matches!(two.finalizer.drive(whole).await, Some(Ending::Message(_))));
    assert!(matches!(waiting.await.expect("no panic"), Some(Ending::Message(_))));
    assert_eq!(completed.next().await, Some(whole), "that wakes a request that waits");
    assert!(two.stores.leases.take_idle(whole).await.expect("memory").is_some(), "the join let go");
    assert_eq!(one.messages().await.len(), 1);
}

#[tokio::test]
async fn a_part_that_another_node_completes_drives_on_what_waits_for_it() {
    let Two { one, two, stopping, .. } = two_houses().await;
    let (part, _) = waiting_for_a_part(&one).await;
    let house = Arc::clone(&one);
    tokio::spawn(async move { house.finalizer.keep_listening(&stopping).await });
    tokio::task::yield_now().await;
    two.append(part, 0, body(&[b"abc"])).await.expect("appended");
    let made = async {
        while two.messages().await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), made).await.expect("it was driven on");
}

fn keep_publishing(house: &Arc<House>, stopping: &CancellationToken) {
    let (house, stopping) = (Arc::clone(house), stopping.clone());
    tokio::spawn(async move { house.finalizer.keep_publishing(&stopping).await });
}

/// The messages that were announced, in order.
fn announced(heard: &MemoryAnnouncements) -> Vec<MessageId> {
    let all = heard.all().into_iter();
    all.filter_map(|(_, what)| if let Announcement::NewMessage(made) = what { Some(made.id) } else { None })
        .collect()
}

async fn send(house: &House) -> MessageId {
    let id = house.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    house.append(id, 0, body(&[b"abc"])).await.expect("appended").message.expect("made").id
}

/// Long enough for every node to look at the outbox.
async fn looked() {
    tokio::time::sleep(Duration::from_secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn the_node_that_commits_a_message_announces_it_and_no_other() {
    let Two { one, two, heard, stopping, .. } = two_houses().await;
    keep_publishing(&one, &stopping);
    keep_publishing(&two, &stopping);
    let mut sent = Vec::new();
    for house in [&one, &two, &one] {
        sent.push(send(house).await);
        looked().await;
    }
    assert_eq!(announced(&heard), sent);
}

/// A client that is told of a message asks only for newer ones when it comes back.
#[tokio::test(start_paused = true)]
async fn a_message_is_announced_after_the_older_ones_of_other_nodes() {
    let Two { one, two, heard, stopping, .. } = two_houses().await;
    keep_publishing(&two, &stopping);
    let sent = [send(&one).await, send(&two).await];
    looked().await;
    assert_eq!(announced(&heard), sent);
    keep_publishing(&one, &stopping);
    looked().await;
    assert_eq!(announced(&heard), sent, "once");
}

#[tokio::test(start_paused = true)]
async fn a_message_that_a_node_left_is_announced_once() {
    let Two { one, two, heard, stopping, .. } = two_houses().await;
    let id = one.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    one.record_all(id, b"abc").await;
    let claim = one.stores.messages.claim(id, Timestamp::now()).await.expect("memory");
    let Claim::Finalizing(stamp) = claim else { panic!("{claim:?}") };
    let upload = one.stores.records.find(id).await.expect("memory").expect("recorded");
    let message = upload.message(stamp).expect("bound");
    let long_ago = Timestamp::now().minus_secs(60);
    one.stores.messages.commit(&message, long_ago).await.expect("committed");
    keep_publishing(&one, &stopping);
    keep_publishing(&two, &stopping);
    looked().await;
    assert_eq!(announced(&heard), [message.id]);
}

#[tokio::test]
async fn one_node_has_the_work_beside_the_requests_until_it_is_gone() {
    let Two { one, two, node, .. } = two_houses().await;
    let later = Timestamp::now().plus_secs(3 * 24 * 60 * 60);
    let work = async |house: &House| {
        let owed = house.finalizer.recover().await.expect("memory");
        let orphans = house.uploads.free_orphans(later).await.expect("memory");
        [owed, orphans, house.uploads.sweep(later).await.expect("memory")]
    };
    assert_eq!(work(&one).await, [0; 3]);
    let owed = two.create(3, &bound(&[])).await.expect("created").standing.upload.id;
    two.record_all(owed, b"abc").await;
    two.create(3, &bound(&[])).await.expect("created");
    let mut orphan = two.stores.payloads.open(UploadId::random(), Epoch::FIRST, 0).await.expect("memory");
    orphan.sync(vec![Bytes::from_static(b"abc")]).await.expect("memory");
    assert_eq!(work(&two).await, [0; 3], "each duty is the other node's");
    node.stop();
    assert_eq!(work(&two).await, [1, 1, 1]);
    assert_eq!(work(&one).await, [0; 3], "it comes back too late");
}

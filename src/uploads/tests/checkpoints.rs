//! Large bodies, made durable bit by bit.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::slow::Slow;
use super::*;
use crate::store::{Append, Appends, StoreError, Stride};

const MIB: u64 = 1024 * 1024;
const LENGTH: u64 = 12 * MIB;

/// A house with room for large uploads, and one upload.
async fn house(slow: Slow) -> (House, UploadId) {
    let house = House::with(Arc::new(slow), Limits { max_upload_size: LENGTH, ..limits() }).await;
    let id = house.create(LENGTH, &bound(&[])).await.expect("created").standing.upload.id;
    (house, id)
}

/// Whether the offset is that of a first checkpoint, which depends on other tests that receive at the same
/// time.
fn is_a_checkpoint(offset: u64) -> bool {
    (2 * MIB..=4 * MIB).contains(&offset)
}

fn whole() -> Body {
    let piece = vec![7; usize::try_from(MIB).expect("small")];
    body(&[piece.as_slice(); 12])
}

#[tokio::test(start_paused = true)]
async fn more_is_received_while_a_checkpoint_is_synced_and_not_much_more() {
    let slow = Slow::default();
    let ((writes, syncs), memory) = (slow.busy(), slow.memory());
    writes.add_permits(Semaphore::MAX_PERMITS);
    let (house, id) = house(slow).await;
    let uploads = Arc::clone(&house.uploads);
    let request = AppendRequest { offset: 0, content_length: None, upload_length: None };
    let receiving = tokio::spawn(async move { uploads.append(&ada(), id, request, whole()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.offset(id).await, 0, "nothing is durable yet");
    let part = Source::Part(id);
    let has = async |at: u64| memory.read(&part, at..at + 1).await.is_ok();
    assert!(has(4 * MIB - 1).await, "it goes on");
    assert!(!has(9 * MIB).await, "it does not run away");
    syncs.add_permits(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(is_a_checkpoint(house.offset(id).await));
    syncs.add_permits(Semaphore::MAX_PERMITS - 1);
    let last = receiving.await.expect("no panic").expect("received");
    assert_eq!(last.upload.offset, LENGTH);
    assert!(last.message.is_some());
}

/// A store whose syncs make parts that are not smaller than this.
struct OfParts(Arc<dyn Appends>);

#[async_trait]
impl Appends for OfParts {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError> {
        self.0.open(id, epoch, offset).await
    }

    fn stride(&self) -> Stride {
        Stride { least: 5 * MIB, most: 5 * MIB, every: Duration::from_secs(3600) }
    }
}

#[tokio::test(start_paused = true)]
async fn the_store_names_the_strides() {
    let slow = Slow::default();
    let (writes, syncs) = slow.busy();
    writes.add_permits(Semaphore::MAX_PERMITS);
    let (house, _) = house(slow).await;
    let stores = Stores { appends: Arc::new(OfParts(house.stores.appends.clone())), ..house.stores.clone() };
    let house = House::of(stores, Limits { max_upload_size: LENGTH, ..limits() }, None).await;
    let id = house.create(LENGTH, &bound(&[])).await.expect("created").standing.upload.id;
    let uploads = Arc::clone(&house.uploads);
    let request = AppendRequest { offset: 0, content_length: None, upload_length: None };
    let receiving = tokio::spawn(async move { uploads.append(&ada(), id, request, whole()).await });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(house.offset(id).await, 0, "no part is durable yet");
    syncs.add_permits(1);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(house.offset(id).await, 5 * MIB);
    syncs.add_permits(Semaphore::MAX_PERMITS - 1);
    assert_eq!(receiving.await.expect("no panic").expect("received").upload.offset, LENGTH);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_synced_is_not_recorded() {
    let slow = Slow::default();
    let (writes, syncs) = slow.busy();
    writes.add_permits(Semaphore::MAX_PERMITS);
    let (house, id) = house(slow).await;
    syncs.add_permits(1);
    let uploads = Arc::clone(&house.uploads);
    let request = AppendRequest { offset: 0, content_length: None, upload_length: None };
    let receiving = tokio::spawn(async move { uploads.append(&ada(), id, request, whole()).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    syncs.close();
    let outcome = receiving.await.expect("no panic");
    assert!(matches!(outcome, Err(UploadError::Store(_))), "{outcome:?}");
    assert!(is_a_checkpoint(house.offset(id).await));
}

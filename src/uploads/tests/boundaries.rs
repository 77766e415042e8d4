//! Stores that would have rows end at offsets of theirs.

use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::store::{Append, Appends, Created, Last, StoreError, Stride, Syncing, Taking};
use crate::upload::{Bounds, Upload};

const BOUNDARY: u64 = 5_000;

/// A store of parts of one size, which notes where rows end.
struct OfParts {
    appends: Arc<dyn Appends>,
    ends: Arc<Mutex<Vec<u64>>>,
}

struct OfPart {
    append: Box<dyn Append>,
    ends: Arc<Mutex<Vec<u64>>>,
}

#[async_trait]
impl Appends for OfParts {
    async fn open(&self, id: UploadId, epoch: Epoch, offset: u64) -> Result<Box<dyn Append>, StoreError> {
        let append = self.appends.open(id, epoch, offset).await?;
        Ok(Box::new(OfPart { append, ends: self.ends.clone() }))
    }

    fn stride(&self) -> Stride {
        Stride { least: BOUNDARY, most: BOUNDARY, every: Duration::from_secs(3600) }
    }
}

#[async_trait]
impl Append for OfPart {
    async fn write(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.append.write(data).await
    }

    async fn begin_sync(&mut self) -> Result<Syncing, StoreError> {
        self.append.begin_sync().await
    }

    fn boundary(&self, after: u64) -> Option<u64> {
        Some((after / BOUNDARY + 1) * BOUNDARY)
    }

    async fn sync(&mut self, data: Vec<Bytes>) -> Result<(), StoreError> {
        self.append.sync(data).await
    }

    async fn record(
        &mut self,
        last: Last,
        row: &Appended,
        claim: Option<Timestamp>,
    ) -> Result<State, StoreError> {
        self.ends.lock().expect("no panic").push(row.chunk.end());
        self.append.record(last, row, claim).await
    }

    async fn create(
        &mut self,
        last: Last,
        upload: &Upload,
        taking: Taking,
        bounds: Bounds,
        claim: Option<Timestamp>,
    ) -> Result<Created, StoreError> {
        self.append.create(last, upload, taking, bounds, claim).await
    }
}

#[tokio::test]
async fn while_bytes_come_rows_end_where_the_store_would_have_them() {
    for (pieces, expected) in [
        (vec![12_000], vec![5_000, 10_000, 12_000]),
        (vec![3_000, 3_000, 3_000], vec![5_000, 9_000]),
        (vec![5_000, 5_000], vec![5_000, 10_000]),
        (vec![4_999], vec![4_999]),
        (vec![4_999, 1, 1], vec![5_000, 5_001]),
        (vec![15_000, 1], vec![5_000, 10_000, 15_000, 15_001]),
    ] {
        let house = House::new().await;
        let ends = Arc::new(Mutex::new(Vec::new()));
        let appends = Arc::new(OfParts { appends: house.stores.appends.clone(), ends: ends.clone() });
        let house = House::of(Stores { appends, ..house.stores.clone() }, limits(), None).await;
        let id = house.create(20_000, &bound(&[])).await.expect("created").standing.upload.id;
        let bytes: Vec<_> = pieces.iter().map(|length| vec![7; *length]).collect();
        let slices: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
        let sent = house.append(id, 0, body(&slices)).await.expect("received").upload.offset;
        assert_eq!(sent, pieces.iter().sum::<usize>() as u64);
        assert_eq!(*ends.lock().expect("no panic"), expected, "{pieces:?}");
    }
}

//! The memory for parts under construction.

use futures_util::future::join_all;
use longhaul::store::Last;
use longhaul::store::object::Limits;

use crate::MIB;
use crate::cluster::{Cluster, bytes, pieces, row};

/// Together they want four times what there is; each makes room for the others before it waits.
#[tokio::test]
async fn uploads_that_want_more_memory_than_there_is_all_come_through() {
    let limits = Limits { memory: 6 * 1024 * 1024, ..crate::limits() };
    let cluster = Cluster::with(limits).await;
    let node = cluster.node();
    let length = 11 * MIB;
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(node.create(length).await);
    }
    join_all(ids.iter().enumerate().map(async |(seed, id)| {
        let epoch = node.take(*id).await;
        let mut append = node.open(*id, epoch).await;
        for piece in pieces(seed as u64, 0..length) {
            append.write(vec![piece]).await.expect("written");
            tokio::task::yield_now().await;
        }
        let upload = node.find(*id).await;
        append.record(Last::default(), &row(&upload, length), None).await.expect("recorded");
    }))
    .await;
    for (seed, id) in ids.iter().enumerate() {
        assert!(node.read(*id, length).await.expect("readable") == bytes(seed as u64, 0..length));
    }
}

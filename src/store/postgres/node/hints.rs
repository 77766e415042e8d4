//! Hints to all nodes.

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::broadcast::error::RecvError;

use super::PostgresNode;
use super::order::Tell;
use super::said::Said;
use crate::store::Hints;
use crate::upload::UploadId;

impl Hints for PostgresNode {
    fn complete(&self, id: UploadId) {
        self.0.orders.tell(Tell { channel: self.0.channels.all(), said: Said::Complete { id }, until: None });
    }

    fn completed(&self) -> BoxStream<'static, UploadId> {
        // The node stays as long as one listens to it.
        let listener = (self.0.completed.subscribe(), self.clone());
        unfold(listener, async |(mut completed, node)| {
            loop {
                match completed.recv().await {
                    Ok(id) => return Some((id, (completed, node))),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        })
        .boxed()
    }
}

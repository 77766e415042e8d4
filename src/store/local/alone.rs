//! A process that has no other beside it.

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};

use crate::store::{Duties, Duty, Hints, StoreError};
use crate::upload::UploadId;

/// The duties and the hints of a process that is alone: it has every duty, and hears of nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

#[async_trait]
impl Duties for Alone {
    async fn is_mine(&self, _: Duty) -> Result<bool, StoreError> {
        Ok(true)
    }
}

impl Hints for Alone {
    fn complete(&self, _: UploadId) {}

    fn completed(&self) -> BoxStream<'static, UploadId> {
        stream::empty().boxed()
    }
}

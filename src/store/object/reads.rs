//! Reading ranges of objects.

use std::ops::Range;

use futures_util::{StreamExt, stream};
use object_store::{GetOptions, GetRange};

use super::bucket;
use super::objects::Shared;
use crate::store::{ByteStream, StoreError};

impl Shared {
    /// Reads a range of an object of this length.
    pub(super) async fn read_object(
        &self,
        key: &str,
        length: u64,
        range: Range<u64>,
    ) -> Result<ByteStream, StoreError> {
        if range.end > length || range.start > range.end {
            return Err(StoreError::Damaged(format!("{range:?} of the {length} bytes of {key}")));
        }
        if range.is_empty() {
            return Ok(Box::pin(stream::empty()));
        }
        let wanted = range.end - range.start;
        let options = GetOptions::new().with_range(Some(GetRange::Bounded(range)));
        let found = self.bucket.get(key, options).await?;
        let given = found.range.end - found.range.start;
        if given != wanted {
            return Err(StoreError::Damaged(format!("{key} has {given} of {wanted} bytes")));
        }
        Ok(Box::pin(found.into_stream().map(|piece| piece.map_err(bucket::failed))))
    }
}

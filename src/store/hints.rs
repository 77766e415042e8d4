//! The port of hints between processes that serve the same stores. A hint that is lost costs a look that
//! comes later.

use futures_util::stream::BoxStream;

use crate::upload::UploadId;

/// Carries hints to every process.
pub trait Hints: Send + Sync + 'static {
    /// Tells the other processes that an upload has all of its bytes, once that is stored. Final uploads may
    /// wait for them, and requests for the final upload. Does not wait: many hints may go together.
    fn complete(&self, id: UploadId);

    /// The uploads that processes complete from now on, perhaps those of this one as well. The stream
    /// continues after the channel was broken for a while, and is empty where there is no other process.
    fn completed(&self) -> BoxStream<'static, UploadId>;
}

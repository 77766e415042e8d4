//! Requests to the object store that are under way, as their writer sees them.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};

use super::pieces::Pieces;
use crate::store::StoreError;

/// The outcome of a request, which several may wait for.
pub(super) type Landing = Shared<BoxFuture<'static, Result<String, Failure>>>;

/// The reason why a request came to nothing.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    Fenced,
    Damaged(String),
    Full,
    Unavailable(String),
}

/// A part that is being put.
pub(super) struct Put {
    /// The offset of the first byte that is in memory; those of the part before it are in the tail.
    pub(super) begin: u64,
    /// The offset after the part.
    pub(super) end: u64,
    /// The bytes in memory, in case the tail has to keep them.
    pub(super) pieces: Pieces,
    pub(super) landing: Landing,
}

/// Begins a request, which goes on if nobody waits for it: a request that was sent has its effect, whoever hears
/// of it.
pub(super) fn begin(job: impl Future<Output = Result<String, StoreError>> + Send + 'static) -> Landing {
    let job = tokio::spawn(job);
    let landing = async move {
        match job.await {
            Ok(outcome) => outcome.map_err(Failure::from),
            Err(panicked) => Err(Failure::Unavailable(panicked.to_string())),
        }
    };
    landing.boxed().shared()
}

/// What has landed already.
pub(super) fn done(answer: String) -> Landing {
    std::future::ready(Ok(answer)).boxed().shared()
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced => Self::Fenced,
            StoreError::Damaged(text) => Self::Damaged(text),
            StoreError::Full => Self::Full,
            error => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Fenced => Self::Fenced,
            Failure::Damaged(text) => Self::Damaged(text),
            Failure::Full => Self::Full,
            Failure::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

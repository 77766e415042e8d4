//! Requests to the object store that are under way, as their writer sees them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout, timeout_at};

use super::budget::Share;
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
    /// Their share of the memory, which the request has as well: it ends when neither needs them.
    pub(super) memory: Option<Arc<Share>>,
    pub(super) landing: Landing,
}

impl Put {
    /// Lets go of the bytes in memory, which are durable.
    pub(super) fn let_go(&mut self) {
        self.pieces = Pieces::default();
        self.memory = None;
    }
}

/// Begins a request in a task of its own. A request that was sent has its effect, even if its writer is gone
/// when the answer comes.
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

impl super::objects::Shared {
    /// Until when bytes wait for puts, before they go into the tail.
    pub(super) fn until(&self) -> Instant {
        let wait = if self.presence.is_away() { Duration::ZERO } else { self.limits.every };
        Instant::now() + wait
    }

    /// Whether a put lands in time.
    pub(super) async fn has_landed(&self, landing: &Landing, until: Instant) -> Result<bool, StoreError> {
        match timeout_at(until, landing.clone()).await {
            Ok(Ok(_)) => Ok(true),
            Ok(Err(Failure::Unavailable(_))) => Ok(false),
            Ok(Err(failure)) => Err(failure.into()),
            Err(_) => Ok(false),
        }
    }

    /// A request to the object store, whose outcome says whether that is there.
    pub(super) async fn watched<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut request = std::pin::pin!(request);
        let outcome = match timeout(self.limits.every, &mut request).await {
            Ok(outcome) => outcome,
            Err(_) => {
                self.presence.fails("a part takes too long");
                request.await
            }
        };
        match &outcome {
            Ok(_) => self.presence.works(),
            Err(StoreError::Unavailable(why)) => self.presence.fails(why),
            Err(_) => {}
        }
        outcome
    }
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

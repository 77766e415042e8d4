//! Work that its caller waits for, and that goes on when the caller goes away.
//!
//! The work runs where its caller is polled, which saves a switch to another task and back for every frame.
//! If the caller is dropped before the end, as a handler is when its client goes away, the rest of the work
//! becomes a task of its own.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::{Instrument, Span};

/// The work panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the work panicked")]
pub struct Panicked;

/// Runs the work. Once polled, it goes on to its end, even if this future is dropped. The tracker counts it
/// all the time.
///
/// # Errors
/// [`Panicked`]
pub async fn outlive<T: Send + 'static>(
    tasks: &TaskTracker,
    work: BoxFuture<'static, T>,
) -> Result<T, Panicked> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let (tasks, token) = (tasks.clone(), tasks.token());
    Work { left: Some(work), tasks, span: Span::current(), _token: token }.await.map_err(|_| Panicked)
}

type Caught<T> = futures_util::future::CatchUnwind<AssertUnwindSafe<BoxFuture<'static, T>>>;

struct Work<T: Send + 'static> {
    /// `None` once the work has ended.
    left: Option<Caught<T>>,
    tasks: TaskTracker,
    span: Span,
    _token: TaskTrackerToken,
}

impl<T: Send + 'static> Future for Work<T> {
    type Output = Result<T, Box<dyn Any + Send>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = &mut self.left else { return Poll::Pending };
        let ended = left.poll_unpin(context);
        if ended.is_ready() {
            self.left = None;
        }
        ended
    }
}

impl<T: Send + 'static> Drop for Work<T> {
    fn drop(&mut self) {
        // Outside a runtime, at the very end, nothing can go on.
        if let Some(left) = self.left.take()
            && let Ok(runtime) = Handle::try_current()
        {
            self.tasks.spawn_on(left.map(drop).instrument(self.span.clone()), &runtime);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::{Notify, oneshot};

    use super::*;

    #[tokio::test]
    async fn work_ends_with_its_caller_or_without() {
        let tasks = TaskTracker::new();
        assert_eq!(outlive(&tasks, async { 7 }.boxed()).await, Ok(7));
        assert_eq!(outlive(&tasks, async { panic!("of this test") }.boxed()).await, Err::<(), _>(Panicked));
        assert!(tasks.is_empty());

        let (go_on, (done, seen)) = (Arc::new(Notify::new()), oneshot::channel());
        let waited = Arc::clone(&go_on);
        let work = async move {
            waited.notified().await;
            done.send(()).expect("somebody looks");
        };
        let mut caller = Box::pin(outlive(&tasks, work.boxed()));
        assert!(futures_util::poll!(&mut caller).is_pending());
        assert_eq!(tasks.len(), 1);
        drop(caller);
        assert_eq!(tasks.len(), 1);
        go_on.notify_one();
        seen.await.expect("it went on");
        tasks.close();
        tasks.wait().await;
    }
}

//! How long a connection may stay in a phase.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

use super::Timeouts;
use super::activity::{Activity, Phase, Stretch};

/// The clock of a connection, which runs while the client has to send something.
#[derive(Debug)]
pub(super) struct Watch {
    activity: Arc<Activity>,
    timeouts: Timeouts,
    seen: Option<Stretch>,
    since: Instant,
    /// Reset late, so that requests in quick succession do not each touch it.
    alarm: Pin<Box<Sleep>>,
}

impl Watch {
    /// The clock of a connection that began at `since`.
    pub(super) fn new(activity: Arc<Activity>, timeouts: Timeouts, since: Instant) -> Self {
        let alarm = Box::pin(sleep_until(since + timeouts.header));
        Self { activity, timeouts, seen: None, since, alarm }
    }

    /// Waits until a phase has lasted too long, and answers which. The connection has to be polled first, so
    /// that it is known what came.
    pub(super) async fn over(&mut self) -> Phase {
        poll_fn(|context| self.poll_over(context)).await
    }

    /// Waits until the header that has begun is complete, and answers whether that was in time.
    pub(super) async fn header(&mut self) -> bool {
        poll_fn(|context| {
            if self.activity.stretch(context.waker()).phase != Phase::Header {
                return Poll::Ready(true);
            }
            self.poll_over(context).map(|_| false)
        })
        .await
    }

    /// Restarts the timeout of the current phase.
    pub(super) fn restart(&mut self) {
        self.since = Instant::now();
    }

    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<Phase> {
        let stretch = self.activity.stretch(context.waker());
        if self.seen.is_some_and(|seen| seen != stretch) {
            self.since = Instant::now();
        }
        self.seen = Some(stretch);
        let patience = match stretch.phase {
            Phase::Busy => return Poll::Pending,
            Phase::Header => self.timeouts.header,
            Phase::Resting => self.timeouts.keep_alive,
        };
        let end = self.since + patience;
        if self.alarm.deadline() > end {
            self.alarm.as_mut().reset(end);
        }
        while self.alarm.as_mut().poll(context).is_ready() {
            if Instant::now() >= end {
                return Poll::Ready(stretch.phase);
            }
            self.alarm.as_mut().reset(end);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMEOUTS: Timeouts = Timeouts {
        header: Duration::from_secs(10),
        keep_alive: Duration::from_secs(75),
        send: Duration::from_secs(60),
        drain: Duration::from_secs(10),
    };

    fn watched() -> (Arc<Activity>, Watch) {
        let activity = Arc::new(Activity::default());
        (Arc::clone(&activity), Watch::new(activity, TIMEOUTS, Instant::now()))
    }

    async fn over_after(watch: &mut Watch, time: Duration) -> Option<Phase> {
        // The first poll makes the present state known.
        assert_eq!(watch.over().now_or_never(), None);
        advance(time).await;
        watch.over().now_or_never()
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_says_anything_has_the_time_of_a_header() {
        let (_activity, mut watch) = watched();
        assert_eq!(over_after(&mut watch, 9 * SECOND).await, None);
        assert_eq!(over_after(&mut watch, SECOND).await, Some(Phase::Header));
    }

    #[tokio::test(start_paused = true)]
    async fn who_had_an_answer_has_the_time_of_a_rest_and_then_that_of_a_header() {
        let (activity, mut watch) = watched();
        for _ in 0..3 {
            activity.begin_exchange();
            assert_eq!(over_after(&mut watch, 1000 * SECOND).await, None, "that is ours");
            activity.end_exchange();
            assert_eq!(over_after(&mut watch, 74 * SECOND).await, None);
        }
        activity.came();
        assert_eq!(over_after(&mut watch, 9 * SECOND).await, None);
        activity.came();
        assert_eq!(over_after(&mut watch, SECOND).await, Some(Phase::Header), "each byte is no new header");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_and_may_be_given_once_more() {
        let (activity, mut watch) = watched();
        activity.begin_exchange();
        activity.end_exchange();
        assert_eq!(watch.over().now_or_never(), None);
        assert_eq!(over_after(&mut watch, 75 * SECOND).await, Some(Phase::Resting));
        watch.restart();
        assert_eq!(over_after(&mut watch, 74 * SECOND).await, None);
        assert_eq!(over_after(&mut watch, SECOND).await, Some(Phase::Resting));
    }
}

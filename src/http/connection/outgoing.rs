//! One piece of an answer at a time on its way. The HTTP library would collect several before the first is
//! written, and hold them for as long as a slow client takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

/// Less is not worth watching.
const WATCHED: usize = 16 * 1024;

/// Whether a piece of an answer is on its way: taken by the library, and not yet by the operating system.
#[derive(Debug, Default)]
pub(super) struct Outgoing(Arc<State>);

#[derive(Debug, Default)]
struct State {
    is_out: AtomicBool,
    waiting: AtomicWaker,
}

struct Watched {
    data: Bytes,
    state: Arc<State>,
}

impl Outgoing {
    /// Waits until no piece is on its way.
    pub(super) fn poll_gone(&self, context: &Context<'_>) -> Poll<()> {
        if !self.0.is_out.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        self.0.waiting.register(context.waker());
        // It may have gone before the waker was there.
        if self.0.is_out.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
    }

    /// A piece that goes now. It has gone when what is returned is dropped.
    pub(super) fn goes(&self, data: Bytes) -> Bytes {
        if data.len() < WATCHED {
            return data;
        }
        self.0.is_out.store(true, Ordering::Release);
        Bytes::from_owner(Watched { data, state: Arc::clone(&self.0) })
    }
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.data
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        // The data goes first, so that its memory is there for the next piece.
        self.data = Bytes::new();
        self.state.is_out.store(false, Ordering::Release);
        self.state.waiting.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn the_next_piece_waits_until_every_part_of_the_last_has_gone() {
        let outgoing = Outgoing::default();
        let gone = || poll_fn(|context| outgoing.poll_gone(context));
        gone().await;
        let _small = outgoing.goes(Bytes::from(vec![1; WATCHED - 1]));
        gone().await;
        let mut piece = outgoing.goes(Bytes::from(vec![1; WATCHED]));
        let half = piece.split_to(WATCHED / 2);
        let waiting = tokio::spawn({
            let outgoing = Outgoing(Arc::clone(&outgoing.0));
            async move { poll_fn(|context| outgoing.poll_gone(context)).await }
        });
        tokio::task::yield_now().await;
        drop(piece);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(half);
        waiting.await.expect("it is woken");
    }
}

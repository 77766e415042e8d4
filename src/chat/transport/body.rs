//! The body of a polling POST: read in time, within bounds, and with short names.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::guests::{Excess, Guest, Held};
use super::packets::{LongName, Packets};

/// The reason why a body is not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The client was silent for too long.
    #[error("The body said nothing for too long")]
    Idle,
    /// The session sends more than it may.
    #[error(transparent)]
    Excess(#[from] Excess),
    /// A namespace has a name too long to be given back with every error.
    #[error(transparent)]
    LongName(#[from] LongName),
    /// The body broke off.
    #[error("The body broke off")]
    Broken,
}

/// The fault of a body, to be looked up once the library has given up on the body.
pub(super) type Found = Arc<OnceLock<Fault>>;

/// A request body that is kept within bounds.
pub(super) struct Bounded {
    body: Body,
    guest: Arc<Guest>,
    held: Held,
    packets: Packets,
    idle: Duration,
    alarm: Pin<Box<Sleep>>,
    found: Found,
    is_begun: bool,
}

impl Bounded {
    /// The bounded body of a session's request, and where its fault is found.
    pub(super) fn new(body: Body, guest: Arc<Guest>, idle: Duration) -> (Self, Found) {
        let found = Found::default();
        let bounded = Self {
            body,
            guest,
            held: Held::default(),
            packets: Packets::default(),
            idle,
            alarm: Box::pin(sleep(idle)),
            found: Arc::clone(&found),
            is_begun: false,
        };
        (bounded, found)
    }

    /// Restarts the timeout, unless the session has no user: a stranger's body has this long as a whole.
    fn restart(&mut self) {
        if !self.guest.is_stranger() {
            self.alarm.as_mut().reset(Instant::now() + self.idle);
        }
    }

    fn take(&mut self, data: &Bytes) -> Result<(), Fault> {
        let begun = self.packets.read(data)?;
        self.guest.hold(&mut self.held, data.len(), begun.packets)?;
        self.guest.ask(begun.connects)?;
        self.restart();
        Ok(())
    }

    fn fails(&mut self, fault: Fault) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        _ = self.found.set(fault);
        self.held = Held::default();
        Poll::Ready(Some(Err(fault)))
    }
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Fault>>> {
        if !std::mem::replace(&mut self.is_begun, true)
            && let Err(excess) = self.guest.judge(self.body.size_hint().lower(), 0)
        {
            return self.fails(excess.into());
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => match frame.data_ref().map(|data| self.take(data)) {
                Some(Err(fault)) => self.fails(fault),
                Some(Ok(())) | None => Poll::Ready(Some(Ok(frame))),
            },
            Poll::Ready(Some(Err(_))) => self.fails(Fault::Broken),
            Poll::Ready(None) => {
                // The event that is made of the body counts for itself.
                self.held = Held::default();
                Poll::Ready(None)
            }
            Poll::Pending if self.alarm.as_mut().poll(context).is_ready() => self.fails(Fault::Idle),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bounded")
    }
}

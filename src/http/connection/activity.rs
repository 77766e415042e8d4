//! The phase of a connection: reading a header, answering requests, or resting between two of them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;

use futures_util::task::AtomicWaker;

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// A header is being read, or the connection is new.
    Header,
    /// A request is being answered, or the client has not made room for all of an answer.
    Busy,
    /// The client has its answer and sends nothing.
    Resting,
}

/// A stay of a connection in a phase, without interruption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) phase: Phase,
    /// How many exchanges have begun so far, which tells two stays in the same phase apart.
    exchanges: usize,
}

/// Record of what happens on a connection, kept by its wire and by its exchanges.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicUsize,
    under_way: AtomicUsize,
    has_header_begun: AtomicBool,
    is_blocked: AtomicBool,
    is_upgraded: AtomicBool,
    watcher: AtomicWaker,
}

impl Activity {
    /// Records that a header is complete and its request is being answered.
    pub(super) fn begin_exchange(&self) {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.has_header_begun.store(false, Ordering::Release);
    }

    /// Records that nothing is left of a request and its answer.
    pub(super) fn end_exchange(&self) {
        self.under_way.fetch_sub(1, Ordering::AcqRel);
        self.watcher.wake();
    }

    /// Whether a request is being answered.
    pub(super) fn is_in_exchange(&self) -> bool {
        self.under_way.load(Ordering::Acquire) > 0
    }

    /// Records that bytes came. Between two requests of HTTP/1 they begin the next header.
    pub(super) fn came(&self) {
        if !self.is_in_exchange() {
            self.has_header_begun.store(true, Ordering::Release);
        }
    }

    /// Records whether the client has made no room for what it is sent.
    pub(super) fn blocked(&self, is_blocked: bool) {
        if self.is_blocked.load(Ordering::Relaxed) != is_blocked {
            self.is_blocked.store(is_blocked, Ordering::Release);
        }
    }

    /// Records that the connection has switched to another protocol.
    pub(super) fn upgraded(&self) {
        self.is_upgraded.store(true, Ordering::Release);
    }

    pub(super) fn is_upgraded(&self) -> bool {
        self.is_upgraded.load(Ordering::Acquire)
    }

    /// The connection's current stretch. `waker` is woken when another task changes it.
    pub(super) fn stretch(&self, waker: &Waker) -> Stretch {
        self.watcher.register(waker);
        let exchanges = self.begun.load(Ordering::Acquire);
        let is_busy = self.is_in_exchange() || self.is_blocked.load(Ordering::Acquire);
        let phase = if is_busy {
            Phase::Busy
        } else if exchanges == 0 || self.has_header_begun.load(Ordering::Acquire) {
            Phase::Header
        } else {
            Phase::Resting
        };
        Stretch { phase, exchanges }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(activity: &Activity) -> Phase {
        activity.stretch(Waker::noop()).phase
    }

    #[test]
    fn a_connection_rests_from_an_answer_to_the_first_byte_of_the_next_request() {
        let activity = Activity::default();
        assert_eq!(phase(&activity), Phase::Header, "it begins with one");
        activity.came();
        assert_eq!(phase(&activity), Phase::Header);
        activity.begin_exchange();
        activity.came();
        assert_eq!(phase(&activity), Phase::Busy, "a body is no header");
        activity.end_exchange();
        assert_eq!(phase(&activity), Phase::Resting);
        activity.came();
        assert_eq!(phase(&activity), Phase::Header);
    }

    #[test]
    fn a_connection_is_busy_until_the_last_of_its_exchanges_ends_and_its_client_has_the_answers() {
        let activity = Activity::default();
        activity.begin_exchange();
        activity.begin_exchange();
        activity.end_exchange();
        activity.blocked(true);
        assert_eq!(phase(&activity), Phase::Busy);
        activity.end_exchange();
        assert_eq!(phase(&activity), Phase::Busy);
        activity.blocked(false);
        assert_eq!(phase(&activity), Phase::Resting);
    }

    #[test]
    fn two_rests_are_two_stretches() {
        let activity = Activity::default();
        let rest = || {
            activity.begin_exchange();
            activity.end_exchange();
            activity.stretch(Waker::noop())
        };
        assert_ne!(rest(), rest());
    }
}

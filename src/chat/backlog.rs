//! Events that wait for clients that read slowly or not at all, bounded in bytes: per session and in total.
//!
//! The library bounds only the number of packets that it could not write yet. Here each event counts, in
//! bytes, from when it is handed to the library until its transport has taken all of it. A session that
//! exceeds its bound is ended. When all sessions together exceed theirs, the one with most waiting is ended.
//! The client connects again, and reads what it missed.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The most bytes that wait for one session, some thousand usual events, and for all sessions together.
pub(super) const SESSION_BYTES: usize = 1024 * 1024;
const OVERALL_BYTES: usize = 128 * 1024 * 1024;
/// The least that an event counts for, which bounds the number of small ones.
pub(super) const LEAST_BYTES: usize = 1024;
/// The most bytes kept for a session that is not ready for them.
const HELD_BYTES: usize = SESSION_BYTES / 2;

/// The backlogs of all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct Backlogs(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    bytes: usize,
    last_id: u64,
    sessions: HashMap<u64, Waiting>,
}

/// The events that wait for one session.
#[derive(Debug, Default)]
struct Waiting {
    bytes: usize,
    /// Bytes of events that are kept until the session is ready for them.
    held: usize,
    /// Notified when an event has been written or an answer has been read.
    read: Arc<Notify>,
    /// Sizes of the events handed to the library, oldest first. Two that were handed over at the same time
    /// may be in the wrong order, which leaves the sum as it is.
    events: VecDeque<usize>,
    /// Answers to polls that are being read.
    answers: HashMap<u64, Answer>,
    over: CancellationToken,
}

#[derive(Debug)]
struct Answer {
    rest: Bytes,
    counted: usize,
}

/// One session's backlog. Dropping it removes the session.
#[derive(Debug)]
pub(super) struct Backlog {
    all: Backlogs,
    id: u64,
    read: Arc<Notify>,
    over: CancellationToken,
}

/// The answer to a poll while the client reads it. Dropping it ends the counting.
#[derive(Debug)]
pub(super) struct Reading {
    all: Backlogs,
    session: u64,
    id: u64,
}

/// The session ended while its answer was being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The session read too slowly")]
pub(super) struct TooSlow;

impl Backlogs {
    /// The backlog of a new session.
    pub(super) fn begin(&self) -> Backlog {
        let mut all = self.lock();
        all.last_id += 1;
        let (id, waiting) = (all.last_id, Waiting::default());
        let (read, over) = (Arc::clone(&waiting.read), waiting.over.clone());
        all.sessions.insert(id, waiting);
        drop(all);
        Backlog { all: self.clone(), id, read, over }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl All {
    /// Ends the session: its bytes count no more.
    fn end(&mut self, id: u64) {
        if let Some(session) = self.sessions.get_mut(&id) {
            self.bytes -= session.all();
            let Waiting { over, read, .. } = std::mem::take(session);
            over.cancel();
            read.notify_one();
            *session = Waiting { over, read, ..Waiting::default() };
        }
    }

    fn keep_within_bounds(&mut self) {
        while self.bytes > OVERALL_BYTES
            && let Some(largest) = self.largest()
        {
            self.end(largest);
        }
    }

    fn largest(&self) -> Option<u64> {
        self.sessions.iter().max_by_key(|(_, session)| session.all()).map(|(id, _)| *id)
    }
}

impl Waiting {
    fn all(&self) -> usize {
        self.bytes + self.held
    }
}

impl Backlog {
    /// Counts an event of this size and answers whether it may be handed to the library. If not, the session
    /// ends.
    pub(super) fn add(&self, bytes: usize) -> bool {
        let bytes = bytes.max(LEAST_BYTES);
        let mut all = self.all.lock();
        let Some(session) = all.sessions.get_mut(&self.id) else { return false };
        if session.over.is_cancelled() {
            return false;
        }
        session.events.push_back(bytes);
        session.bytes += bytes;
        let is_over = session.bytes > SESSION_BYTES;
        all.bytes += bytes;
        if is_over {
            all.end(self.id);
        }
        all.keep_within_bounds();
        !self.over.is_cancelled()
    }

    /// Counts an event to be kept until the session is ready for it, and answers whether it may be kept.
    pub(super) fn hold(&self, bytes: usize) -> bool {
        let bytes = bytes.max(LEAST_BYTES);
        let mut all = self.all.lock();
        let Some(session) = all.sessions.get_mut(&self.id) else { return false };
        if session.over.is_cancelled() || session.held + bytes > HELD_BYTES {
            return false;
        }
        session.held += bytes;
        all.bytes += bytes;
        all.keep_within_bounds();
        !self.over.is_cancelled()
    }

    /// Stops counting the events that were kept.
    pub(super) fn let_go(&self) {
        let mut all = self.all.lock();
        let held = all.sessions.get_mut(&self.id).map_or(0, |session| std::mem::take(&mut session.held));
        all.bytes -= held;
    }

    /// Waits until at most this many bytes wait for the client. For one caller at a time.
    pub(super) async fn until_no_more_waits_than(&self, most: usize) {
        let is_more = || self.all.lock().sessions.get(&self.id).is_some_and(|session| session.bytes > most);
        while is_more() {
            self.read.notified().await;
        }
    }

    /// Stops counting the oldest event, which has been written.
    pub(super) fn written(&self) {
        let mut all = self.all.lock();
        let Some(session) = all.sessions.get_mut(&self.id) else { return };
        let bytes = session.events.pop_front().unwrap_or(0);
        session.bytes -= bytes;
        session.read.notify_one();
        all.bytes -= bytes;
    }

    /// Moves the oldest events, this many of them, into the answer to a poll that is to be read now.
    pub(super) fn answer(&self, rest: Bytes, events: usize) -> Reading {
        let mut all = self.all.lock();
        all.last_id += 1;
        let id = all.last_id;
        if let Some(session) = all.sessions.get_mut(&self.id) {
            let events = events.min(session.events.len());
            let counted = session.events.drain(..events).sum();
            session.answers.insert(id, Answer { rest, counted });
        }
        Reading { all: self.all.clone(), session: self.id, id }
    }

    /// How many bytes wait, without those that are kept.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.all.lock().sessions.get(&self.id).map_or(0, |session| session.bytes)
    }

    /// Waits until the session is to end, without keeping it alive.
    pub(super) fn over(&self) -> WaitForCancellationFutureOwned {
        self.over.clone().cancelled_owned()
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        if let Some(session) = all.sessions.remove(&self.id) {
            all.bytes -= session.all();
        }
    }
}

impl Reading {
    /// The next piece of the answer, of at most this many bytes, in memory of its own; empty at the end.
    ///
    /// # Errors
    /// [`TooSlow`], if the session has ended.
    pub(super) fn next(&self, most: usize) -> Result<Bytes, TooSlow> {
        let mut all = self.all.lock();
        let session = all.sessions.get_mut(&self.session);
        let rest = &mut session.and_then(|session| session.answers.get_mut(&self.id)).ok_or(TooSlow)?.rest;
        let piece = rest.split_to(most.min(rest.len()));
        Ok(Bytes::copy_from_slice(&piece))
    }

    /// How many bytes are left to read.
    pub(super) fn left(&self) -> usize {
        let all = self.all.lock();
        let answer = all.sessions.get(&self.session).and_then(|session| session.answers.get(&self.id));
        answer.map_or(0, |answer| answer.rest.len())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut all = self.all.lock();
        let Some(session) = all.sessions.get_mut(&self.session) else { return };
        if let Some(answer) = session.answers.remove(&self.id) {
            session.bytes -= answer.counted;
            session.read.notify_one();
            all.bytes -= answer.counted;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn bytes(backlogs: &Backlogs) -> usize {
        backlogs.lock().bytes
    }

    #[test]
    fn what_was_written_makes_room() {
        let backlogs = Backlogs::default();
        let backlog = backlogs.begin();
        for _ in 0..100 {
            assert!(backlog.add(SESSION_BYTES / 2));
            assert!(backlog.add(SESSION_BYTES / 2));
            backlog.written();
            backlog.written();
        }
        // An event that was never counted takes nothing from others.
        backlog.written();
        assert_eq!(bytes(&backlogs), 0);
    }

    #[test]
    fn a_session_ends_that_has_too_much_waiting_be_it_many_or_large() {
        for size in [0, 1, LEAST_BYTES, 40_000, SESSION_BYTES] {
            let backlogs = Backlogs::default();
            let (slow, other) = (backlogs.begin(), backlogs.begin());
            assert!(other.add(5000));
            let count = (0..).take_while(|_| slow.add(size)).count();
            assert_eq!(count, SESSION_BYTES / size.max(LEAST_BYTES), "{size}");
            assert!(slow.over.is_cancelled() && !other.over.is_cancelled());
            assert!(!slow.add(1), "it is over");
            assert_eq!(bytes(&backlogs), 5000, "it holds nothing any more");
        }
    }

    #[test]
    fn when_all_have_too_much_waiting_the_largest_ends() {
        let backlogs = Backlogs::default();
        let large: Vec<Backlog> = (0..OVERALL_BYTES / SESSION_BYTES).map(|_| backlogs.begin()).collect();
        assert!(large.iter().all(|backlog| backlog.add(SESSION_BYTES - LEAST_BYTES)));
        let small: Vec<Backlog> = (0..1000).map(|_| backlogs.begin()).collect();
        assert!(small.iter().all(|backlog| backlog.add(1)), "each of them is told");
        let ended = large.iter().filter(|backlog| backlog.over.is_cancelled()).count();
        assert_eq!(ended, 1, "no more than there has to be");
        assert!(bytes(&backlogs) <= OVERALL_BYTES);
        drop((large, small));
        assert_eq!(bytes(&backlogs), 0);
        assert!(backlogs.lock().sessions.is_empty());
    }

    #[test]
    fn what_is_held_counts_apart_and_among_all() {
        let backlogs = Backlogs::default();
        let backlog = backlogs.begin();
        assert!(backlog.add(SESSION_BYTES));
        let count = (0..).take_while(|_| backlog.hold(5000)).count();
        assert_eq!(count, HELD_BYTES / 5000);
        assert!(!backlog.over.is_cancelled(), "it may wait, or not");
        assert_eq!(bytes(&backlogs), SESSION_BYTES + count * 5000);
        backlog.let_go();
        assert_eq!((bytes(&backlogs), backlog.bytes()), (SESSION_BYTES, SESSION_BYTES));
        let others: Vec<Backlog> = (0..OVERALL_BYTES / HELD_BYTES).map(|_| backlogs.begin()).collect();
        assert!(others.iter().all(|other| other.hold(HELD_BYTES)));
        assert!(backlog.over.is_cancelled() && !backlog.hold(1), "it has most");
        assert!(others.iter().all(|other| !other.over.is_cancelled()));
        drop((others, backlog));
        assert_eq!(bytes(&backlogs), 0);
    }

    #[tokio::test]
    async fn waiting_ends_with_what_was_read_or_with_the_session() {
        for (events, answers) in [(3, 0), (0, 3), (1, 2)] {
            let backlog = Backlogs::default().begin();
            assert!((0..3).all(|_| backlog.add(5000)));
            let mut less = Box::pin(backlog.until_no_more_waits_than(4000));
            assert!((&mut less).now_or_never().is_none());
            for _ in 0..events {
                backlog.written();
            }
            drop(backlog.answer(Bytes::new(), answers));
            less.await;
        }
        let backlog = Backlogs::default().begin();
        assert!(backlog.add(5000));
        let mut less = Box::pin(backlog.until_no_more_waits_than(4000));
        assert!((&mut less).now_or_never().is_none());
        assert!(!backlog.add(SESSION_BYTES), "it ends");
        less.await;
    }

    #[test]
    fn an_answer_counts_until_it_was_read_or_its_session_ended() {
        let backlogs = Backlogs::default();
        let backlog = backlogs.begin();
        for _ in 0..3 {
            assert!(backlog.add(5000));
        }
        let body = Bytes::from_static(b"42[1]\x1e42[2]");
        let reading = backlog.answer(body.clone(), 2);
        assert_eq!((bytes(&backlogs), reading.left()), (15_000, 11));
        let pieces: Vec<_> = (0..4).map(|_| reading.next(4).expect("it is there")).collect();
        assert_eq!(pieces.concat(), body);
        assert_eq!(pieces.last().map(Bytes::len), Some(0));
        drop(reading);
        assert_eq!(bytes(&backlogs), 5000);
        let reading = backlog.answer(body, 1);
        assert!(!backlog.add(SESSION_BYTES));
        assert_eq!((bytes(&backlogs), reading.next(4)), (0, Err(TooSlow)));
        drop((reading, backlog));
        assert_eq!(bytes(&backlogs), 0);
    }
}

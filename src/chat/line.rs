//! How many messages are worked on at once, and in which order.
//!
//! Every event is a task of its own at once, with its payload in memory: the library knows no back-pressure.
//! What a connection and all of them together may hold is therefore bounded by refusing, not by waiting. What is not an
//! event yet, because it is still being read, counts apart: it becomes one.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Payloads that one connection may have waiting: two of the largest and some more.
const CONNECTION_BYTES: usize = 128 * 1024 * 1024;
/// Payloads that all connections together may have waiting.
const OVERALL_BYTES: usize = 512 * 1024 * 1024;
/// Bytes of payloads that are still being read: of one connection, one of the largest and some more, and of all of them.
const CONNECTION_READING: usize = 64 * 1024 * 1024;
const OVERALL_READING: usize = 512 * 1024 * 1024;
/// What a payload counts for at the least, which bounds the number of small ones.
const LEAST_BYTES: usize = 64 * 1024;
/// Messages that are worked on at once.
const OVERALL_TURNS: usize = 16;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Hall {
    bytes: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// One connection's messages, which are worked on one after the other, as they came.
#[derive(Debug)]
pub(super) struct Line {
    hall: Arc<Hall>,
    bytes: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    last: Mutex<Option<oneshot::Receiver<()>>>,
}

/// A message's place in its line. Dropping it lets the next one go on.
#[derive(Debug)]
pub(super) struct Place {
    before: Option<oneshot::Receiver<()>>,
    turns: Arc<Semaphore>,
    held: Held,
}

/// What a message holds until it is done with.
#[derive(Debug)]
struct Held {
    _bytes: [OwnedSemaphorePermit; 2],
    _done: oneshot::Sender<()>,
}

/// A message's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: Held,
    _turn: Option<OwnedSemaphorePermit>,
}

/// More waits than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many messages at once")]
pub(super) struct TooMany;

impl Hall {
    /// Empty.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            bytes: Arc::new(Semaphore::new(OVERALL_BYTES)),
            reading: Arc::new(Semaphore::new(OVERALL_READING)),
            turns: Arc::new(Semaphore::new(OVERALL_TURNS)),
        })
    }

    /// The line of a new connection.
    pub(super) fn line(self: &Arc<Self>) -> Line {
        let bytes = Arc::new(Semaphore::new(CONNECTION_BYTES));
        let reading = Arc::new(Semaphore::new(CONNECTION_READING));
        Line { hall: Arc::clone(self), bytes, reading, last: Mutex::new(None) }
    }
}

impl Line {
    /// Room for so many bytes that are being read.
    ///
    /// # Errors
    /// [`TooMany`], if they have none beside what is being read already.
    pub(super) fn read(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], TooMany> {
        room([&self.reading, &self.hall.reading], bytes)
    }

    /// Takes the place at the end. Called in the order in which events come in, and without waiting.
    ///
    /// # Errors
    /// [`TooMany`], if the payload has no room beside those that wait.
    pub(super) fn enter(&self, payload_bytes: usize) -> Result<Place, TooMany> {
        let held_bytes = room([&self.bytes, &self.hall.bytes], payload_bytes.max(LEAST_BYTES))?;
        let (done, after) = oneshot::channel();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Place {
            before: last.replace(after),
            turns: Arc::clone(&self.hall.turns),
            held: Held { _bytes: held_bytes, _done: done },
        })
    }
}

/// So many bytes of the room that a connection has, and of that of all.
fn room(of: [&Arc<Semaphore>; 2], bytes: usize) -> Result<[OwnedSemaphorePermit; 2], TooMany> {
    let bytes = u32::try_from(bytes).map_err(|_| TooMany)?;
    let room = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_many_owned(bytes).map_err(|_| TooMany);
    Ok([room(of[0])?, room(of[1])?])
}

impl Place {
    /// Waits for the turn: until the messages before are done with, however they ended.
    pub(super) async fn turn(self) -> Turn {
        if let Some(before) = self.before {
            // An error says that the sender was dropped, which is how every turn ends.
            _ = before.await;
        }
        let turn = self.turns.acquire_owned().await;
        Turn { _held: self.held, _turn: turn.ok() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_connections_messages_are_worked_on_in_their_order() {
        let line = Hall::new().line();
        let [first, second, third] = [1, 2, 3].map(|_| line.enter(1).expect("room"));
        let mut third = Box::pin(third.turn());
        let mut second = Box::pin(second.turn());
        assert!(third.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        drop(first.turn().await);
        assert!(third.as_mut().now_or_never().is_none(), "the second is before it");
        drop(second.await);
        third.await;
    }

    #[tokio::test]
    async fn one_that_never_takes_its_turn_holds_up_nobody() {
        let line = Hall::new().line();
        let first = line.enter(1).expect("room");
        let second = line.enter(1).expect("room");
        drop(first);
        second.turn().await;
    }

    #[tokio::test]
    async fn connections_share_the_turns() {
        let hall = Hall::new();
        let mut turns = Vec::new();
        for _ in 0..OVERALL_TURNS {
            turns.push(hall.line().enter(1).expect("room").turn().await);
        }
        let mut next = Box::pin(hall.line().enter(1).expect("room").turn());
        assert!(next.as_mut().now_or_never().is_none());
        turns.pop();
        next.await;
    }

    #[test]
    fn what_waits_is_bounded_for_each_and_for_all() {
        let hall = Hall::new();
        let (one, half) = (hall.line(), CONNECTION_BYTES / 2);
        let waiting = [one.enter(half), one.enter(half)].map(|place| place.expect("room"));
        assert_eq!(one.enter(0).err(), Some(TooMany));
        let others: Vec<Line> = (1..OVERALL_BYTES / CONNECTION_BYTES).map(|_| hall.line()).collect();
        let all: Vec<Place> = others.iter().map(|line| line.enter(CONNECTION_BYTES).expect("room")).collect();
        assert_eq!(hall.line().enter(0).err(), Some(TooMany));
        drop((waiting, all));
        assert!(one.enter(CONNECTION_BYTES).is_ok(), "a refusal holds nothing");
    }

    #[test]
    fn many_small_ones_are_bounded_too() {
        let line = Hall::new().line();
        let places: Vec<_> = std::iter::from_fn(|| line.enter(1).ok()).collect();
        assert_eq!(places.len(), CONNECTION_BYTES / LEAST_BYTES);
    }
}

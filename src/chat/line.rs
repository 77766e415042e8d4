//! The queues of `send_message` events: how many messages are worked on at once, and in which order.
//!
//! The library has no back-pressure: every event is a task of its own at once, with its payload in memory.
//! What one user and all users together may hold is therefore bounded by refusing, not by waiting. Bytes that
//! are still being read have bounds of their own: they become an event, which counts for itself.
//!
//! One user takes at most a share of everything, over however many connections.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::message::UserId;

/// The most sessions of one user. Ten devices with many tabs each have fewer.
const USER_SESSIONS: usize = 256;
/// The most bytes of waiting payloads: of one user, two of the largest and some more, and of all users
/// together.
const USER_BYTES: usize = 128 * 1024 * 1024;
const OVERALL_BYTES: usize = 512 * 1024 * 1024;
/// The most bytes of payloads that are still being read: of one user, and of all users together.
const USER_READING: usize = 128 * 1024 * 1024;
const OVERALL_READING: usize = 512 * 1024 * 1024;
/// The least that a payload counts for, which bounds the number of small ones.
const LEAST_BYTES: usize = 64 * 1024;
/// How many messages are worked on at once: of one user, and of all users together.
const USER_TURNS: usize = 4;
const OVERALL_TURNS: usize = 16;

/// The bounds that all users share, and the share of each.
#[derive(Debug)]
pub(super) struct Hall {
    room: Room,
    users: Mutex<HashMap<UserId, Weak<Share>>>,
}

/// The permits for what is held and worked on at a time.
#[derive(Debug)]
struct Room {
    bytes: Arc<Semaphore>,
    reading: Arc<Semaphore>,
    turns: Arc<Semaphore>,
}

/// One user's share. It exists while the user has a session or a message in the making.
#[derive(Debug)]
struct Share {
    hall: Arc<Hall>,
    user: UserId,
    sessions: Arc<Semaphore>,
    room: Room,
}

/// One session's queue of messages, which are worked on one after the other, as they came.
#[derive(Debug)]
pub(super) struct Line {
    share: Arc<Share>,
    last: Mutex<Option<oneshot::Receiver<()>>>,
    _session: OwnedSemaphorePermit,
}

/// A message's slot in its queue. Dropping it lets the next one go on.
#[derive(Debug)]
pub(super) struct Place {
    before: Option<oneshot::Receiver<()>>,
    held: Held,
}

/// The room that a message holds until it is done.
#[derive(Debug)]
struct Held {
    share: Arc<Share>,
    _bytes: [OwnedSemaphorePermit; 2],
    _done: oneshot::Sender<()>,
}

/// The permit to work on a message, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _held: Held,
    _turns: Vec<OwnedSemaphorePermit>,
}

/// More payload bytes wait than may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many messages at once")]
pub(super) struct TooMany;

/// The user has the most sessions allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many sessions")]
pub(super) struct TooManySessions;

impl Room {
    fn of(bytes: usize, reading: usize, turns: usize) -> Self {
        let [bytes, reading, turns] = [bytes, reading, turns].map(|count| Arc::new(Semaphore::new(count)));
        Self { bytes, reading, turns }
    }
}

impl Hall {
    /// The shared bounds, with no user yet.
    pub(super) fn new() -> Arc<Self> {
        let room = Room::of(OVERALL_BYTES, OVERALL_READING, OVERALL_TURNS);
        Arc::new(Self { room, users: Mutex::default() })
    }

    /// The queue of a new session of this user.
    ///
    /// # Errors
    /// [`TooManySessions`], if the user has too many already.
    pub(super) fn line(self: &Arc<Self>, user: &UserId) -> Result<Line, TooManySessions> {
        let share = self.share(user);
        let session = Arc::clone(&share.sessions).try_acquire_owned().map_err(|_| TooManySessions)?;
        Ok(Line { share, last: Mutex::new(None), _session: session })
    }

    fn share(self: &Arc<Self>, user: &UserId) -> Arc<Share> {
        let mut users = self.lock();
        users.get(user).and_then(Weak::upgrade).unwrap_or_else(|| {
            let share = Arc::new(Share {
                hall: Arc::clone(self),
                user: user.clone(),
                sessions: Arc::new(Semaphore::new(USER_SESSIONS)),
                room: Room::of(USER_BYTES, USER_READING, USER_TURNS),
            });
            users.insert(user.clone(), Arc::downgrade(&share));
            share
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Weak<Share>>> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut users = self.hall.lock();
        // The user may have come back meanwhile.
        if users.get(&self.user).is_some_and(|share| share.strong_count() == 0) {
            users.remove(&self.user);
        }
    }
}

impl Line {
    /// The user whose messages these are.
    pub(super) fn user(&self) -> &UserId {
        &self.share.user
    }

    /// Takes room for this many bytes that are being read.
    ///
    /// # Errors
    /// [`TooMany`], if there is no room beside what is being read already.
    pub(super) fn read(&self, bytes: usize) -> Result<[OwnedSemaphorePermit; 2], TooMany> {
        room([&self.share.room.reading, &self.share.hall.room.reading], bytes)
    }

    /// Takes the last slot in the queue. Called in the order in which events come in, and without waiting.
    ///
    /// # Errors
    /// [`TooMany`], if there is no room for the payload beside those that wait.
    pub(super) fn enter(&self, payload_bytes: usize) -> Result<Place, TooMany> {
        let share = Arc::clone(&self.share);
        let held_bytes = room([&share.room.bytes, &share.hall.room.bytes], payload_bytes.max(LEAST_BYTES))?;
        let (done, after) = oneshot::channel();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Place { before: last.replace(after), held: Held { share, _bytes: held_bytes, _done: done } })
    }
}

/// Takes this many bytes of the user's room, and of the room of all.
fn room(of: [&Arc<Semaphore>; 2], bytes: usize) -> Result<[OwnedSemaphorePermit; 2], TooMany> {
    let bytes = u32::try_from(bytes).map_err(|_| TooMany)?;
    let room = |of: &Arc<Semaphore>| Arc::clone(of).try_acquire_many_owned(bytes).map_err(|_| TooMany);
    Ok([room(of[0])?, room(of[1])?])
}

impl Place {
    /// Waits until the messages before are done, however they ended, and permits are free.
    pub(super) async fn turn(self) -> Turn {
        if let Some(before) = self.before {
            // An error says that the sender was dropped, which is how every turn ends.
            _ = before.await;
        }
        let mut turns = Vec::new();
        // The user's own permit comes first, so that few messages of one user wait for a permit of all.
        for of in [&self.held.share.room.turns, &self.held.share.hall.room.turns] {
            turns.extend(Arc::clone(of).acquire_owned().await);
        }
        Turn { _held: self.held, _turns: turns }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn user(number: usize) -> UserId {
        format!("{number}@example.com").parse().expect("valid")
    }

    fn line(hall: &Arc<Hall>, number: usize) -> Line {
        hall.line(&user(number)).expect("room")
    }

    #[tokio::test]
    async fn a_connections_messages_are_worked_on_in_their_order() {
        let line = line(&Hall::new(), 1);
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
        let line = line(&Hall::new(), 1);
        let first = line.enter(1).expect("room");
        let second = line.enter(1).expect("room");
        drop(first);
        second.turn().await;
    }

    #[tokio::test]
    async fn users_share_the_turns_and_one_has_some_of_them() {
        let hall = Hall::new();
        let next_of = |number| Box::pin(line(&hall, number).enter(1).expect("room").turn());
        let mut turns = Vec::new();
        for number in 0..OVERALL_TURNS / USER_TURNS {
            for _ in 0..USER_TURNS {
                turns.push(next_of(number).await);
            }
            assert!(next_of(number).now_or_never().is_none(), "over whatever connection");
        }
        let mut next = next_of(OVERALL_TURNS);
        assert!(next.as_mut().now_or_never().is_none());
        turns.pop();
        next.await;
    }

    #[test]
    fn what_waits_and_what_is_read_is_bounded_for_each_user_and_for_all() {
        let hall = Hall::new();
        let (one, half) = (line(&hall, 0), USER_BYTES / 2);
        let again = line(&hall, 0);
        let waiting = [one.enter(half), again.enter(half)].map(|place| place.expect("room"));
        let reading = [one.read(half), again.read(half)].map(|room| room.expect("room"));
        for line in [&one, &again] {
            assert_eq!(line.enter(0).err(), Some(TooMany));
            assert_eq!(line.read(1).err(), Some(TooMany));
        }
        let others: Vec<Line> = (1..OVERALL_BYTES / USER_BYTES).map(|number| line(&hall, number)).collect();
        let all: Vec<_> = others
            .iter()
            .map(|line| (line.enter(USER_BYTES).expect("room"), line.read(USER_READING).expect("room")))
            .collect();
        let late = line(&hall, 1000);
        assert_eq!((late.enter(0).err(), late.read(1).err()), (Some(TooMany), Some(TooMany)));
        drop((waiting, reading, all));
        assert!(one.enter(USER_BYTES).is_ok(), "a refusal holds nothing");
    }

    #[test]
    fn many_small_ones_are_bounded_too() {
        let line = line(&Hall::new(), 1);
        let places: Vec<_> = std::iter::from_fn(|| line.enter(1).ok()).collect();
        assert_eq!(places.len(), USER_BYTES / LEAST_BYTES);
    }

    #[test]
    fn a_users_sessions_are_bounded_and_nobody_elses() {
        let hall = Hall::new();
        let mut lines: Vec<_> = std::iter::from_fn(|| hall.line(&user(1)).ok()).collect();
        assert_eq!(lines.len(), USER_SESSIONS);
        assert!(hall.line(&user(2)).is_ok());
        lines.pop();
        lines.push(line(&hall, 1));
        assert_eq!(hall.line(&user(1)).err(), Some(TooManySessions));
        drop(lines);
        assert!(hall.lock().is_empty(), "of who is gone nothing is kept");
    }
}

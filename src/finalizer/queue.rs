//! The queue of joins. All joins share one disk, and a turn is one stretch of bytes. Users come in turn, and
//! of a user's joins the one with the least left to copy goes first. So a user with much to join delays no
//! other user.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::message::UserId;
use crate::upload::UploadId;

/// How many stretches are copied at the same time.
const AT_ONCE: usize = 2;
/// The most joins of a user that are under way or wait, and the most bytes that they copy.
const MOST_JOINS: usize = 32;
const MOST_BYTES: u64 = 64 << 30;

/// The joins of all users.
#[derive(Debug, Default, Clone)]
pub(super) struct Queue(Arc<Mutex<Lines>>);

#[derive(Debug, Default)]
struct Lines {
    users: BTreeMap<UserId, Line>,
    /// The user whose turn was last.
    last: Option<UserId>,
    at_work: usize,
}

/// The joins of a user.
#[derive(Debug, Default)]
struct Line {
    joins: usize,
    bytes: u64,
    waiting: BTreeMap<(u64, UploadId), oneshot::Sender<Turn>>,
}

/// A join's place in the queue.
#[derive(Debug)]
pub(super) struct Place {
    queue: Queue,
    owner: UserId,
    id: UploadId,
    bytes: u64,
}

/// The right to copy a stretch.
#[derive(Debug)]
pub(super) struct Turn(Option<Queue>);

impl Queue {
    /// Enters a join of this many bytes, unless its owner has too many already.
    pub(super) fn enter(&self, owner: &UserId, id: UploadId, bytes: u64) -> Option<Place> {
        let mut lines = self.lines();
        let line = lines.users.entry(owner.clone()).or_default();
        let fits = line.joins == 0 || bytes <= MOST_BYTES.saturating_sub(line.bytes);
        if line.joins == MOST_JOINS || !fits {
            return None;
        }
        line.joins += 1;
        line.bytes = line.bytes.saturating_add(bytes);
        Some(Place { queue: self.clone(), owner: owner.clone(), id, bytes })
    }

    /// Gives free turns to joins that wait.
    fn go_on(&self) {
        let mut lines = self.lines();
        while lines.at_work < AT_ONCE {
            let Some(sender) = lines.next() else { return };
            lines.at_work += 1;
            if let Err(unheard) = sender.send(Turn(Some(self.clone()))) {
                unheard.never_began();
                lines.at_work -= 1;
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// The shortest join of the next user, after the one whose turn was last.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
        let is_waiting = |(user, line): (&UserId, &Line)| (!line.waiting.is_empty()).then(|| user.clone());
        let after = self.last.as_ref().and_then(|last| {
            let behind = (std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded);
            self.users.range::<UserId, _>(behind).find_map(is_waiting)
        });
        let user = after.or_else(|| self.users.iter().find_map(is_waiting))?;
        let (_, sender) = self.users.get_mut(&user)?.waiting.pop_first()?;
        self.last = Some(user);
        Some(sender)
    }
}

impl Place {
    /// Waits for the turn of a join that has this many bytes left; `None` if the process ends.
    pub(super) async fn turn(&self, left: u64) -> Option<Turn> {
        let (sender, turn) = oneshot::channel();
        if let Some(line) = self.queue.lines().users.get_mut(&self.owner) {
            line.waiting.insert((left, self.id), sender);
        }
        self.queue.go_on();
        turn.await.ok()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        let Some(line) = lines.users.get_mut(&self.owner) else { return };
        line.joins -= 1;
        line.bytes = line.bytes.saturating_sub(self.bytes);
        if line.joins == 0 {
            lines.users.remove(&self.owner);
        }
    }
}

impl Turn {
    fn never_began(mut self) {
        self.0 = None;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(queue) = self.0.take() {
            queue.lines().at_work -= 1;
            queue.go_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn user(name: &str) -> UserId {
        name.parse().expect("valid")
    }

    fn enter(queue: &Queue, name: &str, bytes: u64) -> Option<Place> {
        queue.enter(&user(name), UploadId::random(), bytes)
    }

    /// The order in which joins are served that came while both turns were taken.
    #[tokio::test]
    async fn users_come_in_turn_and_the_short_join_of_a_user_first() {
        let queue = Queue::default();
        let first = enter(&queue, "ann", 9).expect("a place");
        let mut busy = vec![first.turn(9).await.expect("free"), first.turn(9).await.expect("free")];
        let asked = [("ann", 500), ("ann", 20), ("ann", 300), ("bob", 400), ("bob", 7), ("cid", 9_000)];
        let places = asked.map(|(name, bytes)| (enter(&queue, name, bytes).expect("a place"), name, bytes));
        let mut waiting: Vec<_> = places
            .iter()
            .map(|(place, name, bytes)| (Box::pin(place.turn(*bytes)), (*name, *bytes)))
            .collect();
        for (turn, _) in &mut waiting {
            assert!(turn.now_or_never().is_none(), "both places are taken");
        }
        let mut served = Vec::new();
        while let Some(done) = busy.pop() {
            drop(done);
            waiting.retain_mut(|(turn, who)| match turn.now_or_never() {
                Some(turn) => {
                    busy.push(turn.expect("a turn"));
                    served.push(*who);
                    false
                }
                None => true,
            });
        }
        let expected = [("bob", 7), ("cid", 9_000), ("ann", 20), ("bob", 400), ("ann", 300), ("ann", 500)];
        assert_eq!(served, expected);
    }

    #[tokio::test]
    async fn a_user_has_so_many_joins_and_no_more_and_others_have_theirs() {
        let queue = Queue::default();
        let places: Vec<_> = (0..MOST_JOINS).map(|_| enter(&queue, "ann", 1).expect("a place")).collect();
        assert!(enter(&queue, "ann", 1).is_none());
        let large = enter(&queue, "bob", MOST_BYTES + 1).expect("one of any size");
        assert!(enter(&queue, "bob", 1).is_none());
        drop((places, large));
        assert!(enter(&queue, "ann", 1).is_some());
        assert!(queue.lines().users.is_empty(), "nobody is remembered for nothing");
    }

    #[tokio::test]
    async fn a_turn_that_nobody_waits_for_any_more_goes_to_the_next() {
        let queue = Queue::default();
        let place = enter(&queue, "ann", 9).expect("a place");
        let busy = [place.turn(9).await.expect("free"), place.turn(9).await.expect("free")];
        let (gone, stays) =
            (enter(&queue, "ann", 1).expect("a place"), enter(&queue, "ann", 2).expect("a place"));
        assert!(Box::pin(gone.turn(1)).now_or_never().is_none());
        let mut turn = Box::pin(stays.turn(2));
        assert!((&mut turn).now_or_never().is_none());
        drop(busy);
        assert!(turn.await.is_some());
    }
}

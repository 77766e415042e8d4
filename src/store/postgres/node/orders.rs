//! The orders that wait for a node's line, in memory that is bounded: the database may be away for hours
//! while requests come and go.
//!
//! | order | waits |
//! | --- | --- |
//! | to let an upload go | until it is done, once for each upload: otherwise nobody would ever sweep it |
//! | to tell something | unless there is too much to tell: all of it is hints |
//! | to end the node | until all else is done |
//!
//! The uploads that were let go last are remembered: a database that crashed may have forgotten it.
//!
//! A request takes nothing while too many uploads are to be let go. So these are bounded by that number and
//! by the requests that there are at once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};

use super::order::{LetGo, Tell};
use super::strays::Strays;
use crate::upload::UploadId;

/// How many uploads may be owed, and strays, before requests take no more.
const MOST_OWED: usize = 10_000;
/// The most that is to be told. Of more, the latest counts.
const MOST_TOLD: usize = 1024;
/// How many of the uploads that were let go are remembered.
const MOST_RECENT: usize = 10_000;
/// The most uploads that are let go together, and the most that is told.
const TOGETHER: usize = 256;

/// The requests' end. When it is dropped, the line ends the node.
#[derive(Debug)]
pub(super) struct Orders(Arc<Shared>);

/// The line's end. When it is dropped, nothing is kept any more.
#[derive(Debug)]
pub(super) struct Ordered(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    is_news: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    owed: HashMap<UploadId, LetGo>,
    /// The uploads that are owed, in their order.
    order: VecDeque<UploadId>,
    strays: Strays,
    /// The uploads that were let go last.
    recent: VecDeque<UploadId>,
    tells: VecDeque<Tell>,
    leave: Option<oneshot::Sender<()>>,
    /// Whether nothing more is ordered.
    is_over: bool,
    /// Whether nothing is followed any more.
    is_deaf: bool,
}

/// Orders that go together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) owed: Vec<(UploadId, LetGo)>,
    pub(super) tells: Vec<Tell>,
    /// Dropped when the node has ended.
    leave: Option<oneshot::Sender<()>>,
    is_over: bool,
}

/// Both ends.
pub(super) fn orders() -> (Orders, Ordered) {
    let shared = Arc::<Shared>::default();
    (Orders(Arc::clone(&shared)), Ordered(shared))
}

impl Orders {
    /// Whether so much is owed that nothing more is to be taken.
    pub(super) fn is_full(&self) -> bool {
        let waiting = self.0.lock();
        waiting.owed.len() + waiting.strays.len() >= MOST_OWED
    }

    /// Lets an upload go.
    pub(super) fn let_go(&self, id: UploadId, order: LetGo) {
        if !order.is_nothing() {
            self.0.order(|waiting| waiting.owe(id, order));
        }
    }

    /// Tells something.
    pub(super) fn tell(&self, tell: Tell) {
        self.0.order(|waiting| waiting.tell(tell));
    }

    /// Tells that an upload is not held, once it is let go.
    pub(super) fn tell_free(&self, id: UploadId, asker: i32, tell: Tell) {
        self.0.order(|waiting| match waiting.owed.get_mut(&id) {
            Some(owed) => owed.ask(asker),
            None => waiting.tell(tell),
        });
    }

    /// Ends the node, after all that was ordered before. The answer ends when that is done.
    pub(super) fn leave(&self) -> oneshot::Receiver<()> {
        let (done, left) = oneshot::channel();
        self.0.order(|waiting| waiting.leave = Some(done));
        left
    }
}

impl Ordered {
    /// The next orders. If it is given up before it answers, they stay.
    pub(super) async fn next(&self) -> Batch {
        loop {
            let news = self.0.is_news.notified();
            if let Some(batch) = self.0.lock().next() {
                return batch;
            }
            news.await;
        }
    }

    /// Notes that orders were followed. What may have been taken beside what is known is looked at for a
    /// while.
    pub(super) fn followed(&self, batch: Batch) {
        let mut waiting = self.0.lock();
        for (id, owed) in batch.owed {
            if owed.is_stray {
                waiting.strays.note(id);
            }
            if owed.epoch.is_some() {
                waiting.remember(id);
            }
        }
    }

    /// The uploads that were let go last, some of them twice. A database that crashed may have forgotten it,
    /// as no commit of that waits for the disk.
    pub(super) fn recent(&self) -> Vec<UploadId> {
        self.0.lock().recent.iter().copied().collect()
    }

    /// The uploads to be looked at.
    pub(super) fn strays(&self) -> Vec<UploadId> {
        self.0.lock().strays.ids()
    }

    /// Notes that these were looked at.
    pub(super) fn looked_at(&self, strays: &[UploadId]) {
        let mut waiting = self.0.lock();
        let last = waiting.strays.looked_at(strays);
        last.into_iter().for_each(|id| waiting.remember(id));
    }
}

impl Batch {
    /// Whether the node ends with these.
    pub(super) fn is_last(&self) -> bool {
        self.is_over || self.leave.is_some()
    }
}

impl Shared {
    fn order(&self, order: impl FnOnce(&mut Waiting)) {
        let mut waiting = self.lock();
        if !waiting.is_deaf {
            order(&mut waiting);
            self.is_news.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn owe(&mut self, id: UploadId, order: LetGo) {
        let known = self.owed.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            LetGo::default()
        });
        known.add(order);
    }

    fn remember(&mut self, id: UploadId) {
        if self.recent.len() == MOST_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
    }

    fn tell(&mut self, tell: Tell) {
        if self.tells.len() == MOST_TOLD {
            self.tells.pop_front();
        }
        self.tells.push_back(tell);
    }

    /// The next orders, if there are any. The end of the node comes with the last of them.
    fn next(&mut self) -> Option<Batch> {
        let count = self.order.len().min(TOGETHER);
        let ids = self.order.drain(..count);
        let owed: Vec<_> = ids.filter_map(|id| self.owed.remove_entry(&id)).collect();
        let tells: Vec<_> = self.tells.drain(..self.tells.len().min(TOGETHER)).collect();
        let are_all = self.order.is_empty() && self.tells.is_empty();
        let leave = if are_all { self.leave.take() } else { None };
        let is_over = are_all && self.is_over;
        let is_nothing = owed.is_empty() && tells.is_empty() && leave.is_none() && !is_over;
        (!is_nothing).then_some(Batch { owed, tells, leave, is_over })
    }
}

impl Drop for Orders {
    fn drop(&mut self) {
        self.0.order(|waiting| waiting.is_over = true);
    }
}

impl Drop for Ordered {
    fn drop(&mut self) {
        *self.0.lock() = Waiting { is_deaf: true, ..Waiting::default() };
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::super::order::Taken;
    use super::super::said::Said;
    use super::*;
    use crate::upload::Epoch;

    fn tell(id: UploadId) -> Tell {
        Tell { channel: "all".into(), said: Said::Complete { id }, until: None }
    }

    /// What is ordered by now, in as many batches as it takes.
    fn all(ordered: &Ordered) -> Vec<Batch> {
        let mut batches: Vec<Batch> = Vec::new();
        while batches.last().is_none_or(|batch| !batch.is_last())
            && let Some(batch) = ordered.next().now_or_never()
        {
            batches.push(batch);
        }
        batches
    }

    /// A line that is broken, beside requests that come and go.
    #[test]
    fn however_much_is_ordered_so_much_waits_and_no_more() {
        let (orders, ordered) = orders();
        let mut taken = 0;
        for number in 0..5 * MOST_OWED {
            let id = UploadId::random();
            orders.tell(tell(id));
            orders.let_go(id, LetGo::of(Taken::Nothing, Vec::new()));
            if !orders.is_full() {
                let taken_by_now = if number % 2 == 0 { Taken::Perhaps } else { Taken::At(Epoch::FIRST) };
                orders.let_go(id, LetGo::of(taken_by_now, Vec::new()));
                taken += 1;
            }
        }
        assert_eq!(taken, MOST_OWED);
        let batches = all(&ordered);
        assert_eq!(batches.iter().map(|batch| batch.owed.len()).sum::<usize>(), MOST_OWED);
        assert_eq!(batches.iter().map(|batch| batch.tells.len()).sum::<usize>(), MOST_TOLD);
        assert!(batches.iter().all(|batch| batch.owed.len().max(batch.tells.len()) <= TOGETHER));
        assert!(!orders.is_full());
        batches.into_iter().for_each(|batch| ordered.followed(batch));
        assert_eq!(ordered.recent().len(), MOST_OWED / 2);
        let strays = ordered.strays();
        assert_eq!(strays.len(), MOST_OWED / 2);
        while !ordered.strays().is_empty() {
            ordered.looked_at(&strays);
        }
    }

    #[test]
    fn those_that_were_let_go_last_are_remembered() {
        let (orders, ordered) = orders();
        let ids: Vec<_> = (0..MOST_RECENT + 10).map(|_| UploadId::random()).collect();
        for id in &ids {
            orders.let_go(*id, LetGo::of(Taken::At(Epoch::FIRST), Vec::new()));
            all(&ordered).into_iter().for_each(|batch| ordered.followed(batch));
        }
        assert_eq!(ordered.recent(), ids[10..]);
    }

    #[test]
    fn an_upload_is_owed_once_with_all_that_is_known_of_it() {
        let (orders, ordered) = orders();
        let (id, other) = (UploadId::random(), UploadId::random());
        orders.let_go(id, LetGo::of(Taken::At(Epoch::FIRST), vec![3]));
        orders.let_go(other, LetGo::of(Taken::Nothing, vec![4]));
        orders.let_go(id, LetGo::of(Taken::At(Epoch::FIRST.next()), vec![3, 5]));
        orders.let_go(id, LetGo::of(Taken::Perhaps, Vec::new()));
        orders.tell_free(id, 6, tell(id));
        orders.tell_free(UploadId::random(), 7, tell(id));
        let [batch] = &all(&ordered)[..] else { panic!("they go together") };
        let owed = LetGo { epoch: Some(Epoch::FIRST.next()), is_stray: true, askers: vec![3, 5, 6] };
        assert_eq!(batch.owed, [(id, owed), (other, LetGo::of(Taken::Nothing, vec![4]))]);
        assert_eq!(batch.tells, [tell(id)]);
    }

    #[test]
    fn the_node_ends_after_all_that_was_ordered() {
        let (orders, ordered) = orders();
        let ids: Vec<_> = (0..=TOGETHER).map(|_| UploadId::random()).collect();
        let mut left = orders.leave();
        for id in ids {
            orders.let_go(id, LetGo::of(Taken::Perhaps, Vec::new()));
        }
        let batches = all(&ordered);
        assert_eq!(batches.iter().map(Batch::is_last).collect::<Vec<_>>(), [false, true]);
        assert!(left.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Empty));
        drop(batches);
        assert!(left.try_recv().is_err_and(|error| error == oneshot::error::TryRecvError::Closed));
    }

    #[test]
    fn the_line_ends_with_the_node_and_keeps_nothing_after_its_own_end() {
        let (first, ordered) = orders();
        first.tell(tell(UploadId::random()));
        drop(first);
        let [last] = &all(&ordered)[..] else { panic!("one batch") };
        assert!(last.is_last() && last.tells.len() == 1);
        let (second, ordered) = orders();
        drop(ordered);
        second.let_go(UploadId::random(), LetGo::of(Taken::Perhaps, Vec::new()));
        assert_eq!(second.0.lock().owed.len(), 0);
        assert!(second.leave().now_or_never().is_some_and(|left| left.is_err()), "nobody waits for that");
    }
}

//! Digest and checksum, computed as the bytes pass: by one thread at a time, in the order of the bytes, while
//! others are received and written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, oneshot};
use tokio::task::spawn_blocking;

use super::gathered::Piece;
use crate::store::StoreError;
use crate::upload::{Check, DigestState, RunningDigest, Verification};

/// The most bytes that are summed up on the caller's thread, because the hop to another would cost more.
const FEW: usize = 64 * 1024;
/// How many buffers may wait to be summed up. Other pieces do so one by one: they are memory of connections.
const WAITING: u32 = 3;

/// The sums of one request's bytes.
pub(super) struct Sums {
    line: Arc<Line>,
    turns: Arc<Semaphore>,
    is_checked: bool,
    are_none: bool,
}

#[derive(Default)]
struct Running {
    digest: Option<RunningDigest>,
    check: Check,
}

/// The sums, and what waits to be done with them.
#[derive(Default)]
struct Line(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// `None` while a thread has them, and after one panicked.
    running: Option<Running>,
    is_lost: bool,
    tasks: VecDeque<Task>,
}

type Task = Box<dyn FnOnce(&mut Running) + Send>;

/// A value that is told once all bytes before it are summed up.
pub(super) enum Summing<T> {
    Done(T),
    Waiting(oneshot::Receiver<T>),
}

impl<T> Summing<T> {
    /// Waits for it.
    pub(super) async fn done(self) -> Result<T, StoreError> {
        match self {
            Self::Done(value) => Ok(value),
            Self::Waiting(told) => told.await.map_err(|_| lost()),
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable("the sums of some bytes are lost".into())
}

impl Sums {
    pub(super) fn new(digest: Option<RunningDigest>, verification: Verification) -> Self {
        let running = Running { digest, check: verification.begin() };
        let is_checked = running.check.is_open();
        let are_none = running.digest.is_none() && !is_checked;
        let line = Line(Mutex::new(Waiting { running: Some(running), ..Waiting::default() }));
        let turns = usize::try_from(WAITING).expect("few");
        Self { line: Arc::new(line), turns: Arc::new(Semaphore::new(turns)), is_checked, are_none }
    }

    /// Adds the bytes that follow. They may be summed up later.
    pub(super) async fn add(&self, piece: &Piece) -> Result<(), StoreError> {
        if self.are_none {
            return Ok(());
        }
        if piece.bytes <= FEW
            && let Some(running) = &mut self.line.waiting().running
        {
            running.add(piece);
            return Ok(());
        }
        let turns = if piece.is_buffer { 1 } else { WAITING };
        let turn = Arc::clone(&self.turns).acquire_many_owned(turns).await.map_err(|_| lost())?;
        let piece = piece.clone();
        self.line.push(Box::new(move |running| {
            running.add(&piece);
            drop(turn);
        }))
    }

    /// Gives up the digest: there is none of bytes that are added from now on.
    pub(super) fn give_up_digest(&mut self) -> Result<(), StoreError> {
        self.are_none = !self.is_checked;
        self.ask(|running| running.digest = None).map(drop)
    }

    /// The digest of all bytes that were added.
    pub(super) fn digest(&self) -> Result<Summing<Option<DigestState>>, StoreError> {
        self.ask(|running| running.digest.as_ref().map(RunningDigest::state))
    }

    /// Takes out the check, which has seen all bytes that were added, and sees none that may follow.
    pub(super) fn end_check(&self) -> Result<Summing<Check>, StoreError> {
        self.ask(|running| std::mem::take(&mut running.check))
    }

    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Running) -> T + Send + 'static,
    ) -> Result<Summing<T>, StoreError> {
        if let Some(running) = &mut self.line.waiting().running {
            return Ok(Summing::Done(question(running)));
        }
        let (tell, told) = oneshot::channel();
        self.line.push(Box::new(move |running| {
            // The request may have ended.
            let _ = tell.send(question(running));
        }))?;
        Ok(Summing::Waiting(told))
    }
}

impl Line {
    /// Has the task done after those that wait.
    fn push(self: &Arc<Self>, task: Task) -> Result<(), StoreError> {
        let mut waiting = self.waiting();
        if waiting.is_lost {
            return Err(lost());
        }
        waiting.tasks.push_back(task);
        if let Some(running) = waiting.running.take() {
            let worker = Worker { line: Arc::clone(self), running };
            spawn_blocking(move || worker.work());
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sums, on the thread that has them.
struct Worker {
    line: Arc<Line>,
    running: Running,
}

impl Worker {
    /// Does all tasks, and puts the sums back. So a thread that is behind is never waited for to be woken.
    fn work(mut self) {
        let mut lost = Lost(Some(Arc::clone(&self.line)));
        loop {
            let mut waiting = self.line.waiting();
            let Some(task) = waiting.tasks.pop_front() else {
                waiting.running = Some(self.running);
                lost.0 = None;
                return;
            };
            drop(waiting);
            task(&mut self.running);
        }
    }
}

/// Ends all tasks, if a thread panics.
struct Lost(Option<Arc<Line>>);

impl Drop for Lost {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            let mut waiting = line.waiting();
            waiting.is_lost = true;
            waiting.tasks.clear();
        }
    }
}

impl Running {
    fn add(&mut self, piece: &Piece) {
        for bytes in &piece.data {
            if let Some(digest) = &mut self.digest {
                digest.update(bytes);
            }
            self.check.update(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn piece(length: usize, seed: u8) -> Piece {
        let data = Bytes::from(vec![seed; length]);
        Piece { data: vec![data], bytes: length, is_buffer: length > FEW }
    }

    async fn digest(sums: &Sums) -> Option<DigestState> {
        sums.digest().expect("not lost").done().await.expect("told")
    }

    /// Large pieces go to another thread, and small ones may come before they are done.
    #[tokio::test]
    async fn pieces_of_any_size_are_summed_up_in_their_order() {
        let sums = Sums::new(Some(RunningDigest::default()), Verification::None);
        let mut expected = RunningDigest::default();
        for (number, length) in [1, FEW + 1, 7, 300_000, 1 << 20, 3, FEW, 1 << 20, 5].into_iter().enumerate()
        {
            let piece = piece(length, u8::try_from(number).expect("few"));
            expected.update(&piece.data[0]);
            let before = sums.digest().expect("not lost");
            sums.add(&piece).await.expect("taken");
            assert_ne!(before.done().await.expect("told"), Some(expected.state()), "of the bytes before");
        }
        assert_eq!(digest(&sums).await, Some(expected.state()));
    }

    #[tokio::test]
    async fn a_digest_that_is_given_up_is_none_and_the_check_goes_on() {
        let checksum = "sha1 qZk+NkcGgWq6PiVxeFDCbJzQ2J0=".parse().expect("of abc");
        let mut sums = Sums::new(Some(RunningDigest::default()), Verification::Given(checksum));
        sums.add(&piece(1, b'a')).await.expect("taken");
        sums.give_up_digest().expect("not lost");
        sums.add(&piece(1, b'b')).await.expect("taken");
        sums.add(&piece(1, b'c')).await.expect("taken");
        assert_eq!(digest(&sums).await, None);
        let check = sums.end_check().expect("not lost").done().await.expect("told");
        assert_eq!(check.close(None), Ok(()));
    }

    /// A thread that panics takes the sums with it: that is said, and nothing waits for it.
    #[tokio::test]
    async fn sums_that_are_lost_are_missed() {
        let sums = Sums::new(Some(RunningDigest::default()), Verification::None);
        sums.line.push(Box::new(|_| panic!("on purpose"))).expect("taken");
        while !sums.line.waiting().is_lost {
            tokio::task::yield_now().await;
        }
        assert!(sums.digest().is_err());
        assert!(sums.add(&piece(FEW + 1, 1)).await.is_err());
    }
}

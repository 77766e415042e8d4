//! Writes past the page cache that are under way.

use std::collections::VecDeque;
use std::io;

use futures_util::future::{BoxFuture, FutureExt, Shared};
use rustix::io::Errno;
use tokio::task::spawn_blocking;

use super::file::Write;

/// The most writes of one file that are under way: while the disk has one, the next ones are on their way.
const MOST: usize = 3;

type UnderWay = Shared<BoxFuture<'static, Result<(), Errno>>>;

/// The writes of one file that have begun, in their order.
#[derive(Debug, Default, Clone)]
pub(in crate::store::disk) struct Writes(VecDeque<UnderWay>);

impl Writes {
    /// Begins a write, as soon as few enough are under way.
    ///
    /// # Errors
    /// The error of an earlier write. Others may be under way then.
    pub(in crate::store::disk) async fn begin(&mut self, write: Write) -> io::Result<()> {
        while self.0.len() >= MOST {
            self.first().await?;
        }
        let job = spawn_blocking(move || write.run());
        // A panic in it leaves bytes unwritten.
        self.0.push_back(async move { job.await.unwrap_or(Err(Errno::IO)) }.boxed().shared());
        Ok(())
    }

    /// Waits until none is under way.
    ///
    /// # Errors
    /// The error of the first that failed. None is under way then, either.
    pub(in crate::store::disk) async fn land(&mut self) -> io::Result<()> {
        let mut outcome = Ok(());
        while !self.0.is_empty() {
            outcome = outcome.and(self.first().await);
        }
        outcome
    }

    /// Whether none may be under way.
    pub(in crate::store::disk) fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    async fn first(&mut self) -> io::Result<()> {
        // Taken out when it has ended, so that dropping this future forgets none.
        let outcome = match self.0.front() {
            Some(write) => write.clone().await,
            None => Ok(()),
        };
        self.0.pop_front();
        Ok(outcome?)
    }
}

//! Live events on their way out, one after the other: what happened first is announced first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::store::{Announcement, Stores};

/// The most events that wait. Past that, an event is dropped unless it says that an upload is finished.
const MOST_WAITING: usize = 1024;
/// How long a message waits for the events before it.
const FLUSH_WAIT: Duration = Duration::from_secs(1);

/// Hands events to the members of their conversations. They are hints: nothing is told twice, and what fails
/// is lost.
#[derive(Debug, Clone)]
pub(super) struct Announcer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    stores: Stores,
    waiting: Mutex<Waiting>,
    told: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Announcement>,
    pushed: u64,
    is_worked_on: bool,
}

impl Announcer {
    pub(super) fn new(stores: Stores) -> Self {
        Self(Arc::new(Inner { stores, waiting: Mutex::default(), told: watch::Sender::new(0) }))
    }

    /// Adds an event after all that wait.
    pub(super) fn push(&self, event: Announcement) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut waiting = self.waiting();
        // There are no more finished uploads than messages, and the publisher of those waits for these
        // events.
        let is_end = matches!(event, Announcement::UploadFinished(..));
        if waiting.events.len() >= MOST_WAITING && !is_end {
            return;
        }
        waiting.events.push_back(event);
        waiting.pushed += 1;
        if !std::mem::replace(&mut waiting.is_worked_on, true) {
            runtime.spawn(self.clone().work());
        }
    }

    /// Waits until all events that wait now are handed over, but not for long.
    pub(super) async fn flush(&self) {
        let pushed = self.waiting().pushed;
        let told = async { self.0.told.subscribe().wait_for(|told| *told >= pushed).await.is_ok() };
        let _ = tokio::time::timeout(FLUSH_WAIT, told).await;
    }

    async fn work(self) {
        while let Some(event) = self.next() {
            self.announce(&event).await;
            self.0.told.send_modify(|told| *told += 1);
        }
    }

    fn next(&self) -> Option<Announcement> {
        let mut waiting = self.waiting();
        let next = waiting.events.pop_front();
        waiting.is_worked_on = next.is_some();
        next
    }

    async fn announce(&self, event: &Announcement) {
        let Some(progress) = event.progress() else { return };
        let Stores { memberships, announcements, .. } = &self.0.stores;
        if let Ok(Some(members)) = memberships.participants(progress.conversation_id).await {
            // Members who were not told see the message all the same.
            let _ = announcements.announce(&members, event).await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

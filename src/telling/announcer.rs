//! Live events on their way out, one after the other: what happened first is announced first.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::message::{ConversationId, UserId};
use crate::store::{Addressed, Announcement, Stores};

/// The most events that wait. Past that, an event is dropped unless it says that an upload is finished.
const MOST_WAITING: usize = 1024;
/// The most events that go together.
const TOGETHER: usize = 64;
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
    events: VecDeque<Waited>,
    pushed: u64,
    is_worked_on: bool,
}

/// An event that waits.
#[derive(Debug)]
struct Waited {
    event: Announcement,
    /// Whether it is for the connections of this process alone.
    is_here: bool,
}

impl Announcer {
    pub(super) fn new(stores: Stores) -> Self {
        Self(Arc::new(Inner { stores, waiting: Mutex::default(), told: watch::Sender::new(0) }))
    }

    /// Adds an event after all that wait.
    pub(super) fn push(&self, event: Announcement) {
        self.add(Waited { event, is_here: false });
    }

    /// Adds an event for the connections of this process alone.
    pub(super) fn push_here(&self, event: Announcement) {
        self.add(Waited { event, is_here: true });
    }

    fn add(&self, waited: Waited) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let mut waiting = self.waiting();
        // There are no more finished uploads than messages, and the publisher of those waits for these
        // events.
        let is_end = matches!(waited.event, Announcement::UploadFinished(..));
        if waiting.events.len() >= MOST_WAITING && !is_end {
            return;
        }
        waiting.events.push_back(waited);
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
        loop {
            let batch = self.next();
            if batch.is_empty() {
                return;
            }
            let count = u64::try_from(batch.len()).unwrap_or_default();
            self.announce(batch).await;
            self.0.told.send_modify(|told| *told += count);
        }
    }

    fn next(&self) -> Vec<Waited> {
        let mut waiting = self.waiting();
        let count = waiting.events.len().min(TOGETHER);
        let next: Vec<_> = waiting.events.drain(..count).collect();
        waiting.is_worked_on = !next.is_empty();
        next
    }

    /// Announces events together. Members who were not told see the messages all the same.
    async fn announce(&self, batch: Vec<Waited>) {
        let (mut all, mut members) = (Vec::new(), HashMap::new());
        for Waited { event, is_here } in batch {
            let Some(progress) = event.progress() else { continue };
            let to = self.members(progress.conversation_id, &mut members).await;
            if to.is_empty() {
                continue;
            }
            if is_here {
                let _ = self.0.stores.announcements.announce_here(&to, &event).await;
            } else {
                all.push(Addressed { to, announcement: event });
            }
        }
        if !all.is_empty() {
            let _ = self.0.stores.announcements.announce_all(&all).await;
        }
    }

    /// The members of a conversation, looked up once for a batch.
    async fn members(
        &self,
        conversation: ConversationId,
        known: &mut HashMap<ConversationId, Vec<UserId>>,
    ) -> Vec<UserId> {
        if let Some(members) = known.get(&conversation) {
            return members.clone();
        }
        let found = self.0.stores.memberships.participants(conversation).await;
        let members = found.ok().flatten().unwrap_or_default();
        known.insert(conversation, members.clone());
        members
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

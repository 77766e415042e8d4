//! Announcements where several processes serve the same stores. Everything goes over the relay, which brings
//! it to all processes in one order, and each tells its own connections what comes.
//!
//! ```text
//! publisher ─► relay ─► every process, this one as well ─► its connections
//!                 └─ in doubt: what is stored ────────────────┘
//! ```
//! The connections of this process hear from the relay as well: a message of another process that is older in
//! its conversation may still be on the way here. A client that was told of the newer one alone, and then
//! went away, would never ask for the older one.
//!
//! The relay may lose something, and then says so. What it lost is found in what is stored: a message is
//! handed on before it leaves the outbox, and from there it goes to those that were announced lately.

mod delivery;
mod told;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use tokio::sync::watch;
use uuid::Uuid;

use crate::message::{Message, UserId};
use crate::store::{
    Addressed, Announcement, Announcements, Brought, Memberships, Messages, Parcel, Progress, Recent, Relay,
    StoreError,
};
use told::Told;

/// How long an announcement waits until the relay brings it back.
const BACK_WAIT: Duration = Duration::from_secs(1);

/// The relay, and where that is found which it loses.
#[derive(Clone)]
pub struct Relays {
    /// The relay.
    pub relay: Arc<dyn Relay>,
    /// What was announced lately.
    pub recent: Arc<dyn Recent>,
    /// The messages.
    pub messages: Arc<dyn Messages>,
    /// The members of conversations.
    pub memberships: Arc<dyn Memberships>,
}

/// The port of announcements to the connections of all processes.
pub struct RelayedAnnouncements {
    process: Uuid,
    own: Arc<dyn Announcements>,
    relays: Relays,
    told: Mutex<Told>,
    last: AtomicU64,
    /// The highest number of this process's parcels that came back.
    back: watch::Sender<u64>,
    /// What the relay has brought since this instant, until it is delivered.
    brought: Mutex<Option<BoxStream<'static, Brought>>>,
    begun: Instant,
}

impl RelayedAnnouncements {
    /// The port over this process's own connections, and over the relay to those of all processes. It listens
    /// from now on.
    pub fn new(own: Arc<dyn Announcements>, relays: Relays) -> Self {
        let brought = relays.relay.brought();
        Self {
            process: Uuid::new_v4(),
            own,
            relays,
            told: Mutex::default(),
            last: AtomicU64::new(0),
            back: watch::Sender::new(0),
            brought: Mutex::new(Some(brought)),
            begun: Instant::now(),
        }
    }

    fn take_brought(&self) -> Option<BoxStream<'static, Brought>> {
        self.brought.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells a message to the connections of this process, unless they were told.
    async fn tell_once(&self, to: &[UserId], message: &Message) -> Result<(), StoreError> {
        if self.told().contains(message.id) {
            return Ok(());
        }
        self.own.announce(to, &Announcement::NewMessage(Box::new(message.clone()))).await?;
        self.told().add(message.id);
        Ok(())
    }

    /// Hands announcements on, and answers the number of the last one.
    async fn hand_on(&self, all: &[Addressed], is_told_there: bool) -> Result<u64, StoreError> {
        let count = u64::try_from(all.len()).unwrap_or_default();
        let first = self.last.fetch_add(count, Ordering::Relaxed) + 1;
        let numbered = all.iter().cloned().zip(first..);
        let parcel = |(what, number)| Parcel { from: self.process, number, is_told_there, what };
        let parcels: Vec<_> = numbered.map(parcel).collect();
        self.relays.relay.hand_on(&parcels).await?;
        Ok(first + count - 1)
    }
}

#[async_trait]
impl Announcements for RelayedAnnouncements {
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        self.announce_all(&[Addressed { to: to.to_vec(), announcement: announcement.clone() }]).await
    }

    /// Announces to the connections of all processes. Messages that the relay does not take are told to no
    /// connection yet: they stay in the outbox. Everything else is a hint, which the connections of this
    /// process get all the same. Those of this process have mostly been told when the answer comes, so that
    /// they can be closed.
    async fn announce_all(&self, all: &[Addressed]) -> Result<(), StoreError> {
        let is_message = |what: &Addressed| matches!(what.announcement, Announcement::NewMessage(_));
        if all.is_empty() {
            return Ok(());
        }
        match self.hand_on(all, false).await {
            Ok(last) if all.iter().any(is_message) => {
                let mut back = self.back.subscribe();
                let is_back = async { back.wait_for(|back| *back >= last).await.is_ok() };
                let _ = tokio::time::timeout(BACK_WAIT, is_back).await;
                Ok(())
            }
            Ok(_) => Ok(()),
            Err(error) => {
                for Addressed { to, announcement } in all.iter().filter(|what| !is_message(what)) {
                    self.own.announce(to, announcement).await?;
                }
                Err(error)
            }
        }
    }

    async fn announce_here(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        self.own.announce(to, announcement).await
    }

    /// The connections of other processes are told like those of this one, which gets nothing over the relay.
    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError> {
        let finished = Announcement::UploadFinished(Progress::of_message(message), message.id);
        let both = [Announcement::NewMessage(Box::new(message.clone())), finished];
        let both = both.map(|announcement| Addressed { to: to.to_vec(), announcement });
        self.hand_on(&both, true).await?;
        let is_left = self.own.leave(to, message).await?;
        if is_left {
            self.told().add(message.id);
        }
        Ok(is_left)
    }

    fn let_go(&self) {
        self.own.let_go();
    }

    fn start_over(&self) {
        self.own.start_over();
    }
}

impl std::fmt::Debug for Relays {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Relays")
    }
}

impl std::fmt::Debug for RelayedAnnouncements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayedAnnouncements").field("process", &self.process).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

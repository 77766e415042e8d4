//! Announcements where several processes serve the same stores: each is told to this process's connections,
//! and handed on to the other processes.
//!
//! ```text
//! publisher ─► relay ─► every other process ─► its connections
//!          └─► the connections of this one
//! ```

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::message::{Message, UserId};
use crate::store::{Announcement, Announcements, Parcel, Relay, StoreError};

/// The port of announcements to the connections of all processes.
pub struct RelayedAnnouncements {
    process: Uuid,
    own: Arc<dyn Announcements>,
    relay: Arc<dyn Relay>,
}

impl RelayedAnnouncements {
    /// The port over this process's own connections, and over the relay to those of the others.
    pub fn new(own: Arc<dyn Announcements>, relay: Arc<dyn Relay>) -> Self {
        Self { process: Uuid::new_v4(), own, relay }
    }

    /// Tells this process's connections what the other processes announce, until cancelled.
    pub async fn keep_delivering(&self, cancelled: &CancellationToken) {
        let mut parcels = self.relay.parcels();
        while let Some(Some(parcel)) = cancelled.run_until_cancelled(parcels.next()).await {
            if parcel.from == self.process {
                continue;
            }
            if let Err(error) = self.own.announce(&parcel.to, &parcel.announcement).await {
                tracing::warn!(%error, "an announcement of another process was not handed over");
            }
        }
    }

    async fn hand_on(&self, to: &[UserId], announcement: Announcement) -> Result<(), StoreError> {
        self.relay.hand_on(&Parcel { from: self.process, to: to.to_vec(), announcement }).await
    }
}

#[async_trait]
impl Announcements for RelayedAnnouncements {
    /// Announces to the connections of all processes. A message that the relay does not take is told to no
    /// connection yet: it stays in the outbox, and each attempt would tell it once more. Everything else is a
    /// hint, which the connections of this process get all the same.
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        let handed = self.hand_on(to, announcement.clone()).await;
        if matches!(announcement, Announcement::NewMessage(_)) {
            handed?;
            return self.own.announce(to, announcement).await;
        }
        self.own.announce(to, announcement).await.and(handed)
    }

    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError> {
        self.hand_on(to, Announcement::NewMessage(Box::new(message.clone()))).await?;
        self.own.leave(to, message).await
    }

    fn let_go(&self) {
        self.own.let_go();
    }
}

impl std::fmt::Debug for RelayedAnnouncements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayedAnnouncements").field("process", &self.process).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageId, Stamp};
    use crate::store::Progress;
    use crate::store::contract::samples;
    use crate::store::memory::{MemoryAnnouncements, MemoryRelay};

    /// A process with what its connections hear.
    struct Process {
        heard: MemoryAnnouncements,
        announcements: Arc<RelayedAnnouncements>,
        _ends: tokio_util::sync::DropGuard,
    }

    async fn process(relay: &MemoryRelay) -> Process {
        let heard = MemoryAnnouncements::default();
        let announcements =
            Arc::new(RelayedAnnouncements::new(Arc::new(heard.clone()), Arc::new(relay.clone())));
        let ending = CancellationToken::new();
        let (delivering, cancelled) = (Arc::clone(&announcements), ending.clone());
        tokio::spawn(async move { delivering.keep_delivering(&cancelled).await });
        // It listens before anything is handed on.
        tokio::task::yield_now().await;
        Process { heard, announcements, _ends: ending.drop_guard() }
    }

    fn message() -> Message {
        let stamp = Stamp { id: MessageId::from_bytes([1; 12]), at: samples::at(7) };
        samples::whole(Some("c")).message(stamp).expect("it is bound")
    }

    fn every_kind() -> Vec<Announcement> {
        let message = message();
        let progress = Progress::of_message(&message);
        vec![
            Announcement::UploadStarted(progress.clone()),
            Announcement::UploadProgress(Progress { length: None, ..progress.clone() }),
            Announcement::UploadPaused(progress.clone()),
            Announcement::NewMessage(Box::new(message.clone())),
            Announcement::UploadFinished(progress.clone(), message.id),
            Announcement::UploadCancelled(progress),
        ]
    }

    async fn heard(process: &Process, count: usize) -> Vec<Announcement> {
        while process.heard.all().len() < count {
            tokio::task::yield_now().await;
        }
        process.heard.all().into_iter().map(|(_, what)| what).collect()
    }

    #[tokio::test]
    async fn what_one_process_announces_each_tells_once_and_unchanged() {
        let relay = MemoryRelay::default();
        let [one, other] = [process(&relay).await, process(&relay).await];
        let (to, every_kind) = ([message().sender], every_kind());
        for announcement in &every_kind {
            one.announcements.announce(&to, announcement).await.expect("handed over");
        }
        let last = Announcement::UploadPaused(Progress { offset: 0, ..Progress::of_message(&message()) });
        other.announcements.announce(&to, &last).await.expect("handed over");
        let expected: Vec<_> = every_kind.iter().cloned().chain([last.clone()]).collect();
        assert_eq!(heard(&one, expected.len()).await, expected);
        let mut elsewhere = heard(&other, expected.len()).await;
        // Its own announcement is told at once, and those of others when the relay brings them.
        elsewhere.retain(|what| *what != last);
        assert_eq!(elsewhere, every_kind);
    }

    #[tokio::test]
    async fn a_broken_relay_costs_hints_and_delays_messages() {
        let relay = MemoryRelay::default();
        let [one, other] = [process(&relay).await, process(&relay).await];
        let message = message();
        let to = [message.sender.clone()];
        let [hint, made] = [
            Announcement::UploadStarted(Progress::of_message(&message)),
            Announcement::NewMessage(Box::new(message.clone())),
        ];
        relay.break_off(true);
        one.announcements.announce(&to, &hint).await.expect_err("others do not hear of it");
        one.announcements.announce(&to, &made).await.expect_err("it stays owed");
        one.announcements.leave(&to, &message).await.expect_err("it stays owed");
        assert_eq!(heard(&one, 1).await, [hint]);
        assert_eq!(one.heard.left_for(&message.sender), []);
        relay.break_off(false);
        one.announcements.announce(&to, &made).await.expect("handed over");
        assert_eq!(heard(&other, 1).await, [made]);
    }
}

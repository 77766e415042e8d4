//! What other processes announce, told to this one's connections.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::RelayedAnnouncements;
use crate::metrics;
use crate::store::{Addressed, Announcement, Brought, Parcel, StoreError};
use crate::upload::UploadId;

/// How long a look is put off after one that failed.
const RETRY: Duration = Duration::from_secs(1);
/// How much further back a look goes than it has to: for the time that its question takes, and that a parcel
/// is on its way.
const MARGIN: Duration = Duration::from_secs(10);

/// The most uploads whose hints are counted, those that ended included.
const MOST_UPLOADS: usize = 100_000;

/// The doubts of a delivery.
struct Doubts {
    /// Everything that was announced before this instant has been told.
    known: Instant,
    /// Since when something may be missing, and when it may be looked for.
    open: Option<(Instant, Instant)>,
    /// Whether it could not be looked for yet.
    has_failed: bool,
}

/// The number of the last hint of each process about each upload. A channel that hung may bring old ones
/// after newer ones that went another way. Hints about different uploads may come in any order.
#[derive(Default)]
struct Hints(HashMap<(Uuid, UploadId), u64>);

impl RelayedAnnouncements {
    /// Tells this process's connections what the relay brings, and hands events of uploads on other processes
    /// to `hear`, until cancelled. That can be done once.
    pub async fn keep_delivering(&self, hear: impl Fn(&Announcement), cancelled: &CancellationToken) {
        let Some(mut brought) = self.take_brought() else { return };
        let mut doubts = Doubts::from(self.begun);
        let mut hints = Hints::default();
        loop {
            let next = async {
                match doubts.open {
                    None => Ok(brought.next().await),
                    Some((_, at)) => tokio::time::timeout_at(at.into(), brought.next()).await,
                }
            };
            match cancelled.run_until_cancelled(next).await {
                None | Some(Ok(None)) => return,
                Some(Ok(Some(Brought::Doubt(since)))) => doubts.open(since),
                Some(Ok(Some(Brought::Parcel(parcel)))) if hints.is_late(&parcel) => {}
                Some(Ok(Some(Brought::Parcel(parcel)))) => self.deliver(&parcel, &doubts, &hear).await,
                // It is time to look again.
                Some(Err(_)) => {}
            }
            self.settle(&mut doubts, &hear).await;
        }
    }

    /// Tells what a parcel brings. While there is a doubt, its message is told by the look: there may be
    /// older ones of its conversation.
    async fn deliver(&self, parcel: &Parcel, doubts: &Doubts, hear: &impl Fn(&Announcement)) {
        let is_own = parcel.from == self.process;
        let Addressed { to, announcement } = &parcel.what;
        if !is_own {
            hear(announcement);
        }
        let is_told = is_own && parcel.is_told_there;
        let outcome = match announcement {
            Announcement::NewMessage(_) if is_told || doubts.open.is_some() => Ok(()),
            Announcement::NewMessage(message) => self.tell_once(to, message).await,
            _ if is_told => Ok(()),
            _ => self.own.announce(to, announcement).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "an announcement was not handed over");
        }
        if is_own {
            self.back.send_modify(|back| *back = (*back).max(parcel.number));
        }
    }

    /// Looks for what may be missing, if that is due.
    async fn settle(&self, doubts: &mut Doubts, hear: &impl Fn(&Announcement)) {
        let begun = Instant::now();
        let Some((since, _)) = doubts.open.filter(|(_, at)| *at <= begun) else { return };
        metrics::get().relay_looks.inc();
        match self.look(begun.duration_since(since) + MARGIN, hear).await {
            Ok(()) => *doubts = Doubts::from(begun),
            Err(error) => {
                if !std::mem::replace(&mut doubts.has_failed, true) {
                    tracing::warn!(%error, "messages that may be missing could not be looked for yet");
                }
                doubts.open = Some((since, begun + RETRY));
            }
        }
    }

    /// Tells all messages that were announced within this period and that this process has not told.
    async fn look(&self, period: Duration, hear: &impl Fn(&Announcement)) -> Result<(), StoreError> {
        let Some(ids) = self.relays.recent.announced_within(period).await? else {
            tracing::warn!("more was missed than can be told; clients connect again");
            self.own.start_over();
            return Ok(());
        };
        for id in ids {
            if self.told().contains(id) {
                continue;
            }
            let Some(message) = self.relays.messages.find(id).await? else { continue };
            let to = self.relays.memberships.participants(message.conversation_id).await?;
            self.tell_once(&to.unwrap_or_default(), &message).await?;
            hear(&Announcement::NewMessage(Box::new(message)));
        }
        Ok(())
    }
}

impl Hints {
    /// Whether a newer hint of the same process about the same upload came before. Messages are never late.
    fn is_late(&mut self, parcel: &Parcel) -> bool {
        let Some(progress) = parcel.what.announcement.progress() else { return false };
        if self.0.len() >= MOST_UPLOADS {
            self.0.clear();
        }
        let last = self.0.entry((parcel.from, progress.upload_id)).or_default();
        let is_late = parcel.number <= *last;
        *last = parcel.number.max(*last);
        is_late
    }
}

impl Doubts {
    /// No doubt about what was announced before this instant.
    fn from(known: Instant) -> Self {
        Self { known, open: None, has_failed: false }
    }

    fn open(&mut self, since: Instant) {
        let since = since.max(self.known);
        self.open = Some(match self.open {
            Some((before, at)) => (before.min(since), at),
            None => (since, Instant::now()),
        });
    }
}

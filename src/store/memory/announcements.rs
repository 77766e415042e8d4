//! Announcements that are only remembered.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::lock;
use crate::message::{Message, UserId};
use crate::store::{Announcement, Announcements, Progress, StoreError};

/// Remembers every announcement with its addressees. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct MemoryAnnouncements {
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default)]
struct Told {
    all: Vec<(Vec<UserId>, Announcement)>,
    left: Vec<(Vec<UserId>, Announcement)>,
    has_let_go: bool,
    refusals_left: usize,
}

impl MemoryAnnouncements {
    /// Everything that was announced, in order, each with its addressees.
    pub fn all(&self) -> Vec<(Vec<UserId>, Announcement)> {
        lock(&self.told).all.clone()
    }

    /// The announcements that a connection of this user has received, in order.
    pub fn heard_by(&self, user: &UserId) -> Vec<Announcement> {
        let told = lock(&self.told);
        told.all.iter().filter(|(to, _)| to.contains(user)).map(|(_, what)| what.clone()).collect()
    }

    /// The announcements that a connection of this user receives when it connects now.
    pub fn left_for(&self, user: &UserId) -> Vec<Announcement> {
        let told = lock(&self.told);
        told.left.iter().filter(|(to, _)| to.contains(user)).map(|(_, what)| what.clone()).collect()
    }

    /// Refuses this many announcements from now on as unavailable.
    pub fn refuse_next(&self, times: usize) {
        lock(&self.told).refusals_left = times;
    }
}

#[async_trait]
impl Announcements for MemoryAnnouncements {
    async fn announce(&self, to: &[UserId], announcement: &Announcement) -> Result<(), StoreError> {
        let mut told = lock(&self.told);
        if told.refusals_left > 0 {
            told.refusals_left -= 1;
            return Err(StoreError::Unavailable("announcements are refused".into()));
        }
        told.all.push((to.to_vec(), announcement.clone()));
        Ok(())
    }

    async fn leave(&self, to: &[UserId], message: &Message) -> Result<bool, StoreError> {
        if lock(&self.told).has_let_go {
            return Ok(false);
        }
        let finished = Announcement::UploadFinished(Progress::of_message(message), message.id);
        for announcement in [Announcement::NewMessage(Box::new(message.clone())), finished] {
            self.announce(to, &announcement).await?;
            lock(&self.told).left.push((to.to_vec(), announcement));
        }
        Ok(true)
    }

    fn let_go(&self) {
        let mut told = lock(&self.told);
        told.left.clear();
        told.has_let_go = true;
    }
}

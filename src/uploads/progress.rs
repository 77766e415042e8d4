//! Telling the other members how an upload goes. Hints only: they may be lost, and nothing waits for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::message::MessageId;
use crate::store::{Announcement, Progress, Stores};
use crate::upload::{State, Upload, UploadId};

/// More announcements than this are not under way at once; what would be too many is not told.
const MOST_UNDER_WAY: usize = 256;
/// An upload's progress is told at most this often.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Of more uploads than this the last telling is not remembered.
const MOST_REMEMBERED: usize = 10_000;

/// Announces what happens to bound uploads, to everybody in the conversation but the sender.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    stores: Stores,
    under_way: Arc<Semaphore>,
    told: Arc<Mutex<HashMap<UploadId, Instant>>>,
}

impl Teller {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores, under_way: Arc::new(Semaphore::new(MOST_UNDER_WAY)), told: Arc::default() }
    }

    pub(crate) fn started(&self, upload: &Upload) {
        self.tell(upload, Announcement::UploadStarted);
    }

    pub(crate) fn progressed(&self, upload: &Upload) {
        if upload.binding.is_some() && upload.state == State::Receiving && self.is_due(upload.id) {
            self.tell(upload, Announcement::UploadProgress);
        }
    }

    pub(crate) fn finished(&self, upload: &Upload, message: MessageId) {
        self.forget(upload.id);
        self.tell(upload, |progress| Announcement::UploadFinished(progress, message));
    }

    pub(crate) fn cancelled(&self, upload: &Upload) {
        self.forget(upload.id);
        self.tell(upload, Announcement::UploadCancelled);
    }

    fn tell(&self, upload: &Upload, announcement: impl FnOnce(Progress) -> Announcement) {
        let Some(progress) = progress_of(upload) else { return };
        let Ok(permit) = Arc::clone(&self.under_way).try_acquire_owned() else { return };
        let (conversation, sender) = (progress.conversation_id, progress.sender.clone());
        let (stores, announcement) = (self.stores.clone(), announcement(progress));
        tokio::spawn(async move {
            if let Ok(Some(mut others)) = stores.memberships.participants(conversation).await {
                others.retain(|user| *user != sender);
                // Whoever was not told sees the message all the same.
                let _ = stores.announcements.announce(&others, &announcement).await;
            }
            drop(permit);
        });
    }

    fn is_due(&self, id: UploadId) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match told.get(&id) {
            Some(last) if now.duration_since(*last) < PROGRESS_EVERY => return false,
            None if told.len() >= MOST_REMEMBERED => told.clear(),
            _ => {}
        }
        told.insert(id, now);
        true
    }

    fn forget(&self, id: UploadId) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

fn progress_of(upload: &Upload) -> Option<Progress> {
    Some(Progress {
        upload_id: upload.id,
        conversation_id: upload.binding.as_ref()?.conversation_id,
        sender: upload.owner.clone(),
        file_name: upload.metadata.file_name().unwrap_or("file").to_owned(),
        offset: upload.offset,
        length: upload.length.known(),
    })
}

//! Which messages a crash left unannounced.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::message::{Message, MessageId};
use crate::upload::UploadId;

/// So many messages are kept for clients that come back. What goes beyond is told to those who are there, as any
/// other message.
pub(super) const MOST: usize = 1024;

/// What the process before this one owed when it ended.
#[derive(Debug, Default)]
pub(super) struct Left(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    owed: HashSet<UploadId>,
    held: HashSet<MessageId>,
}

impl Left {
    /// This upload's message was owed already when the process began.
    pub(super) fn owe(&self, upload: UploadId) {
        self.lock().owed.insert(upload);
    }

    /// Whether this message is to be kept for clients that come back.
    pub(super) fn is_owed(&self, message: &Message) -> bool {
        let known = self.lock();
        known.held.len() < MOST && known.owed.contains(&UploadId::from_bytes(*message.upload_id.as_bytes()))
    }

    /// The message is kept, and stays in the outbox meanwhile.
    pub(super) fn hold(&self, message: MessageId) {
        self.lock().held.insert(message);
    }

    /// Whether it is kept.
    pub(super) fn holds(&self, message: MessageId) -> bool {
        self.lock().held.contains(&message)
    }

    /// Nothing new is kept from now on; what is.
    pub(super) fn settle(&self) -> Vec<MessageId> {
        let mut known = self.lock();
        known.owed = HashSet::new();
        known.held.iter().copied().collect()
    }

    /// What was kept is out of the outbox.
    pub(super) fn forget(&self) {
        self.lock().held = HashSet::new();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

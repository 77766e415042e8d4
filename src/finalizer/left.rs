//! The messages that a crash left unannounced.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::message::{Message, MessageId};
use crate::upload::UploadId;

/// The most messages that are kept for clients that come back. Any others are announced to connected users,
/// as any other message is.
pub(super) const MOST: usize = 1024;

/// The messages that the previous process owed when it ended.
#[derive(Debug, Default)]
pub(super) struct Left(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    owed: HashSet<UploadId>,
    held: HashSet<MessageId>,
}

impl Left {
    /// Notes that this upload's message was owed already when the process began.
    pub(super) fn owe(&self, upload: UploadId) {
        self.lock().owed.insert(upload);
    }

    /// Whether the message is to be kept for clients that come back.
    pub(super) fn is_owed(&self, message: &Message) -> bool {
        let known = self.lock();
        known.held.len() < MOST && known.owed.contains(&UploadId::from_bytes(*message.upload_id.as_bytes()))
    }

    /// Notes that the message is kept. It stays in the outbox meanwhile.
    pub(super) fn hold(&self, message: MessageId) {
        self.lock().held.insert(message);
    }

    /// Whether the message is kept.
    pub(super) fn holds(&self, message: MessageId) -> bool {
        self.lock().held.contains(&message)
    }

    /// Ends the keeping of further messages; answers those that are kept.
    pub(super) fn settle(&self) -> Vec<MessageId> {
        let mut known = self.lock();
        known.owed = HashSet::new();
        known.held.iter().copied().collect()
    }

    /// Forgets the kept messages, which are out of the outbox.
    pub(super) fn forget(&self) {
        self.lock().held = HashSet::new();
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The messages that this process has committed and not announced yet.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::message::{ConversationId, MessageId};

/// The most messages that are remembered. Any others are announced like those that another process left.
const MOST: usize = 100_000;

/// The messages that are to be announced at once, with their conversations.
#[derive(Debug, Default)]
pub(super) struct Committed {
    waiting: Mutex<HashMap<MessageId, ConversationId>>,
    added: Notify,
}

impl Committed {
    /// Notes a message that was committed just now.
    pub(super) fn add(&self, message: MessageId, conversation: ConversationId) {
        let mut waiting = self.lock();
        if waiting.len() < MOST {
            waiting.insert(message, conversation);
        }
        self.added.notify_one();
    }

    /// Waits until a message was added.
    pub(super) async fn added(&self) {
        self.added.notified().await;
    }

    /// The messages that wait.
    pub(super) fn waiting(&self) -> HashMap<MessageId, ConversationId> {
        self.lock().clone()
    }

    /// Whether no message waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Forgets messages that were announced, by this process or by another.
    pub(super) fn forget(&self, announced: &HashMap<MessageId, ConversationId>) {
        self.lock().retain(|id, _| !announced.contains_key(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, ConversationId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

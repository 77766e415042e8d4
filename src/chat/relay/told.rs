//! The messages that this process told its connections lately.

use std::collections::{HashSet, VecDeque};

use crate::message::MessageId;

/// The most messages that are remembered. One that was told longer ago may be told again.
const MOST: usize = 100_000;

/// The ids of messages, those told first in front.
#[derive(Debug, Default)]
pub(super) struct Told {
    ids: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Told {
    /// Whether the message was told.
    pub(super) fn contains(&self, id: MessageId) -> bool {
        self.ids.contains(&id)
    }

    /// Notes that the message was told.
    pub(super) fn add(&mut self, id: MessageId) {
        if !self.ids.insert(id) {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > MOST
            && let Some(first) = self.order.pop_front()
        {
            self.ids.remove(&first);
        }
    }
}

//! The messages that a user missed since one that the user knows: everything newer, in all conversations.

use std::collections::BTreeSet;

use super::{ChatError, Chats};
use crate::message::{ConversationId, MessageId, UserId};
use crate::time::Timestamp;

/// How far before the known message reading begins in the other conversations: a message gets its id before
/// it is committed, and one with an earlier id may be committed later.
const OVERLAP_SECS: u32 = 60;
/// How many conversations, and messages of one conversation, are read at once.
const CONVERSATIONS: usize = 64;
const MESSAGES: usize = 16;

/// The messages that a user missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// The ids, oldest first, those of a conversation in its order. Some from the minute before the known
    /// message may be among them, which the user may know.
    pub messages: Vec<MessageId>,
    /// Whether these are all.
    pub is_all: bool,
    /// Whether the user may see the known message. If not, only the time in its id was used.
    pub is_known: bool,
}

impl Chats {
    /// The messages that are newer than one that the user knows: the oldest of them, at most `most`.
    ///
    /// # Errors
    /// [`ChatError::Store`].
    pub async fn missed(&self, user: &UserId, known: MessageId, most: usize) -> Result<Missed, ChatError> {
        let home = match self.message(user, known).await {
            Ok(message) => Some(message.conversation_id),
            Err(ChatError::MessageNotFound) => None,
            Err(error) => return Err(error),
        };
        let (mut oldest, mut last) = (Oldest::new(most), None);
        loop {
            let page = self.memberships.conversations(user, last, CONVERSATIONS).await?;
            for id in &page {
                let after = if home == Some(*id) { known } else { known.earlier(OVERLAP_SECS) };
                self.read_newer(*id, after, &mut oldest).await?;
            }
            last = page.last().copied();
            if page.len() < CONVERSATIONS {
                return Ok(oldest.into_missed(home.is_some()));
            }
        }
    }

    /// Whether the message is still to be announced to connections.
    ///
    /// # Errors
    /// [`ChatError::Store`].
    pub async fn is_unannounced(&self, id: MessageId) -> Result<bool, ChatError> {
        Ok(self.messages.is_unpublished(id).await?)
    }

    async fn read_newer(
        &self,
        conversation: ConversationId,
        mut after: MessageId,
        oldest: &mut Oldest,
    ) -> Result<(), ChatError> {
        oldest.begin();
        loop {
            let page = self.messages.newer(conversation, after, None, MESSAGES).await?;
            for message in &page {
                if !oldest.add(message.created_at, message.id) {
                    return Ok(());
                }
                after = message.id;
            }
            if page.len() < MESSAGES {
                return Ok(());
            }
        }
    }
}

/// The oldest of the messages that are added conversation by conversation.
struct Oldest {
    most: usize,
    is_all: bool,
    /// The messages by time, and within a conversation in its order, whatever their times are.
    kept: BTreeSet<(Timestamp, usize, usize, MessageId)>,
    conversation: usize,
    latest: Option<Timestamp>,
    count: usize,
}

impl Oldest {
    fn new(most: usize) -> Self {
        Self { most, is_all: true, kept: BTreeSet::new(), conversation: 0, latest: None, count: 0 }
    }

    /// Begins the next conversation.
    fn begin(&mut self) {
        (self.conversation, self.latest) = (self.conversation + 1, None);
    }

    /// Adds the conversation's next message; answers whether those after it may be among the oldest.
    fn add(&mut self, at: Timestamp, id: MessageId) -> bool {
        let at = self.latest.map_or(at, |latest| latest.max(at));
        (self.latest, self.count) = (Some(at), self.count + 1);
        let entry = (at, self.conversation, self.count, id);
        self.kept.insert(entry);
        if self.kept.len() <= self.most {
            return true;
        }
        self.is_all = false;
        self.kept.pop_last() != Some(entry)
    }

    fn into_missed(self, is_known: bool) -> Missed {
        let messages = self.kept.into_iter().map(|(.., id)| id).collect();
        Missed { messages, is_all: self.is_all, is_known }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::contract::samples::{binding, conversation, user, whole};
    use crate::store::memory::{Memory, MemoryPayloads};
    use crate::store::{Claim, Memberships, Messages, Records, Taking};
    use crate::upload::{Binding, Upload};

    fn oldest_of(most: usize, conversations: &[&[(u64, u8)]]) -> (Vec<u8>, bool) {
        let mut oldest = Oldest::new(most);
        for messages in conversations {
            oldest.begin();
            for (at, id) in *messages {
                if !oldest.add(Timestamp::from_millis(*at), MessageId::from_bytes([*id; 12])) {
                    break;
                }
            }
        }
        let missed = oldest.into_missed(true);
        (missed.messages.iter().map(|id| id.as_bytes()[0]).collect(), missed.is_all)
    }

    /// A message of this conversation that was claimed at this second and is committed now.
    async fn made(memory: &Memory, number: u8, secs: u64) -> MessageId {
        let binding = Binding { conversation_id: conversation(number), ..binding(None) };
        let upload = Upload { binding: Some(binding), ..whole(None) };
        memory.create(&upload, Taking::IfFree).await.expect("created");
        let at = Timestamp::from_millis(secs * 1000);
        let Claim::Finalizing(stamp) = memory.claim(upload.id, at).await.expect("claimed") else { panic!() };
        memory.commit(&upload.message(stamp).expect("bound"), at).await.expect("committed");
        stamp.id
    }

    #[tokio::test]
    async fn what_began_within_a_minute_before_is_found_elsewhere() {
        let memory = Arc::new(Memory::new());
        let ann = user("ann");
        for number in [1, 2] {
            memory.put(conversation(number), std::slice::from_ref(&ann)).await.expect("stored");
        }
        memory.put(conversation(3), &[user("bob")]).await.expect("stored");
        let before = made(&memory, 1, 999).await;
        let known = made(&memory, 1, 1000).await;
        let newer = made(&memory, 1, 1001).await;
        let mut elsewhere = Vec::new();
        for secs in [939, 940, 999, 1002] {
            elsewhere.push(made(&memory, 2, secs).await);
        }
        made(&memory, 3, 1002).await;
        let chats = Chats::new(memory.clone(), memory, Arc::new(MemoryPayloads::default()));
        let [_, first, second, last] = elsewhere[..] else { panic!() };
        let missed = chats.missed(&ann, known, 9).await.expect("readable");
        let messages = vec![first, second, newer, last];
        assert_eq!(missed, Missed { messages, is_all: true, is_known: true });
        // A known message of another's conversation, or of none, counts by its time.
        let missed = chats.missed(&user("bob"), known, 9).await.expect("readable");
        assert_eq!((missed.messages.len(), missed.is_known), (1, false));
        let missed = chats.missed(&ann, known.successor(), 9).await.expect("readable");
        let messages = vec![first, before, second, known, newer, last];
        let sorted = |mut messages: Vec<MessageId>| {
            messages.sort();
            messages
        };
        assert_eq!((sorted(missed.messages), missed.is_known), (sorted(messages), false));
    }

    #[test]
    fn the_oldest_are_kept_whatever_conversation_they_are_of() {
        let one: &[_] = &[(10, 1), (30, 3), (50, 5), (70, 7)];
        let two: &[_] = &[(20, 2), (40, 4), (60, 6)];
        for (most, conversations, expected, is_all) in [
            (9, &[one, two][..], &[1, 2, 3, 4, 5, 6, 7][..], true),
            (7, &[one, two], &[1, 2, 3, 4, 5, 6, 7], true),
            (6, &[one, two], &[1, 2, 3, 4, 5, 6], false),
            (3, &[two, one], &[1, 2, 3], false),
            (2, &[&[(1, 8), (2, 9)], one], &[8, 9], false),
            (0, &[one], &[], false),
            (0, &[], &[], true),
            // Messages that are committed in another order than they were claimed.
            (9, &[&[(50, 1), (40, 2), (60, 3)], &[(45, 4), (55, 5)]], &[4, 1, 2, 5, 3], true),
        ] {
            assert_eq!(
                oldest_of(most, conversations),
                (expected.to_vec(), is_all),
                "{most}: {conversations:?}"
            );
        }
    }
}

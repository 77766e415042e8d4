//! How much there is of what is moved, by which the folder is compared with what it became.

use std::fmt;

use crate::store::StoreError;
use crate::store::postgres::Counts;
use crate::store::sled::SledStore;

/// The numbers of what is moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally(Counts);

impl From<Counts> for Tally {
    fn from(counts: Counts) -> Self {
        Self(counts)
    }
}

impl Tally {
    /// What the records come to.
    pub(super) async fn of(records: &SledStore) -> Result<Self, StoreError> {
        let mut counts = Counts::default();
        let mut uploads = records.kept_uploads();
        loop {
            let page = uploads.next().await?;
            counts.uploads += page.len() as u64;
            let unplaced = page.iter().filter(|row| row.upload.state.needs_bytes());
            counts.part_bytes += unplaced.map(|row| u128::from(row.upload.offset)).sum::<u128>();
            if page.is_empty() {
                break;
            }
        }
        let mut messages = records.kept_messages();
        loop {
            let page = messages.next().await?;
            counts.messages += page.len() as u64;
            counts.unpublished += page.iter().filter(|row| row.is_unpublished).count() as u64;
            counts.file_bytes += page.iter().map(|row| u128::from(row.message.file_size)).sum::<u128>();
            if page.is_empty() {
                break;
            }
        }
        let mut conversations = records.kept_conversations();
        loop {
            let page = conversations.next().await?;
            counts.conversations += page.len() as u64;
            counts.participants += page.iter().map(|row| row.participants.len() as u64).sum::<u64>();
            if page.is_empty() {
                break;
            }
        }
        let mut ids = records.kept_client_ids();
        loop {
            let page = ids.next().await?;
            counts.client_ids += page.len() as u64;
            if page.is_empty() {
                return Ok(Self(counts));
            }
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { conversations, participants, messages, unpublished, file_bytes, .. } = self.0;
        let Counts { uploads, part_bytes, client_ids, .. } = self.0;
        write!(
            f,
            "{conversations} conversations with {participants} participants, {messages} messages ({unpublished} \
             to be announced) with {file_bytes} bytes, {uploads} uploads with {part_bytes} bytes that are no \
             message's, {client_ids} client_message_ids"
        )
    }
}

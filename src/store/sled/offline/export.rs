//! Everything that the records have, page by page, for another store.

use sha2::{Digest, Sha256};
use sled::IVec;

use super::super::engine::layered::{Layered, Rows};
use super::super::messages;
use super::super::store::SledStore;
use super::super::tables::keys::{self, Key, Table};
use super::super::tables::rows::{self, ClaimRow};
use super::super::tables::{order, uploads};
use crate::message::Stamp;
use crate::store::StoreError;
use crate::store::kept::{KeptClientId, KeptClock, KeptConversation, KeptMessage, KeptUpload};

/// How many rows are read at once.
const PAGE: usize = 256;

type Read<T> = fn(&Layered<'_>, &[u8], &IVec) -> Result<T, StoreError>;

/// The rows of a table, page by page.
#[derive(Debug)]
pub struct Pages<'a, T> {
    store: &'a SledStore,
    next: Key,
    end: Key,
    read: Read<T>,
}

impl<T> Pages<'_, T> {
    /// The next rows; none at the end.
    ///
    /// # Errors
    /// [`StoreError`] if a row cannot be read.
    pub async fn next(&mut self) -> Result<Vec<T>, StoreError> {
        let (start, end, read) = (self.next.clone(), self.end.clone(), self.read);
        let page = |tree: &Layered<'_>| {
            let (mut found, mut next) = (Vec::new(), end.clone());
            for row in tree.rows(start.clone()..end.clone()).take(PAGE) {
                let (key, row) = row?;
                found.push(read(tree, &key, &row)?);
                next = keys::after(&key);
            }
            Ok((found, next))
        };
        let (found, next) = self.store.core.read(page).await?;
        self.next = next;
        Ok(found)
    }
}

impl SledStore {
    fn pages<T>(&self, table: Table, read: Read<T>) -> Pages<'_, T> {
        Pages { store: self, next: table.start(), end: table.end(), read }
    }

    /// All uploads.
    pub fn kept_uploads(&self) -> Pages<'_, KeptUpload> {
        self.pages(keys::UPLOAD, |tree, key, _| {
            let id = keys::upload_at_end(key).ok_or_else(|| damaged("upload"))?;
            let upload = uploads::find(tree, id)?.ok_or_else(|| damaged("upload"))?.upload;
            Ok(KeptUpload { upload, is_used: tree.get(&keys::used(id))?.is_some() })
        })
    }

    /// All messages.
    pub fn kept_messages(&self) -> Pages<'_, KeptMessage> {
        self.pages(keys::MESSAGE, |tree, key, _| {
            let id = keys::message_at_end(key).ok_or_else(|| damaged("message"))?;
            let message = messages::find(tree, id)?.ok_or_else(|| damaged("message"))?;
            let is_unpublished = tree.get(&keys::outbox(id))?.is_some();
            Ok(KeptMessage { message, position: order::position(tree, id)?, is_unpublished })
        })
    }

    /// All conversations.
    pub fn kept_conversations(&self) -> Pages<'_, KeptConversation> {
        self.pages(keys::CONVERSATION, |tree, key, _| {
            let id = keys::conversation_at_end(key).ok_or_else(|| damaged("conversation"))?;
            let own = keys::participants(id);
            let participants = tree
                .rows(own.clone()..keys::end_of(&own))
                .map(|row| keys::user_at_end(&row?.0, id).ok_or_else(|| damaged("participant")));
            Ok(KeptConversation { id, participants: participants.collect::<Result<_, _>>()? })
        })
    }

    /// The clocks of all conversations.
    pub fn kept_clocks(&self) -> Pages<'_, KeptClock> {
        self.pages(keys::LATEST, |tree, key, row| {
            let conversation = keys::conversation_at_end(key).ok_or_else(|| damaged("latest"))?;
            let latest: Stamp = rows::decode("latest", row)?;
            let last = tree.end(&keys::order_of(conversation))?;
            let position = last.map(|(key, _)| keys::place_in_order(&key).ok_or_else(|| damaged("order")));
            Ok(KeptClock { conversation, latest, position: position.transpose()?.map(|place| place.1) })
        })
    }

    /// All `client_message_id`s.
    pub fn kept_client_ids(&self) -> Pages<'_, KeptClientId> {
        self.pages(keys::CLAIM, |_, key, row| {
            let (conversation, sender, id) = keys::parts_of_claim(key).ok_or_else(|| damaged("claim"))?;
            let ClaimRow { upload, message } = rows::decode("claim", row)?;
            Ok(KeptClientId { conversation, sender, id, upload, message })
        })
    }

    /// A digest of all records, by which they are known again.
    ///
    /// # Errors
    /// [`StoreError`] if they cannot be read.
    pub async fn fingerprint(&self) -> Result<[u8; 32], StoreError> {
        let mut digest = Sha256::new();
        let (mut start, end) = (keys::UPLOAD.start(), keys::POSITION.end());
        while start < end {
            let page = |tree: &Layered<'_>| {
                let rows = tree.rows(start.clone()..end.clone());
                rows.take(PAGE).collect::<Result<Vec<_>, StoreError>>()
            };
            let page: Vec<(Key, IVec)> = self.core.read(page).await?;
            start = page.last().map_or_else(|| end.clone(), |(key, _)| keys::after(key));
            for bytes in page.iter().flat_map(|(key, row)| [&**key, &**row]) {
                digest.update(u64::try_from(bytes.len()).expect("a length fits").to_be_bytes());
                digest.update(bytes);
            }
        }
        Ok(digest.finalize().into())
    }
}

fn damaged(table: &str) -> StoreError {
    StoreError::Damaged(format!("{table}: a key"))
}

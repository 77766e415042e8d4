//! Whether files with the same `client_message_id` are the same. Only here it is decided which of two uploads
//! that both exist has a right to the message.
//!
//! ```text
//! the holder of the id is   the upload that came beside it, or instead of it, and is complete
//! receiving                 is another file if the lengths or the bytes so far say so; else it may go first
//! complete, finalizing      waits for the holder's message
//! committed                 is the message's file, and shares the message; or it is rejected
//! rejected, expired, gone   goes first
//! ```

use std::sync::Arc;

use futures_util::TryStreamExt;

use super::Finalizer;
use super::comparison::Comparison;
use crate::message::Message;
use crate::store::{Place, Source, StoreError};
use crate::upload::{DigestState, RunningDigest, State, Upload};

impl Finalizer {
    /// Whether a complete upload, whose bytes are not placed, has the very file of the message. Digests
    /// decide if both have one, otherwise the bytes do.
    pub(crate) async fn is_file_of(&self, upload: &Upload, message: &Message) -> Result<bool, StoreError> {
        if upload.offset != message.file_size {
            return Ok(false);
        }
        match (upload.sha256(), message.sha256) {
            (Some(own), Some(other)) => Ok(own == other),
            _ => {
                self.stores.payloads.seal(upload.id, upload.offset).await?;
                let placed = Source::Placed(Place::of(message), message.upload_id.into());
                self.agree(&Source::Part(upload.id), &placed, upload.offset).await
            }
        }
    }

    /// Whether a complete upload, whose bytes are not placed, is known to be another file than the upload
    /// that holds its `client_message_id` and has no message yet.
    pub(crate) async fn contradicts_holder(self: &Arc<Self>, upload: &Upload) -> Result<bool, StoreError> {
        let holder = self.stores.records.holder(upload).await?.filter(|holder| *holder != upload.id);
        let Some(holder) = holder else { return Ok(false) };
        let Some(first) = self.stores.records.find(holder).await? else { return Ok(false) };
        match first.state {
            State::Complete | State::Finalizing(_) => {
                // Once the holder's message is made, it can be compared with. A holder waits for no other
                // upload.
                self.drive(holder).await;
                Ok(false)
            }
            State::Receiving => Ok(self.is_another(upload, &first).await),
            State::Committed(_) | State::Rejected(_) | State::Expired => Ok(false),
        }
    }

    async fn is_another(&self, upload: &Upload, first: &Upload) -> bool {
        let is_of_another_length = first.length.known().is_some_and(|length| length != upload.offset);
        if is_of_another_length || first.offset > upload.offset {
            return true;
        }
        match self.agree(&Source::Part(upload.id), &Source::Part(first.id), first.offset).await {
            Ok(agree) => !agree,
            // Where bytes cannot be read before their upload is sealed, the ledger knows their digest so far.
            Err(StoreError::Unsealed) => matches!(self.begins_like(upload, first).await, Ok(Some(false))),
            // The holder has moved on meanwhile. The second one to complete is compared with the message.
            Err(_) => false,
        }
    }

    /// Whether a complete upload begins with the bytes that another one has so far, going by the digest of
    /// these; `None` if there is none.
    async fn begins_like(&self, upload: &Upload, first: &Upload) -> Result<Option<bool>, StoreError> {
        let Some(expected) = first.digest.as_ref().and_then(DigestState::finish) else { return Ok(None) };
        self.stores.payloads.seal(upload.id, upload.offset).await?;
        let mut digest = RunningDigest::default();
        let mut pieces = self.stores.payloads.read(&Source::Part(upload.id), 0..first.offset).await?;
        while let Some(piece) = pieces.try_next().await? {
            digest.update(&piece);
        }
        Ok(Some(digest.state().finish() == Some(expected)))
    }

    async fn agree(&self, one: &Source, other: &Source, length: u64) -> Result<bool, StoreError> {
        if length == 0 {
            return Ok(true);
        }
        let payloads = &self.stores.payloads;
        let mut pieces = payloads.read(one, 0..length).await?;
        let mut comparison = Comparison::with(payloads.read(other, 0..length).await?);
        while let Some(piece) = pieces.try_next().await? {
            if !comparison.agrees(&piece).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

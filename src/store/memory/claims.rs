//! The holders of `client_message_id`s.

use std::collections::HashMap;

use crate::message::{ClientMessageId, ConversationId, MessageId, UserId};
use crate::store::Taking;
use crate::upload::{Upload, UploadId};

/// The senders' own ids of messages, each with its holder.
#[derive(Debug, Default)]
pub(super) struct Claims(HashMap<Key, Holder>);

type Key = (UserId, ConversationId, ClientMessageId);

/// The upload that holds an id, and its message once that is claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) upload: UploadId,
    pub(super) message: Option<MessageId>,
}

impl Claims {
    pub(super) fn holder(&self, upload: &Upload) -> Option<Holder> {
        self.0.get(&key(upload)?).copied()
    }

    /// The other upload that keeps the id.
    pub(super) fn keeper(&self, upload: &Upload, taking: Taking) -> Option<UploadId> {
        let holder = self.holder(upload).filter(|holder| holder.upload != upload.id)?;
        let is_kept = match taking {
            Taking::IfFree => true,
            Taking::Overtake => holder.message.is_some(),
            Taking::Beside => false,
        };
        is_kept.then_some(holder.upload)
    }

    /// Takes the id for the upload, if no other upload keeps it.
    pub(super) fn take(&mut self, upload: &Upload, taking: Taking) {
        let is_free =
            self.holder(upload).is_none_or(|holder| holder.upload != upload.id && taking == Taking::Overtake);
        if is_free {
            self.set(upload, None);
        }
    }

    /// Makes a message the holder of the id.
    pub(super) fn claim(&mut self, upload: &Upload, message: MessageId) {
        self.set(upload, Some(message));
    }

    /// Makes the upload the holder of the id instead of the message that it claimed.
    pub(super) fn take_back(&mut self, upload: &Upload) {
        if self.holder(upload).is_some_and(|holder| holder.upload == upload.id) {
            self.set(upload, None);
        }
    }

    /// Frees the id, unless another upload or a message holds it.
    pub(super) fn release(&mut self, upload: &Upload) {
        if let Some(key) = key(upload)
            && self.0.get(&key) == Some(&Holder { upload: upload.id, message: None })
        {
            self.0.remove(&key);
        }
    }

    fn set(&mut self, upload: &Upload, message: Option<MessageId>) {
        if let Some(key) = key(upload) {
            self.0.insert(key, Holder { upload: upload.id, message });
        }
    }
}

fn key(upload: &Upload) -> Option<Key> {
    let binding = upload.binding.as_ref()?;
    Some((upload.owner.clone(), binding.conversation_id, binding.client_message_id.clone()?))
}

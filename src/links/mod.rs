//! Signed links to media, for `<img>` and `<video>`, which send no token. Pure: no I/O, no clock.
//!
//! A link is the path of the media with `?exp=<unix seconds>&sig=<base64url>`. Any client that has it may
//! read the file until `exp`. Only members get one, and it is made when a message is given out: nothing that
//! is stored or queued has a link in it.
//!
//! `exp` is a multiple of the period, between one and two periods ahead. So a link stays the same for up to a
//! period, and a browser finds in its cache what it has already loaded.
//!
//! The keys are random and kept with the data, or given as text, so that several servers can share them. They
//! are not derived from the key of tokens: that may be a public one, and it is replaced for other reasons.
//! The first key signs, and all of them are accepted. Removing a key ends its links.

mod grid;
mod keys;
mod presenter;
mod signature;

pub use keys::{InvalidLinkKeys, LinkKeys};
pub use presenter::Presenter;
pub use signature::Presented;

use std::sync::{Arc, PoisonError, RwLock};

use crate::message::{MediaLink, Message, MessageId};
use crate::time::Timestamp;

/// The longest lifetime that a client may ask for: seven days.
pub const MAX_LINK_SECS: u64 = 7 * 24 * 60 * 60;

/// Makes links and judges them. Without keys, which is the default, it makes none and accepts none.
#[derive(Debug, Default)]
pub struct MediaLinks {
    period_secs: u64,
    keys: RwLock<Arc<LinkKeys>>,
}

impl MediaLinks {
    /// Links that are valid for one to two periods.
    pub fn new(period_secs: u64, keys: LinkKeys) -> Self {
        Self { period_secs, keys: RwLock::new(Arc::new(keys)) }
    }

    /// Replaces the keys: from now on these sign and are accepted, and no others.
    pub fn trust(&self, keys: LinkKeys) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// A link to the media of a message, unchanged for a while; `None` if there are no links.
    pub fn link(&self, message: &Message, now: Timestamp) -> Option<MediaLink> {
        self.link_until(message, grid::expiry(self.period_secs, now))
    }

    /// A link that is valid for this many seconds, but no longer than [`MAX_LINK_SECS`].
    pub fn link_for(&self, message: &Message, secs: u64, now: Timestamp) -> Option<MediaLink> {
        self.link_until(message, now.secs().saturating_add(secs.min(MAX_LINK_SECS)))
    }

    /// Seconds for which a presented link is still valid; `None` if it is not, for whatever reason.
    pub fn judge(&self, presented: &Presented, id: MessageId, name: &str, now: Timestamp) -> Option<u64> {
        let is_signed = self.keys().accept(presented, id, name);
        let left_secs = presented.expires_at().millis().checked_sub(now.millis()).filter(|left| *left > 0);
        left_secs.filter(|_| is_signed).map(|millis| millis / 1000)
    }

    fn link_until(&self, message: &Message, exp: u64) -> Option<MediaLink> {
        let query = self.keys().sign(message.id, &message.stored_name, exp)?;
        Some(MediaLink { query, expires_at: Timestamp::from_secs(exp) })
    }

    fn keys(&self) -> Arc<LinkKeys> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;

//! Presents messages to members.

use std::sync::Arc;

use super::MediaLinks;
use crate::base_path::BasePath;
use crate::message::{Message, MessageBody};
use crate::time::Timestamp;

/// Presents messages to members who find the server below a path, with links made at that moment.
#[derive(Debug, Clone, Default)]
pub struct Presenter {
    base: BasePath,
    links: Arc<MediaLinks>,
}

impl Presenter {
    /// A presenter for this base path, with these links.
    pub fn new(base: BasePath, links: Arc<MediaLinks>) -> Self {
        Self { base, links }
    }

    /// The presenter for members who find the server below another path.
    #[must_use]
    pub fn below(&self, outer: &BasePath) -> Self {
        Self { base: self.base.below(outer), links: Arc::clone(&self.links) }
    }

    /// The path below which the routes are.
    pub fn base(&self) -> &BasePath {
        &self.base
    }

    /// The message as a member gets it now.
    pub fn body<'a>(&'a self, message: &'a Message, now: Timestamp) -> MessageBody<'a> {
        message.body(&self.base, self.links.link(message, now))
    }

    /// A link to the media that is valid for `secs` seconds, or as long as the links in messages.
    pub fn link(&self, message: &Message, secs: Option<u64>, now: Timestamp) -> Option<(String, Timestamp)> {
        let link = match secs {
            Some(secs) => self.links.link_for(message, secs, now),
            None => self.links.link(message, now),
        }?;
        Some((link.path(message, &self.base), link.expires_at))
    }
}

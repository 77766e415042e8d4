//! What a node's requests order of its line.

use std::time::Instant;

use super::said::Said;
use crate::upload::Epoch;

/// An upload that a request let go: the node's name is to be taken off it, and then those who asked are told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct LetGo {
    /// The epoch in which it was taken, if that is known.
    pub(super) epoch: Option<Epoch>,
    /// Whether it may have been taken in another one, of which the node was not told.
    pub(super) is_stray: bool,
    /// The nodes that asked for it.
    pub(super) askers: Vec<i32>,
}

/// Something to tell the listeners of a channel, if that can be done by then. A holder that is asked later,
/// for a request that waits no longer, would let go for nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tell {
    pub(super) channel: String,
    pub(super) said: Said,
    pub(super) until: Option<Instant>,
}

/// What a request has taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Nothing. Another node may hold the upload, or there is no record of it.
    Nothing,
    /// Nothing, or the upload: it was asked for, and there was no answer.
    Perhaps,
    /// The upload.
    At(Epoch),
}

impl LetGo {
    /// What a request leaves to be done that has taken this.
    pub(super) fn of(taken: Taken, askers: Vec<i32>) -> Self {
        let epoch = match taken {
            Taken::At(epoch) => Some(epoch),
            Taken::Nothing | Taken::Perhaps => None,
        };
        Self { epoch, is_stray: taken == Taken::Perhaps, askers }
    }

    /// Whether nothing is to be done.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds what a later request of this node leaves of the same upload. Of two epochs, the later one counts:
    /// the upload is in the earlier one no more.
    pub(super) fn add(&mut self, later: Self) {
        self.epoch = later.epoch.or(self.epoch);
        self.is_stray |= later.is_stray;
        later.askers.into_iter().for_each(|asker| self.ask(asker));
    }

    /// Adds a node that asks for it.
    pub(super) fn ask(&mut self, asker: i32) {
        if !self.askers.contains(&asker) {
            self.askers.push(asker);
        }
    }
}

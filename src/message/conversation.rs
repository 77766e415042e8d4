//! The identity of a conversation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::{InvalidId, parse_hex};

/// A conversation id: twelve bytes, written as 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConversationId([u8; 12]);

impl ConversationId {
    /// The twelve bytes of the id.
    pub fn as_bytes(&self) -> &[u8; 12] {
        &self.0
    }

    /// The id with these twelve bytes.
    pub fn from_bytes(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }
}

impl FromStr for ConversationId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

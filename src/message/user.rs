//! The sender, and the sender's own id of a message.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A user as the token names it: 1 to 256 bytes without control characters. A copy is cheap, because
/// everything that a user owns has one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(Arc<str>);

/// The text is not a user id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a user id has 1 to 256 bytes and no control characters")]
pub struct InvalidUserId;

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = InvalidUserId;

    fn from_str(text: &str) -> Result<Self, InvalidUserId> {
        let fits = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
        if fits { Ok(Self(text.into())) } else { Err(InvalidUserId) }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for UserId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for UserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = UserId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{InvalidUserId}")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<UserId, E> {
                text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// The sender's own id of a message, unique per sender and conversation: 1 to 128 printable ASCII characters.
/// A request with one is idempotent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientMessageId(String);

/// The text is not a client message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid client_message_id")]
pub struct InvalidClientMessageId;

impl ClientMessageId {
    /// The id in a field where one may be given; an empty text is none.
    ///
    /// # Errors
    /// [`InvalidClientMessageId`] if the text breaks the rule.
    pub fn given(text: &str) -> Result<Option<Self>, InvalidClientMessageId> {
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientMessageId {
    type Err = InvalidClientMessageId;

    fn from_str(text: &str) -> Result<Self, InvalidClientMessageId> {
        let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if fits { Ok(Self(text.to_owned())) } else { Err(InvalidClientMessageId) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_message_id_is_printable_ascii_of_1_to_128() {
        for (text, ok) in [
            ("a", true),
            ("a b~", true),
            (&"x".repeat(128), true),
            ("", false),
            (&"x".repeat(129), false),
            ("a\n", false),
            ("é", false),
            ("\x7f", false),
        ] {
            assert_eq!(text.parse::<ClientMessageId>().is_ok(), ok, "{text:?}");
            let given = ClientMessageId::given(text).map(|id| id.is_some());
            let expected =
                if text.is_empty() { Ok(false) } else { ok.then_some(true).ok_or(InvalidClientMessageId) };
            assert_eq!(given, expected, "{text:?}");
        }
    }
}

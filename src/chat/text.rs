//! The arguments of an event, as they came.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use socketioxide::adapter::LocalAdapter;
use socketioxide::handler::{FromMessageParts, Value};
use socketioxide::socket::Socket;

/// The JSON array of an event, not parsed and not copied: `["send_message",{…}]`. It is parsed where that
/// does not hold up the connection, and a payload of any shape gets an answer. The library's own extractors
/// would drop such a payload together with the event.
#[derive(Debug)]
pub(super) struct EventText(pub(super) Bytes);

impl FromMessageParts<LocalAdapter> for EventText {
    type Error = Infallible;

    fn from_message_parts(
        _: &Arc<Socket<LocalAdapter>>,
        value: &mut Value,
        _: &Option<i64>,
    ) -> Result<Self, Infallible> {
        Ok(Self(match value {
            Value::Str(text, _) => Bytes::from(text.clone()),
            // The common parser has no such packets.
            Value::Bytes(_) => Bytes::new(),
        }))
    }
}

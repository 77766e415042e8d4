//! Events that this server does not know: answered, so that no client waits for an answer in vain.

use bytes::Bytes;
use socketioxide::extract::SocketRef;

use super::answer::{Answer, Failure};
use super::event::Ack;
use super::request::Reading;
use crate::http::error::Code;
use crate::refusals;

/// The longest payload whose `client_message_id` is given back.
const MAX_READ_BYTES: usize = 4096;
/// The most characters of an event's name that are given back.
const MAX_NAME_CHARACTERS: usize = 64;

/// Answers the event, with an acknowledgement and with `message_error`.
pub(super) fn handle(socket: &SocketRef, ack: Ack, text: &Bytes) {
    let name = name_of(text);
    let detail = format!("Unknown event \"{name}\"");
    refusals::event("unknown", &detail);
    Answer::failed(Code::UnknownEvent, &detail).send(ack);
    let id = if text.len() <= MAX_READ_BYTES { Reading::of(text).client_message_id } else { None };
    Failure::of(Code::UnknownEvent, &detail, id.as_ref()).of_event(&name).send(socket);
}

/// The event's name: the text up to the next quote, as the library accepts none with escapes.
fn name_of(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(MAX_READ_BYTES)]);
    let name = text.split('"').nth(1).unwrap_or_default();
    name.chars().take(MAX_NAME_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_events_name_is_its_first_text() {
        let long = "é".repeat(MAX_NAME_CHARACTERS);
        for (text, name) in [
            (r#"["typing"]"#, "typing"),
            (r#"["typing",{"a":"b"}]"#, "typing"),
            (r#" [ "say it" , 7]"#, "say it"),
            (&format!(r#"["{long}é"]"#), long.as_str()),
            (r#"[""]"#, ""),
            ("[7]", ""),
            ("", ""),
        ] {
            assert_eq!(name_of(text.as_bytes()), name, "{text}");
        }
    }
}

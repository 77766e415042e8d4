//! `multipart/form-data` bodies, part by part, in the order that the test wants.

use std::fmt::Write as _;

use tus_lab::http::Request;

/// The boundary of the forms. No bytes that a test sends contain it.
pub const BOUNDARY: &str = "----longhaul-tests-7f3a9c51d2e84b60";

/// A form being filled in.
#[derive(Debug, Clone, Default)]
pub struct Form {
    body: Vec<u8>,
}

impl Form {
    /// An empty form.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A form as a browser sends it: the file first, then the conversation.
    #[must_use]
    pub fn of(name: &str, bytes: &[u8], conversation: &str) -> Self {
        Self::new().file(name, "application/octet-stream", bytes).field("conversation_id", conversation)
    }

    /// Adds a text field.
    #[must_use]
    pub fn field(self, name: &str, value: &str) -> Self {
        self.part(&format!("Content-Disposition: form-data; name=\"{name}\"\r\n"), value.as_bytes())
    }

    /// Adds the file.
    #[must_use]
    pub fn file(self, name: &str, kind: &str, bytes: &[u8]) -> Self {
        self.part(&file_headers(name, kind), bytes)
    }

    /// Adds a part with these headers, each ended by a line break.
    #[must_use]
    pub fn part(mut self, headers: &str, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(opening(headers).as_bytes());
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// The whole body, ended.
    #[must_use]
    pub fn end(mut self) -> Vec<u8> {
        self.body.extend_from_slice(closing().as_bytes());
        self.body
    }

    /// The body so far, without an end.
    #[must_use]
    pub fn unfinished(self) -> Vec<u8> {
        self.body
    }

    /// Puts the whole form into a request.
    #[must_use]
    pub fn into_request(self, request: Request) -> Request {
        content_type(request).body(self.end())
    }
}

/// Declares the body as a form with [`BOUNDARY`].
#[must_use]
pub fn content_type(request: Request) -> Request {
    request.header("Content-Type", format_args!("multipart/form-data; boundary={BOUNDARY}"))
}

/// The part of a form before the file's bytes, for a test that sends them piece by piece.
#[must_use]
pub fn before_file(name: &str) -> String {
    opening(&file_headers(name, "application/octet-stream"))
}

/// The part of a form after the file's bytes, for a test that sends them piece by piece.
#[must_use]
pub fn after_file(fields: &[(&str, &str)]) -> String {
    let mut text = String::from("\r\n");
    for (name, value) in fields {
        let header = format!("Content-Disposition: form-data; name=\"{name}\"\r\n");
        write!(text, "{}{value}\r\n", opening(&header)).expect("a string takes everything");
    }
    text + &closing()
}

fn opening(headers: &str) -> String {
    format!("--{BOUNDARY}\r\n{headers}\r\n")
}

fn closing() -> String {
    format!("--{BOUNDARY}--\r\n")
}

fn file_headers(name: &str, kind: &str) -> String {
    format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {kind}\r\n")
}

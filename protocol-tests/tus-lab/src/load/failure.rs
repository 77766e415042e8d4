use std::fmt;
use std::io;

/// Why a request, or a whole scenario, did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    what: String,
    kind: Option<io::ErrorKind>,
}

impl Failure {
    /// A failure that these words describe.
    pub fn new(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), kind: None }
    }

    /// A connection or a file that did not do what it was asked to.
    pub(super) fn io(what: &str, error: &io::Error) -> Self {
        Self { what: format!("{what}: {error}"), kind: Some(error.kind()) }
    }

    /// Whether the server may have closed a kept connection between two requests: that shows as such a
    /// failure.
    pub(super) fn is_closed_connection(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        matches!(self.kind, Some(BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

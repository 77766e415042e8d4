use serde_json::Value;

use super::Head;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status line and the headers.
    pub head: Head,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the header of this name, if there is exactly one.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The header of this name.
    ///
    /// # Panics
    /// When the header is missing.
    #[must_use]
    pub fn expect(&self, name: &str) -> &str {
        self.head.expect(name)
    }

    /// The header of this name as a number.
    ///
    /// # Panics
    /// When the header is missing, or no number.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.head.number(name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When the body is not JSON, or the content type says something else.
    #[must_use]
    pub fn json(&self) -> Value {
        let kind = self.header("Content-Type").unwrap_or_default();
        assert!(kind.starts_with("application/json"), "no JSON: {self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The answer, which must have the expected status.
    ///
    /// # Panics
    /// When the status is another one.
    pub fn expecting(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.head, self.text());
        self
    }
}

use std::io;

use serde_json::Value;

/// A status line and its headers.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
}

/// How a body ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

impl Head {
    pub(crate) fn parse(text: &[u8]) -> io::Result<Self> {
        let text = std::str::from_utf8(text).map_err(broken)?;
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').ok_or_else(|| broken(line))?;
            Ok((name.to_owned(), value.trim().to_owned()))
        });
        Ok(Self { status: status.ok_or_else(|| broken(text))?, headers: headers.collect::<io::Result<_>>()? })
    }

    /// The value of the header of this name, if there is exactly one.
    ///
    /// # Panics
    /// When the header was sent more than once: a client would take either.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.values(name);
        let first = values.next();
        assert!(values.next().is_none(), "{name} was sent more than once: {self:?}");
        first
    }

    /// All values of the headers of this name.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(held, _)| held.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// All headers but those of these names, as they came.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let is_named = |held: &str| names.iter().any(|name| held.eq_ignore_ascii_case(name));
        self.headers.iter().filter(|(held, _)| !is_named(held)).cloned().collect()
    }

    /// The items of a header whose value is a list, in lower case.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<String> {
        self.values(name)
            .flat_map(|value| value.split(','))
            .map(|item| item.trim().to_ascii_lowercase())
            .collect()
    }

    /// The header of this name as a number.
    ///
    /// # Panics
    /// When it is missing or none.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        let value = self.header(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("{name} is no number: {self:?}"))
    }

    /// The header of this name.
    ///
    /// # Panics
    /// When it is missing.
    #[must_use]
    pub fn expect(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"))
    }

    pub(super) fn framing(&self, of_head_request: bool) -> Framing {
        let bodiless = of_head_request || self.status < 200 || matches!(self.status, 204 | 304);
        let length = self.values("Content-Length").next().and_then(|length| length.parse().ok());
        match length {
            _ if bodiless => Framing::None,
            _ if self.values("Transfer-Encoding").next().is_some() => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::Close,
        }
    }
}

/// An answer, whole.
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
    /// When it is missing.
    #[must_use]
    pub fn expect(&self, name: &str) -> &str {
        self.head.expect(name)
    }

    /// The header of this name as a number.
    ///
    /// # Panics
    /// When it is missing or none.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        self.head.number(name)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none, or does not say that it is.
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

    /// This same answer, if it has the expected status.
    ///
    /// # Panics
    /// When it has another.
    pub fn expecting(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?} {}", self.head, self.text());
        self
    }
}

fn broken(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {what}"))
}

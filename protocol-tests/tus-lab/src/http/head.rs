use std::fmt;
use std::io;
use std::ops::Range;

use httparse::{EMPTY_HEADER, Status};

/// How many headers an answer may have.
const HEADERS: usize = 100;

/// A status line and its headers.
#[derive(Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The second digit of HTTP's version.
    pub minor_version: u8,
    text: String,
    /// Where the headers' names and values are.
    headers: Vec<(Range<usize>, Range<usize>)>,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Framing {
    None,
    Length(u64),
    Chunked,
    Close,
}

impl Head {
    /// Reads the head at the beginning of these bytes; none if it is not complete yet.
    ///
    /// # Errors
    /// When the bytes are not the head of an answer.
    pub fn read(bytes: &[u8]) -> io::Result<Option<Self>> {
        let mut headers = [EMPTY_HEADER; HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let Status::Complete(len) = response.parse(bytes).map_err(broken)? else { return Ok(None) };
        let text = std::str::from_utf8(&bytes[..len]).map_err(broken)?;
        // A parsed name or value is a part of the bytes that were parsed.
        let place = |part: &[u8]| {
            let start = part.as_ptr() as usize - bytes.as_ptr() as usize;
            start..start + part.len()
        };
        let headers =
            response.headers.iter().map(|header| (place(header.name.as_bytes()), place(header.value)));
        Ok(Some(Self {
            status: response.code.ok_or_else(|| broken("no status"))?,
            minor_version: response.version.unwrap_or_default(),
            headers: headers.collect(),
            text: text.to_owned(),
        }))
    }

    /// The length of the head in bytes.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a head has at least its status line")]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (&self.text[name.clone()], self.text[value.clone()].trim()))
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
        self.headers().filter(move |(held, _)| held.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers but those of these names, as they came.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<(String, String)> {
        let is_named = |held: &str| names.iter().any(|name| held.eq_ignore_ascii_case(name));
        let others = self.headers().filter(|(held, _)| !is_named(held));
        others.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
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
    /// When the header is missing, or no number.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        let value = self.header(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"));
        value.parse().unwrap_or_else(|_| panic!("{name} is no number: {self:?}"))
    }

    /// The header of this name.
    ///
    /// # Panics
    /// When the header is missing.
    #[must_use]
    pub fn expect(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("{name} is missing: {self:?}"))
    }

    pub(crate) fn framing(&self, of_head_request: bool) -> Framing {
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

impl fmt::Debug for Head {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text.trim_end(), formatter)
    }
}

fn broken(what: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("no HTTP answer: {what}"))
}

#[cfg(test)]
mod tests {
    use super::Head;

    #[test]
    fn headers_are_found_in_any_letter_case() {
        let text = "HTTP/1.1 200 OK\r\nUpload-OFFSET:  12 \r\nx: y\r\nX:\r\n\r\nbody";
        let head = Head::read(text.as_bytes()).expect("a head").expect("a whole one");
        assert_eq!((head.status, head.len()), (200, text.len() - 4));
        assert_eq!(head.number("upload-offset"), 12);
        assert_eq!(head.header("missing"), None);
        assert_eq!(head.values("x").collect::<Vec<_>>(), ["y", ""]);
    }

    #[test]
    fn a_head_may_come_in_pieces_and_may_be_none() {
        assert!(Head::read(b"HTTP/1.1 200 OK\r\nx: y\r\n").expect("its beginning").is_none());
        assert!(Head::read(b"SSH-2.0-x\r\n").is_err());
    }
}

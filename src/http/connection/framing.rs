//! Finds the bodies of HTTP/1 requests among a connection's bytes, and refuses some chunk sizes.
//!
//! The HTTP library skips blanks between a chunk's size and the end of its line. RFC 9112 §7.1 allows none
//! there, and if a proxy reads such a line differently, one request can hide another in its body.

use thiserror::Error;

/// Refusal of a blank after a chunk's size, where the grammar has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a chunk's size is followed by a blank")]
pub(super) struct BadChunk {
    /// How many of the bytes that were read come before the blank.
    pub(super) before: usize,
}

/// The two headers that say how long a body is, in lower case as lines are compared.
const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
const LONGEST_NAME: usize = TRANSFER_ENCODING.len();

/// Follows the heads and bodies among the bytes of a connection. What the library itself refuses ends the
/// connection, so only requests that it accepts have to be read correctly here.
#[derive(Debug)]
pub(super) struct Framing {
    at: At,
    head: Head,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Head,
    /// How many bytes are left of a body whose length was given.
    Body(u64),
    Size(u64),
    Extension(u64),
    Data(u64),
    /// The empty line after a chunk's data.
    AfterData,
    Trailer {
        is_empty: bool,
    },
}

impl Framing {
    pub(super) fn new() -> Self {
        Self { at: At::Head, head: Head::default() }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// [`BadChunk`], after which no more may be read.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), BadChunk> {
        let all = bytes.len();
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match &mut self.at {
                At::Body(left) | At::Data(left) if *left > 0 => {
                    let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                    *left -= u64::try_from(taken).unwrap_or(u64::MAX);
                    bytes.split_at(taken).1
                }
                _ => {
                    self.at = self.after(byte).ok_or(BadChunk { before: all - bytes.len() })?;
                    rest
                }
            };
        }
        Ok(())
    }

    /// The position of the next byte, or `None` if this byte is refused.
    fn after(&mut self, byte: u8) -> Option<At> {
        Some(match (self.at, byte) {
            (At::Head | At::Body(_), _) => self.head.read(byte),
            (At::Size(_), b' ' | b'\t') => return None,
            (At::Size(size) | At::Extension(size), b'\n') if size > 0 => At::Data(size),
            (At::Size(_) | At::Extension(_), b'\n') => At::Trailer { is_empty: true },
            (At::Size(size), b';') | (At::Extension(size), _) => At::Extension(size),
            (At::Size(size), digit) => At::Size(with_digit(size, digit, 16)),
            (At::Data(_) | At::AfterData, b'\n') => At::Size(0),
            (At::Data(_) | At::AfterData, _) => At::AfterData,
            (At::Trailer { is_empty: true }, b'\n') => At::Head,
            (At::Trailer { is_empty }, byte) => {
                At::Trailer { is_empty: byte == b'\n' || is_empty && byte == b'\r' }
            }
        })
    }
}

/// A number with one more digit appended; a byte that is no digit changes nothing.
fn with_digit(number: u64, byte: u8, radix: u32) -> u64 {
    match char::from(byte).to_digit(radix) {
        Some(digit) => number.saturating_mul(radix.into()).saturating_add(digit.into()),
        None => number,
    }
}

/// The head of a request, as far as it says how long the body is.
#[derive(Debug, Default)]
struct Head {
    has_begun: bool,
    is_chunked: bool,
    length: u64,
    line: Line,
}

#[derive(Debug)]
enum Line {
    /// The line's beginning in lower case, which may be a name, and its length.
    Name([u8; LONGEST_NAME], usize),
    Length(u64),
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Name([0; LONGEST_NAME], 0)
    }
}

impl Head {
    /// Reads a byte of the head, and answers where the next byte is.
    fn read(&mut self, byte: u8) -> At {
        match &mut self.line {
            _ if byte == b'\n' => return self.end_line(),
            Line::Name(name, length) => match (name.get(..*length), byte) {
                (Some(CONTENT_LENGTH), b':') => self.line = Line::Length(0),
                (Some(TRANSFER_ENCODING), b':') => {
                    self.is_chunked = true;
                    self.line = Line::Other;
                }
                // Not kept, so that an empty line has length 0.
                (_, b'\r') => {}
                _ => match name.get_mut(*length) {
                    Some(place) => {
                        *place = byte.to_ascii_lowercase();
                        *length += 1;
                    }
                    None => self.line = Line::Other,
                },
            },
            // A list such as `5, 5` repeats one number.
            Line::Length(length) if byte == b',' => *length = 0,
            Line::Length(length) => *length = with_digit(*length, byte, 10),
            Line::Other => {}
        }
        At::Head
    }

    fn end_line(&mut self) -> At {
        match std::mem::take(&mut self.line) {
            // Empty lines before a request are skipped.
            Line::Name(_, 0) if !self.has_begun => return At::Head,
            Line::Name(_, 0) => {
                let head = std::mem::take(self);
                return if head.is_chunked { At::Size(0) } else { At::Body(head.length) };
            }
            Line::Length(length) => self.length = length,
            Line::Name(..) | Line::Other => {}
        }
        self.has_begun = true;
        At::Head
    }
}

/// Reads bytes both at once and in pieces, for the fuzz targets: the results have to be equal.
#[cfg(fuzzing)]
pub fn fuzz_framing(data: &[u8]) {
    let (mut whole, mut pieces) = (Framing::new(), Framing::new());
    let size = data.first().map_or(1, |first| usize::from(*first).max(1));
    let read = (whole.read(data).is_ok(), data.chunks(size).all(|piece| pieces.read(piece).is_ok()));
    assert_eq!(read.0, read.1);
    if read.0 {
        assert_eq!(whole.at, pieces.at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: a\r\ntransfer-Encoding:  chunked\r\n\r\n";
    const BAD: &str = "1 \r\n";

    /// Reads the text in pieces of every size, and answers the part of it before the refused byte.
    fn read(text: &str) -> &str {
        let by_size = (1..=text.len()).map(|size| {
            let mut framing = Framing::new();
            let mut starts = (0..).step_by(size);
            let mut pieces = text.as_bytes().chunks(size).zip(&mut starts);
            let bad =
                pieces.find_map(|(piece, start)| framing.read(piece).err().map(|bad| start + bad.before));
            &text[..bad.unwrap_or(text.len())]
        });
        let mut results: Vec<_> = by_size.collect();
        results.dedup();
        assert_eq!(results.len(), 1, "{text:?}");
        results[0]
    }

    #[test]
    fn a_blank_after_the_size_of_a_chunk_is_refused() {
        for chunks in [
            "5 \r\nhello\r\n0\r\n\r\n",
            "5\t;a=b\r\n",
            "5\r\nhello\r\n0 \r\n\r\n",
            " 5\r\n",
            "5\r\nhello\r\na \r\n",
        ] {
            let before = chunks.rfind([' ', '\t']).expect("there is a blank");
            assert_eq!(read(&format!("{CHUNKED}{chunks}")), format!("{CHUNKED}{}", &chunks[..before]));
        }
    }

    #[test]
    fn what_follows_a_body_is_a_head_and_a_body_may_be_anything() {
        let request = |headers: &str, body: &str| format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n{body}");
        for whole in [
            GET.to_owned(),
            format!("\r\n\n{GET}"),
            GET.replace('\r', ""),
            request("Content-Length: 0", ""),
            request("CONTENT-LENGTH:\t 61", &format!("{CHUNKED}1 \r")),
            request("Content-Length: 5, 5", "\n1 \r\n"),
            request("Content-Length: 5\r\nContent-Length: 5", "\n1 \r\n"),
            request("Content-Length: 9\r\nTransfer-Encoding: chunked", "5;a= b\r\n1 \r\n0\r\n0\r\n\r\n"),
            request("X-Content-Length: 9\r\nContent-Lengthy: 9\r\nContent: 9", ""),
            request("X: transfer-encoding: chunked", ""),
            format!("{CHUNKED}0005\r\n1 \r\n\n\r\nA\r\n1 \r\n1 \r\n1 \r\n0\r\nA: 1 \r\n\r\nB: 1 \r\n\r\n")
                .replace("\r\n\r\nB", "\r\nB"),
        ] {
            let good = format!("{whole}{GET}");
            assert_eq!(read(&good), good);
            assert_eq!(read(&format!("{whole}{CHUNKED}{BAD}")), format!("{whole}{CHUNKED}1"));
        }
    }
}

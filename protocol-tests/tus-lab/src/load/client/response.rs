use crate::load::failure::Failure;

/// How much of a body a failure quotes.
const QUOTED: usize = 200;

/// An answer: its status, its head as it came, and the beginning of its body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(super) head: Vec<u8>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header_in(&self.head, name)
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// This answer, if its status is one of these.
    pub(crate) fn expecting(self, statuses: &[u16]) -> Result<Self, Failure> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(QUOTED).collect();
        Err(Failure::new(format_args!("status {} instead of {}: {body}", self.status, statuses[0])))
    }
}

pub(super) fn status_of(head: &[u8]) -> Result<u16, Failure> {
    let digits = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    let status = digits.and_then(|digits| digits.parse().ok());
    status.ok_or_else(|| Failure::new("the answer has no status"))
}

pub(super) fn header_in<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').skip(1).find_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let is_it = line[..colon].eq_ignore_ascii_case(name.as_bytes());
        is_it.then(|| std::str::from_utf8(&line[colon + 1..]).ok().map(str::trim))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_letter_case() {
        let head = b"HTTP/1.1 200 OK\r\nUpload-OFFSET:  12 \r\nx: y\r\n\r\n";
        assert_eq!(header_in(head, "upload-offset"), Some("12"));
        assert_eq!(header_in(head, "missing"), None);
        assert_eq!(status_of(head), Ok(200));
    }
}

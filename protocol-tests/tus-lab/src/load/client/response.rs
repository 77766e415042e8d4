use crate::http::Head;
use crate::load::failure::Failure;

/// How many bytes of a body a failure quotes.
const QUOTED: usize = 200;

/// An answer: its status, its head, and the beginning of its body.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(super) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.values(name).next()
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// The answer; a failure unless its status is one of these.
    pub(crate) fn expecting(self, statuses: &[u16]) -> Result<Self, Failure> {
        if statuses.contains(&self.status) {
            return Ok(self);
        }
        let body: String = String::from_utf8_lossy(&self.body).chars().take(QUOTED).collect();
        Err(Failure::new(format_args!("status {} instead of {}: {body}", self.status, statuses[0])))
    }
}

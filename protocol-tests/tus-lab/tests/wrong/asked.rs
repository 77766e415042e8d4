use hyper::StatusCode;
use hyper::http::request::Parts;

use super::Wrong;
use super::answer::Answer;
use super::store::Store;

/// The head of a request, in parts.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// The id in the path; none if it is the URL of creation.
    pub(super) id: Option<&'a str>,
    head: &'a Parts,
    wraps: bool,
}

impl<'a> Asked<'a> {
    pub(super) fn of(head: &'a Parts, store: &Store) -> Self {
        let path = head.uri.path().strip_prefix("/files").unwrap_or_default();
        let id = path.strip_prefix('/').filter(|id| !id.is_empty());
        let mut asked =
            Self { method: head.method.as_str(), id, head, wraps: store.does(Wrong::WrapsNumbers) };
        if let Some(meant) =
            asked.only("x-http-method-override").filter(|_| !store.does(Wrong::NeverOverrides))
        {
            asked.method = meant;
        }
        asked
    }

    /// The value of a header; none if it is not there exactly once.
    pub(super) fn only(&self, name: &str) -> Option<&'a str> {
        let mut values = self.head.headers.get_all(name).iter();
        let first = values.next()?;
        if values.next().is_some() { None } else { first.to_str().ok() }
    }

    /// All values of a header that is a list.
    pub(super) fn joined(&self, name: &str) -> Option<String> {
        let values = self.head.headers.get_all(name).iter();
        let values: Vec<_> =
            values.filter_map(|value| value.to_str().ok()).filter(|it| !it.is_empty()).collect();
        (!values.is_empty()).then(|| values.join(","))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.head.headers.contains_key(name)
    }

    /// The number in a header, if there is one.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, Answer> {
        if !self.has(name) {
            return Ok(None);
        }
        let digits =
            self.only(name).filter(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse::<u128>().ok());
        let mask = u128::from(u64::MAX);
        let number = number.and_then(|it| u64::try_from(if self.wraps { it & mask } else { it }).ok());
        number.map(Some).ok_or_else(|| Answer::of(StatusCode::BAD_REQUEST))
    }

    /// Whether the body carries bytes of an upload.
    pub(super) fn brings_bytes(&self) -> bool {
        let media = self.only("content-type").and_then(|media| media.split(';').next()).unwrap_or_default();
        media.trim().eq_ignore_ascii_case("application/offset+octet-stream")
    }
}

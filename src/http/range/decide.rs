//! Which bytes a request is to get. Pure.

use std::ops::Range;
use std::time::SystemTime;

use axum::http::Method;
use axum::http::header::{HeaderMap, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use headers::{ETag, HeaderMapExt, IfMatch, IfModifiedSince, IfNoneMatch, IfRange, IfUnmodifiedSince};

use crate::time::Timestamp;

/// A resource as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Representation {
    /// Length in bytes.
    pub(crate) length: u64,
    /// Strong entity tag with its quotes: it differs whenever a byte differs.
    pub(crate) etag: String,
    /// Time of the resource's last change.
    pub(crate) modified: Option<Timestamp>,
}

/// The part of the representation that an answer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// All bytes.
    Whole,
    /// These bytes, never none.
    Part(Range<u64>),
    /// Nothing: the client has the representation already.
    NotModified,
    /// Nothing: the client means another representation.
    PreconditionFailed,
    /// Nothing: the range holds no byte of the representation.
    Unsatisfiable,
}

/// Selects what to answer, in the order of RFC 9110 §13.2.2.
pub(super) fn select(method: &Method, headers: &HeaderMap, representation: &Representation) -> Selection {
    let etag = representation.etag.parse().expect("a tag is made of an id or a digest");
    let modified = representation.modified.map(Timestamp::system_time);
    if !is_meant(headers, &etag, modified) {
        return Selection::PreconditionFailed;
    }
    if is_known(headers, &etag, modified) {
        return Selection::NotModified;
    }
    // A range is defined for GET alone (§14.2).
    if method != Method::GET || !is_range_valid(headers, etag, modified) {
        return Selection::Whole;
    }
    // A header that may be given only once is ignored where it is given twice.
    let mut ranges = headers.get_all(RANGE).iter().map(|range| range.to_str());
    match (ranges.next(), ranges.next()) {
        (Some(Ok(range)), None) => part(range, representation.length),
        _ => Selection::Whole,
    }
}

/// Whether the client means this representation, by `If-Match`, or without it by `If-Unmodified-Since`.
fn is_meant(headers: &HeaderMap, etag: &ETag, modified: Option<SystemTime>) -> bool {
    if headers.contains_key(IF_MATCH) {
        return headers.typed_get::<IfMatch>().is_some_and(|tags| tags.precondition_passes(etag));
    }
    match (headers.typed_get::<IfUnmodifiedSince>(), modified) {
        (Some(date), Some(modified)) => date.precondition_passes(modified),
        _ => true,
    }
}

/// Whether the client has this representation, by `If-None-Match`, or without it by `If-Modified-Since`.
fn is_known(headers: &HeaderMap, etag: &ETag, modified: Option<SystemTime>) -> bool {
    if headers.contains_key(IF_NONE_MATCH) {
        return headers.typed_get::<IfNoneMatch>().is_some_and(|tags| !tags.precondition_passes(etag));
    }
    match (headers.typed_get::<IfModifiedSince>(), modified) {
        (Some(date), Some(modified)) => !date.is_modified(modified),
        _ => false,
    }
}

/// Whether `If-Range` names just this representation. A date has to be exactly the one that the server gave
/// (§13.1.5), where `IfRange::is_modified` would take a later one as well.
fn is_range_valid(headers: &HeaderMap, etag: ETag, modified: Option<SystemTime>) -> bool {
    let mut given = headers.get_all(IF_RANGE).iter();
    match (given.next(), given.next(), headers.typed_get::<IfRange>()) {
        (None, ..) => true,
        (Some(_), None, Some(given)) => {
            given == IfRange::etag(etag) || modified.is_some_and(|modified| given == IfRange::date(modified))
        }
        _ => false,
    }
}

/// The bytes of a `Range` with one range. A malformed one, another unit or several ranges are ignored, as
/// §14.2 allows: the client then gets all bytes. `headers::Range` would know the unit in lower case only,
/// take `+1` for a number, and pass over a suffix that is longer than the representation.
fn part(range: &str, length: u64) -> Selection {
    let Some((unit, set)) = range.split_once('=') else {
        return Selection::Whole;
    };
    let Some((first, last)) = set.trim().split_once('-') else {
        return Selection::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Selection::Whole;
    }
    let bytes = match (position(first), position(last)) {
        (Position::At(first), Position::At(last)) if first <= last => {
            first..last.saturating_add(1).min(length)
        }
        (Position::At(first), Position::Open) => first..length,
        (Position::Open, Position::At(suffix)) => length.saturating_sub(suffix)..length,
        _ => return Selection::Whole,
    };
    if bytes.is_empty() { Selection::Unsatisfiable } else { Selection::Part(bytes) }
}

enum Position {
    At(u64),
    Open,
    Malformed,
}

/// A position: digits, or nothing. Digits that do not fit in a number are beyond any end.
fn position(text: &str) -> Position {
    match text.trim() {
        "" => Position::Open,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            Position::At(digits.parse().unwrap_or(u64::MAX))
        }
        _ => Position::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE};
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn representation(length: u64) -> Representation {
        Representation {
            length,
            etag: "\"tag\"".into(),
            modified: Some(Timestamp::from_millis(784_111_777_500)),
        }
    }

    fn selection(method: &Method, headers: &[(HeaderName, &str)], length: u64) -> Selection {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).expect("valid"));
        }
        select(method, &map, &representation(length))
    }

    #[test]
    fn every_shape_of_a_range() {
        use Selection::{Part, Unsatisfiable, Whole};
        for (range, length, selected) in [
            ("bytes=0-9", 10, Part(0..10)),
            ("bytes=0-0", 10, Part(0..1)),
            ("bytes=3-", 10, Part(3..10)),
            ("bytes=-3", 10, Part(7..10)),
            ("bytes=-30", 10, Part(0..10)),
            ("bytes=9-99", 10, Part(9..10)),
            ("Bytes=1-2", 10, Part(1..3)),
            ("bytes= 1-2", 10, Part(1..3)),
            ("bytes=0-99999999999999999999999", 10, Part(0..10)),
            ("bytes=0-18446744073709551615", 10, Part(0..10)),
            ("bytes=-99999999999999999999999", 10, Part(0..10)),
            ("bytes=10-", 10, Unsatisfiable),
            ("bytes=10-20", 10, Unsatisfiable),
            ("bytes=99999999999999999999999-", 10, Unsatisfiable),
            ("bytes=-0", 10, Unsatisfiable),
            ("bytes=0-", 0, Unsatisfiable),
            ("bytes=0-0", 0, Unsatisfiable),
            ("bytes=-1", 0, Unsatisfiable),
            ("bytes=2-1", 10, Whole),
            ("bytes=-", 10, Whole),
            ("bytes=", 10, Whole),
            ("bytes", 10, Whole),
            ("bytes=a-b", 10, Whole),
            ("bytes=+1-2", 10, Whole),
            ("bytes=1--2", 10, Whole),
            ("bytes=0-1,3-4", 10, Whole),
            ("lines=0-1", 10, Whole),
            ("0-1", 10, Whole),
        ] {
            assert_eq!(selection(&Method::GET, &[(RANGE, range)], length), selected, "{range} of {length}");
        }
    }

    #[test]
    fn a_range_is_for_get_and_given_once() {
        let range = (RANGE, "bytes=0-1");
        assert_eq!(selection(&Method::HEAD, std::slice::from_ref(&range), 10), Selection::Whole);
        assert_eq!(selection(&Method::GET, &[range.clone(), range], 10), Selection::Whole);
    }

    #[test]
    fn if_range_takes_the_tag_or_the_very_date() {
        for (value, is_part) in [
            ("\"tag\"", true),
            ("W/\"tag\"", false),
            ("\"other\"", false),
            ("tag", false),
            ("*", false),
            ("", false),
            (DATE, true),
            (EARLIER, false),
            (LATER, false),
        ] {
            let selected = selection(&Method::GET, &[(RANGE, "bytes=1-2"), (IF_RANGE, value)], 10);
            let expected = if is_part { Selection::Part(1..3) } else { Selection::Whole };
            assert_eq!(selected, expected, "{value}");
        }
    }

    #[test]
    fn conditions_come_before_the_range() {
        use Selection::{NotModified, PreconditionFailed, Whole};
        let table: [(&[(HeaderName, &str)], Selection); 17] = [
            (&[(IF_NONE_MATCH, "\"tag\"")], NotModified),
            (&[(IF_NONE_MATCH, "W/\"tag\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\", \"tag\"")], NotModified),
            (&[(IF_NONE_MATCH, "\"a\""), (IF_NONE_MATCH, "\"tag\"")], NotModified),
            (&[(IF_NONE_MATCH, "*")], NotModified),
            (&[(IF_NONE_MATCH, "\"other\"")], Whole),
            (&[(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, LATER)], Whole),
            (&[(IF_MODIFIED_SINCE, DATE)], NotModified),
            (&[(IF_MODIFIED_SINCE, LATER)], NotModified),
            (&[(IF_MODIFIED_SINCE, EARLIER)], Whole),
            (&[(IF_MODIFIED_SINCE, "yesterday")], Whole),
            (&[(IF_MATCH, "\"tag\"")], Whole),
            (&[(IF_MATCH, "*")], Whole),
            (&[(IF_MATCH, "W/\"tag\"")], PreconditionFailed),
            (&[(IF_MATCH, "\"other\""), (IF_NONE_MATCH, "\"tag\"")], PreconditionFailed),
            (&[(IF_UNMODIFIED_SINCE, DATE)], Whole),
            (&[(IF_UNMODIFIED_SINCE, EARLIER)], PreconditionFailed),
        ];
        for (headers, selected) in table {
            for method in [Method::GET, Method::HEAD] {
                assert_eq!(selection(&method, headers, 10), selected, "{method} {headers:?}");
            }
        }
        let both = [(IF_NONE_MATCH, "\"tag\""), (RANGE, "bytes=99-")];
        assert_eq!(selection(&Method::GET, &both, 10), NotModified);
    }
}

//! `Range` and the conditions, for the fuzz targets.

use axum::http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method};

use super::decide::{Representation, select};

/// Takes the lines of a text as the headers that ask for a part, and decides.
pub fn fuzz_range(data: &[u8]) {
    let names = [RANGE, IF_RANGE, IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE];
    let mut headers = HeaderMap::new();
    for (name, line) in names.into_iter().zip(data.split(|byte| *byte == b'\n')) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.insert(name, value);
        }
    }
    for length in [0, 1, 1000, u64::MAX] {
        let representation = Representation { length, etag: "\"a\"".into(), modified: None };
        let _ = select(&Method::GET, &headers, &representation);
    }
}

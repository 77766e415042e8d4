//! Parts of tus 1.0.0 requests.

use data_encoding::BASE64;

/// The media type of a PATCH body.
pub const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";

/// The value of `Upload-Metadata` for these keys and values.
#[must_use]
pub fn metadata(pairs: &[(&str, &str)]) -> String {
    let encoded = pairs.iter().map(|(key, value)| match BASE64.encode(value.as_bytes()) {
        value if value.is_empty() => (*key).to_owned(),
        value => format!("{key} {value}"),
    });
    encoded.collect::<Vec<_>>().join(",")
}

//! Headers that let browsers treat a user's file only as data, never as a page of this server.

use axum::http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    X_CONTENT_TYPE_OPTIONS,
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Characters to escape in an extended value: a few more than RFC 8187 §3.2.1 demands.
const EXTENDED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

pub(super) const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// Headers for a file of this name. `inline` is the type under which it may be shown; without one it is a
/// download of unspecified bytes.
///
/// With a token, a page of another origin gets the file with `fetch` and CORS, the only way to send a token
/// along. `Cross-Origin-Resource-Policy` refuses any other embedding; CORS requests ignore it. Links override
/// this: they are made to be embedded.
pub(crate) fn presentation(inline: Option<&str>, file_name: &str) -> HeaderMap {
    let kind = if inline.is_some() { "inline" } else { "attachment" };
    let disposition = format!("{kind}; filename*=UTF-8''{}", utf8_percent_encode(file_name, EXTENDED));
    let content_type = inline.unwrap_or("application/octet-stream");
    let ascii =
        |text: &str| HeaderValue::from_str(text).expect("media types and percent-encoded names are ASCII");
    HeaderMap::from_iter([
        (CONTENT_TYPE, ascii(content_type)),
        (CONTENT_DISPOSITION, ascii(&disposition)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_parameter() {
        for (name, encoded) in [
            ("a.mp4", "a.mp4"),
            ("né 1.mp4", "n%C3%A9%201.mp4"),
            ("a\"; filename=\"b\r\nX: y", "a%22%3B%20filename%3D%22b%0D%0AX%3A%20y"),
            ("a'b*c", "a%27b%2Ac"),
        ] {
            let headers = presentation(None, name);
            assert_eq!(headers[CONTENT_DISPOSITION], format!("attachment; filename*=UTF-8''{encoded}"));
        }
    }

    #[test]
    fn only_a_type_to_show_is_shown() {
        let shown = presentation(Some("image/png"), "a.png");
        assert_eq!(shown[CONTENT_TYPE], "image/png");
        assert_eq!(shown[CONTENT_DISPOSITION], "inline; filename*=UTF-8''a.png");
        assert_eq!(presentation(None, "a.html")[CONTENT_TYPE], "application/octet-stream");
        assert_eq!(shown[X_CONTENT_TYPE_OPTIONS], "nosniff");
    }
}

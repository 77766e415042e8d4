//! The headers of tus, parsed once at the edge. Absent is not malformed, and repeated is malformed.

use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::http::body::UPLOAD_CHECKSUM;
pub(super) use crate::http::error::TUS_MAX_SIZE;
use crate::http::error::{ApiError, Code};
use crate::upload::{CheckError, Checksum, Concat, ConcatError, Length, Metadata, Verification, decimal};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
pub(super) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
pub(super) const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
pub(super) const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
pub(super) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
pub(super) const CHAT_MESSAGE_ID: HeaderName = HeaderName::from_static("chat-message-id");
pub(super) const CHAT_MESSAGE_URL: HeaderName = HeaderName::from_static("chat-message-url");
pub(super) const CHAT_UPLOAD_STATE: HeaderName = HeaderName::from_static("chat-upload-state");

/// The content type of bytes that are appended.
const OFFSET_OCTET_STREAM: &str = "application/offset+octet-stream";
/// The content type of bytes that are appended in the IETF draft of resumable uploads.
const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The only value of a header; `None` if it is absent.
///
/// # Errors
/// 400 if the header occurs twice or is not UTF-8.
pub(super) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::bad_request(Code::RepeatedHeader, format!("{name} occurs twice")));
    }
    let text = std::str::from_utf8(value.as_bytes());
    text.map(Some).map_err(|_| ApiError::bad_request(Code::InvalidHeader, format!("Invalid {name}")))
}

/// The number in a header; `None` if it is absent.
///
/// # Errors
/// 400 for anything but one decimal number.
pub(super) fn number(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, ApiError> {
    let text = one(headers, name)?;
    text.map(|text| {
        decimal(text).map_err(|_| ApiError::bad_request(Code::InvalidHeader, format!("Invalid {name}")))
    })
    .transpose()
}

/// `Content-Length`; `None` for a chunked body.
///
/// # Errors
/// 400 for anything but one decimal number.
pub(super) fn content_length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    match number(headers, &header::CONTENT_LENGTH)? {
        Some(bytes) => Ok(Some(bytes)),
        None if headers.contains_key(header::TRANSFER_ENCODING) => Ok(None),
        // HTTP/1.1 without either has no body; HTTP/2 may have one of unknown length.
        None => Ok(None),
    }
}

/// `Upload-Length`, or `Upload-Defer-Length: 1`.
///
/// # Errors
/// 400 unless exactly one of them is there and valid.
pub(super) fn length(headers: &HeaderMap) -> Result<Length, ApiError> {
    let known = number(headers, &UPLOAD_LENGTH)?;
    let deferred = one(headers, &UPLOAD_DEFER_LENGTH)?;
    match (known, deferred) {
        (Some(length), None) => Ok(Length::Known(length)),
        (None, Some("1")) => Ok(Length::Deferred),
        (None, Some(_)) => Err(ApiError::bad_request(Code::InvalidHeader, "Invalid Upload-Defer-Length")),
        (Some(_), Some(_)) => Err(ApiError::bad_request(
            Code::InvalidHeader,
            "Upload-Length and Upload-Defer-Length exclude each other",
        )),
        (None, None) => Err(ApiError::bad_request(Code::MissingHeader, "Missing Upload-Length")),
    }
}

/// `Upload-Metadata`; without it the metadata is empty.
///
/// # Errors
/// 400 or 431 for what is not metadata.
pub(super) fn metadata(headers: &HeaderMap) -> Result<Metadata, ApiError> {
    let raw = one(headers, &UPLOAD_METADATA)?.unwrap_or_default();
    Metadata::parse(raw).map_err(|error| crate::uploads::UploadError::from(error).into())
}

/// How the body is to be checked: by `Upload-Checksum`, or by a trailer of that name which `Trailer`
/// announces (RFC 9110 §6.6.2), or not.
///
/// # Errors
/// 400 for a checksum that cannot be checked, and for both at once.
pub(super) fn verification(headers: &HeaderMap) -> Result<Verification, ApiError> {
    let refused = |error: CheckError| ApiError::from(crate::uploads::UploadError::from(error));
    match (one(headers, &UPLOAD_CHECKSUM)?, announces_checksum(headers)) {
        (None, false) => Ok(Verification::None),
        (None, true) => Ok(Verification::Trailing),
        (Some(_), true) => Err(refused(CheckError::Twice)),
        (Some(text), false) => match text.parse::<Checksum>() {
            Ok(checksum) => Ok(Verification::Given(checksum)),
            Err(error) => Err(refused(error.into())),
        },
    }
}

/// Whether a checksum is given or announced, even an invalid one.
pub(super) fn is_checked(headers: &HeaderMap) -> bool {
    headers.contains_key(UPLOAD_CHECKSUM) || announces_checksum(headers)
}

fn announces_checksum(headers: &HeaderMap) -> bool {
    let announced = headers.get_all(header::TRAILER).iter().filter_map(|value| value.to_str().ok());
    announced
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case(UPLOAD_CHECKSUM.as_str()))
}

/// `Upload-Concat`; without it the upload is neither partial nor final.
///
/// # Errors
/// 400 or 431 if it is invalid.
pub(super) fn concat(headers: &HeaderMap) -> Result<Concat, ApiError> {
    match one(headers, &UPLOAD_CONCAT)? {
        None => Ok(Concat::Whole),
        Some("") => Err(crate::uploads::UploadError::from(ConcatError::Shape).into()),
        Some(raw) => Concat::parse(raw).map_err(|error| crate::uploads::UploadError::from(error).into()),
    }
}

/// Whether the body is bytes to append.
pub(super) fn is_append(headers: &HeaderMap) -> bool {
    has_content_type(headers, OFFSET_OCTET_STREAM)
}

/// Whether the content type is the expected one; parameters and letter case do not matter.
fn has_content_type(headers: &HeaderMap, expected: &str) -> bool {
    let Ok(Some(text)) = one(headers, &header::CONTENT_TYPE) else { return false };
    text.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected)
}

/// Whether the client asks for the result of its upload in the answer (RFC 7240).
pub(super) fn prefers_representation(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("return=representation"))
}

/// Whether the request is one of the IETF draft of resumable uploads, in any of its versions.
pub(super) fn is_of_the_draft(headers: &HeaderMap) -> bool {
    const FIELDS: [&str; 3] = ["upload-complete", "upload-incomplete", "upload-draft-interop-version"];
    FIELDS.iter().any(|name| headers.contains_key(*name)) || has_content_type(headers, PARTIAL_UPLOAD)
}

/// A number as a header value.
pub(super) fn value_of(number: u64) -> HeaderValue {
    HeaderValue::from(number)
}

/// A text of the server as a header value; `None` if no header can carry it, and the caller leaves it out.
pub(super) fn text_value(text: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            let name: HeaderName = name.parse().expect("valid");
            headers.append(name, value.parse().expect("valid"));
        }
        headers
    }

    #[test]
    fn absent_is_not_malformed_and_repeated_is() {
        for (pairs, expected) in [
            (&[][..], Ok(None)),
            (&[("upload-offset", "7")], Ok(Some(7))),
            (&[("upload-offset", "+7")], Err(())),
            (&[("upload-offset", "")], Err(())),
            (&[("upload-offset", "7"), ("upload-offset", "7")], Err(())),
            (&[("upload-offset", "7, 7")], Err(())),
        ] {
            assert_eq!(number(&headers(pairs), &UPLOAD_OFFSET).map_err(|_| ()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn exactly_one_length_is_declared_or_deferred() {
        for (pairs, expected) in [
            (&[("upload-length", "0")][..], Ok(Length::Known(0))),
            (&[("upload-defer-length", "1")], Ok(Length::Deferred)),
            (&[("upload-defer-length", "0")], Err(())),
            (&[("upload-defer-length", "true")], Err(())),
            (&[("upload-length", "1"), ("upload-defer-length", "1")], Err(())),
            (&[], Err(())),
        ] {
            assert_eq!(length(&headers(pairs)).map_err(|_| ()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_checksum_is_given_or_announced_and_not_both() {
        let sum = ("upload-checksum", "crc32 NSRBwg==");
        let given = Verification::Given(sum.1.parse().expect("valid"));
        for (pairs, expected) in [
            (&[][..], Ok(Verification::None)),
            (&[sum], Ok(given)),
            (&[("trailer", "Upload-Checksum")], Ok(Verification::Trailing)),
            (&[("trailer", "Expires, upload-CHECKSUM ,X")], Ok(Verification::Trailing)),
            (&[("trailer", "Expires"), ("trailer", "upload-checksum")], Ok(Verification::Trailing)),
            (&[("trailer", "Upload-Checksum2")], Ok(Verification::None)),
            (&[sum, ("trailer", "Upload-Checksum")], Err(())),
            (&[sum, sum], Err(())),
            (&[("upload-checksum", "")], Err(())),
            (&[("upload-checksum", "sha3 AAAA")], Err(())),
            (&[("upload-checksum", "crc32 NSRBwg==, crc32 NSRBwg==")], Err(())),
        ] {
            let fields = headers(pairs);
            assert_eq!(is_checked(&fields), expected != Ok(Verification::None), "{pairs:?}");
            assert_eq!(verification(&fields).map_err(|_| ()), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_content_type_is_recognized_in_any_dress() {
        for (value, expected) in [
            ("application/offset+octet-stream", true),
            ("Application/Offset+Octet-Stream; charset=x", true),
            ("application/octet-stream", false),
            ("", false),
        ] {
            assert_eq!(is_append(&headers(&[("content-type", value)])), expected, "{value}");
        }
        assert!(!is_append(&HeaderMap::new()));
    }

    #[test]
    fn the_draft_is_known_by_any_of_its_marks() {
        for (pair, expected) in [
            (("upload-draft-interop-version", "6"), true),
            (("upload-complete", "?0"), true),
            (("upload-incomplete", "?1"), true),
            (("content-type", "Application/Partial-Upload"), true),
            (("content-type", "application/offset+octet-stream"), false),
            (("upload-offset", "0"), false),
            (("upload-length", "1"), false),
        ] {
            assert_eq!(is_of_the_draft(&headers(&[pair])), expected, "{pair:?}");
        }
    }

    #[test]
    fn preferences_are_found_among_others() {
        assert!(prefers_representation(&headers(&[("prefer", "wait=5, return=representation")])));
        assert!(!prefers_representation(&headers(&[("prefer", "return=minimal")])));
    }
}

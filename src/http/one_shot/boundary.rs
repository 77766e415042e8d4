//! The boundary of a form, from its `Content-Type`. Pure.
//!
//! RFC 2046 §5.1.1 allows few characters and 70 bytes, and wants quotes around most of them. Whole families
//! of clients write `===1444057544756===`, `----=_Part_5_123.456` or base64 with `/` without quotes. A form's
//! writer is free to choose its boundary: everything up to the next `;` or the closing quote is the boundary.

/// The most bytes of a boundary. All of the body is searched for it, and compared wherever it begins alike.
pub(super) const MAX_BOUNDARY_BYTES: usize = 1024;

/// Why a `Content-Type` names no boundary. The texts are for clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum BoundaryError {
    /// The type is another one, or the form has no boundary.
    #[error("Content-Type is not multipart/form-data with a boundary")]
    NoForm,
    /// The boundary is far longer than a client has a reason for.
    #[error("The boundary is longer than {MAX_BOUNDARY_BYTES} bytes")]
    TooLong,
}

/// The boundary in a header's value.
///
/// # Errors
/// [`BoundaryError`].
pub(super) fn boundary(content_type: &[u8]) -> Result<String, BoundaryError> {
    let content_type = std::str::from_utf8(content_type).map_err(|_| BoundaryError::NoForm)?;
    let (essence, mut rest) = content_type.split_once(';').ok_or(BoundaryError::NoForm)?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return Err(BoundaryError::NoForm);
    }
    while let Some((name, after)) = rest.split_once('=') {
        let (value, next) = value(after.trim_start()).ok_or(BoundaryError::NoForm)?;
        // What stands before a `;` without a `=` is a parameter without a value.
        let name = name.rsplit(';').next().unwrap_or(name);
        if name.trim().eq_ignore_ascii_case("boundary") {
            return bounded(value);
        }
        rest = next;
    }
    Err(BoundaryError::NoForm)
}

fn bounded(boundary: String) -> Result<String, BoundaryError> {
    match boundary.len() {
        0 => Err(BoundaryError::NoForm),
        length if length > MAX_BOUNDARY_BYTES => Err(BoundaryError::TooLong),
        _ => Ok(boundary),
    }
}

/// A parameter's value, and the text after it; `None` if a quote is never closed. White space at its end is
/// cut, as it may follow a delimiter and so cannot end a boundary (RFC 2046).
fn value(text: &str) -> Option<(String, &str)> {
    match text.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = quoted_value(quoted)?;
            Some((value.trim_end().to_owned(), rest))
        }
        None => {
            let (value, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
            Some((value.trim_end().to_owned(), rest))
        }
    }
}

/// A quoted string (RFC 9110 §5.6.4) without its opening quote.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_up_to_the_next_semicolon_or_the_closing_quote_is_the_boundary() {
        let base64 = "kQ/Zm+9x/7Hq==";
        let long = "-".repeat(MAX_BOUNDARY_BYTES);
        let quoted = "\"----=_Part_5_123.456 (a) <b>,c;d\"";
        for (parameters, expected) in [
            ("boundary=----WebKitFormBoundaryAbC", "----WebKitFormBoundaryAbC"),
            ("boundary====1444057544756===", "===1444057544756==="),
            ("boundary=----=_Part_5_123.456", "----=_Part_5_123.456"),
            ("boundary=*****", "*****"),
            (&format!("boundary={base64}"), base64),
            (&format!("boundary={long}"), &long),
            ("boundary=----------Ij5ae0ae0KM7GI3KM7ei4cH2ei4gL6", "----------Ij5ae0ae0KM7GI3KM7ei4cH2ei4gL6"),
            ("boundary=xYzZY", "xYzZY"),
            ("boundary=\"8d5b0f2e-31ce\"", "8d5b0f2e-31ce"),
            (&format!("boundary={quoted}"), "----=_Part_5_123.456 (a) <b>,c;d"),
            (r#"boundary="a\"b\\c""#, r#"a"b\c"#),
            (r#"boundary="a" ; charset=utf-8"#, "a"),
            ("charset=UTF-8; boundary=a", "a"),
            ("charset=\"x;boundary=no\"; boundary=a", "a"),
            ("flag; boundary=a", "a"),
            ("boundary=a; charset=UTF-8", "a"),
            ("boundary=a;", "a"),
            ("boundary=a \t", "a"),
            ("boundary=\"a \"", "a"),
            ("Boundary=a", "a"),
            ("BOUNDARY = a", "a"),
            ("boundary='a'", "'a'"),
            ("boundary=a'b(c)d,e:f?g", "a'b(c)d,e:f?g"),
            ("boundary=a b", "a b"),
            ("boundary=граница", "граница"),
            ("boundary=a; boundary=b", "a"),
        ] {
            for essence in ["multipart/form-data", "Multipart/Form-Data", " multipart/form-data "] {
                let content_type = format!("{essence};{parameters}");
                assert_eq!(boundary(content_type.as_bytes()).as_deref(), Ok(expected), "{content_type}");
                let content_type = format!("{essence}; {parameters}");
                assert_eq!(boundary(content_type.as_bytes()).as_deref(), Ok(expected), "{content_type}");
            }
        }
    }

    #[test]
    fn a_type_without_a_boundary_is_no_form() {
        let too_long = format!("multipart/form-data; boundary={}", "-".repeat(MAX_BOUNDARY_BYTES + 1));
        for (content_type, error) in [
            ("", BoundaryError::NoForm),
            ("multipart/form-data", BoundaryError::NoForm),
            ("multipart/form-data;", BoundaryError::NoForm),
            ("multipart/form-data; boundary", BoundaryError::NoForm),
            ("multipart/form-data; boundary=", BoundaryError::NoForm),
            ("multipart/form-data; boundary=; charset=utf-8", BoundaryError::NoForm),
            ("multipart/form-data; boundary=\"\"", BoundaryError::NoForm),
            ("multipart/form-data; boundary=\" \"", BoundaryError::NoForm),
            ("multipart/form-data; boundary=\"a", BoundaryError::NoForm),
            ("multipart/form-data; boundary=\"a\\", BoundaryError::NoForm),
            ("multipart/form-data; xboundary=a", BoundaryError::NoForm),
            ("multipart/form-data; charset=utf-8", BoundaryError::NoForm),
            ("multipart/mixed; boundary=a", BoundaryError::NoForm),
            ("application/json; boundary=a", BoundaryError::NoForm),
            (&too_long, BoundaryError::TooLong),
        ] {
            assert_eq!(boundary(content_type.as_bytes()), Err(error), "{content_type:.60}");
        }
        assert_eq!(boundary(b"multipart/form-data; boundary=\xff"), Err(BoundaryError::NoForm));
    }
}

//! Refusals of fields that a form should not have.

use crate::http::error::{ApiError, Code};

/// How many characters of a field's name an answer shows.
const MAX_SHOWN_CHARACTERS: usize = 64;

/// The refusal of a form without a file in the right field. It names the field that has a file, if any.
pub(in crate::http::one_shot) fn missing_file(elsewhere: Option<&str>) -> ApiError {
    match elsewhere {
        None => ApiError::bad_request(Code::MissingFile, "Missing file"),
        Some(field) => {
            let detail = format!("Missing file: the field \"{}\" has one, \"file\" is missing", shown(field));
            ApiError::bad_request(Code::MissingFile, detail)
        }
    }
}

/// The refusal of an unknown field that is too long. If it has a file, the fault is where the file is.
pub(super) fn too_long(field: &str, has_file: bool, after_the_file: bool, limit: usize) -> ApiError {
    if has_file && !after_the_file {
        return missing_file(Some(field));
    }
    let field = shown(field);
    if has_file {
        let detail =
            format!("The field \"{field}\" has another file: a message has one, in the field \"file\"");
        ApiError::bad_request(Code::RepeatedField, detail)
    } else {
        let detail = format!("The unknown field \"{field}\" is longer than {limit} bytes");
        ApiError::bad_request(Code::FieldTooLong, detail)
    }
}

/// A field's name as an answer may show it.
fn shown(name: &str) -> String {
    let mut shown: String = name.chars().filter(|c| !c.is_control()).take(MAX_SHOWN_CHARACTERS + 1).collect();
    if shown.chars().count() > MAX_SHOWN_CHARACTERS {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_named_within_bounds() {
        for (name, expected) in [
            ("video", "video".to_owned()),
            ("a\r\nb\0", "ab".to_owned()),
            ("", String::new()),
            (&"é".repeat(64), "é".repeat(64)),
            (&"é".repeat(65), format!("{}…", "é".repeat(64))),
        ] {
            assert_eq!(shown(name), expected);
        }
    }
}

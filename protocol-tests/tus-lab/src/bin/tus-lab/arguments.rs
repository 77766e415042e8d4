//! Values on the command line that several commands take.

use data_encoding::BASE64;

/// A header as `Name: value`.
pub(crate) fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("a header is 'Name: value'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

/// A pair of metadata as `key value`, in the form of `Upload-Metadata`.
pub(crate) fn pair(text: &str) -> Result<String, String> {
    let (key, value) = text.split_once(' ').unwrap_or((text, ""));
    match (key, value) {
        ("", _) => Err("metadata is 'key value'".to_owned()),
        (key, "") => Ok(key.to_owned()),
        (key, value) => Ok(format!("{key} {}", BASE64.encode(value.as_bytes()))),
    }
}

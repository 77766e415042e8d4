//! `Upload-Metadata` (tus 1.0.0, Creation): kept and given back byte for byte, parsed where we need it.

use std::collections::HashSet;
use std::sync::Arc;

use crate::message::{ClientMessageId, InvalidClientMessageId, MediaType};

/// The most bytes of the header. An upload's row has to stay well below the value size that suits the record
/// store.
pub const MAX_METADATA_BYTES: usize = 6144;

/// The most pairs in the header. Clients send some ten.
const MAX_METADATA_PAIRS: usize = 64;

/// Parsed metadata and the header it came from. It never changes, and a copy is cheap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metadata(Arc<Parsed>);

#[derive(Debug, PartialEq, Eq, Default)]
struct Parsed {
    raw: String,
    pairs: Vec<(String, Vec<u8>)>,
}

/// The reason why a header is not valid metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// A pair has no key, or more than a key and a value.
    #[error("Invalid Upload-Metadata: a pair has a key, and a value in base64 after one space")]
    Shape,
    /// A key occurs twice.
    #[error("Invalid Upload-Metadata: a key occurs twice")]
    DuplicateKey,
    /// A value is not padded base64.
    #[error("Invalid Upload-Metadata: a value is not base64")]
    Base64,
    /// A value that we read is not UTF-8.
    #[error("Invalid Upload-Metadata: {0} is not UTF-8")]
    NotUtf8(&'static str),
    /// The header has more pairs than are kept.
    #[error("Upload-Metadata has more than {MAX_METADATA_PAIRS} keys")]
    TooMany,
    /// The header is longer than [`MAX_METADATA_BYTES`].
    #[error("Upload-Metadata is longer than {MAX_METADATA_BYTES} bytes")]
    TooLong,
    /// The `sha256` is neither hex nor base64 of 32 bytes.
    #[error("Invalid sha256")]
    Sha256,
    /// The `client_message_id` breaks its rule.
    #[error(transparent)]
    ClientMessageId(#[from] InvalidClientMessageId),
}

impl Metadata {
    /// Parses the header's value; an empty one is no metadata.
    ///
    /// # Errors
    /// [`MetadataError`] for everything that tus does not allow.
    pub fn parse(raw: &str) -> Result<Self, MetadataError> {
        if raw.len() > MAX_METADATA_BYTES {
            return Err(MetadataError::TooLong);
        }
        let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
        if raw.trim().is_empty() {
            return Ok(Self::new(raw.to_owned(), pairs));
        }
        let mut keys = HashSet::new();
        for pair in raw.split(',') {
            if pairs.len() == MAX_METADATA_PAIRS {
                return Err(MetadataError::TooMany);
            }
            let (key, value) = parse_pair(pair.trim())?;
            if !keys.insert(key) {
                return Err(MetadataError::DuplicateKey);
            }
            pairs.push((key.to_owned(), value));
        }
        Ok(Self::new(raw.to_owned(), pairs))
    }

    /// Metadata of pairs that we make ourselves, for uploads that do not come by tus.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs: Vec<_> =
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec())).collect();
        let encoded: Vec<_> = pairs
            .iter()
            .map(|(key, value)| format!("{key} {}", data_encoding::BASE64.encode(value)))
            .collect();
        Self::new(encoded.join(","), pairs)
    }

    fn new(raw: String, pairs: Vec<(String, Vec<u8>)>) -> Self {
        Self(Arc::new(Parsed { raw, pairs }))
    }

    /// The header as it was given.
    pub fn raw(&self) -> &str {
        &self.0.raw
    }

    /// The file's name as the client gave it; `file` without one.
    ///
    /// # Errors
    /// [`MetadataError::NotUtf8`].
    pub fn file_name(&self) -> Result<&str, MetadataError> {
        let name = self.text_of(["filename", "name"])?.filter(|name| !name.is_empty());
        Ok(name.unwrap_or("file"))
    }

    /// The declared MIME type; an invalid one counts as not declared.
    ///
    /// # Errors
    /// [`MetadataError::NotUtf8`].
    pub fn file_type(&self) -> Result<Option<MediaType>, MetadataError> {
        Ok(self.text_of(["filetype", "type"])?.and_then(|text| text.parse().ok()))
    }

    /// The SHA-256 that the whole file must have.
    ///
    /// # Errors
    /// [`MetadataError::Sha256`] if it is neither hex nor base64 of 32 bytes.
    pub fn sha256(&self) -> Result<Option<[u8; 32]>, MetadataError> {
        let Some(text) = self.text("sha256")? else { return Ok(None) };
        let decoded = data_encoding::HEXLOWER_PERMISSIVE
            .decode(text.as_bytes())
            .or_else(|_| data_encoding::BASE64.decode(text.as_bytes()))
            .map_err(|_| MetadataError::Sha256)?;
        decoded.try_into().map(Some).map_err(|_| MetadataError::Sha256)
    }

    /// The sender's own id of the message; an empty text is none.
    ///
    /// # Errors
    /// [`MetadataError::ClientMessageId`] if it breaks the rule.
    pub fn client_message_id(&self) -> Result<Option<ClientMessageId>, MetadataError> {
        Ok(ClientMessageId::given(self.text("client_message_id")?.unwrap_or_default())?)
    }

    /// The value of this key as text.
    ///
    /// # Errors
    /// [`MetadataError::NotUtf8`].
    pub fn text(&self, key: &'static str) -> Result<Option<&str>, MetadataError> {
        let value = self.0.pairs.iter().find(|(known, _)| known == key).map(|(_, value)| value);
        value.map(|value| std::str::from_utf8(value).map_err(|_| MetadataError::NotUtf8(key))).transpose()
    }

    fn text_of(&self, keys: [&'static str; 2]) -> Result<Option<&str>, MetadataError> {
        let first = self.text(keys[0])?;
        if first.is_some() { Ok(first) } else { self.text(keys[1]) }
    }
}

fn parse_pair(pair: &str) -> Result<(&str, Vec<u8>), MetadataError> {
    let mut tokens = pair.split(' ');
    let key = tokens.next().unwrap_or_default();
    let value = tokens.next().unwrap_or_default();
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic());
    if !is_key || tokens.next().is_some() {
        return Err(MetadataError::Shape);
    }
    let value = data_encoding::BASE64.decode(value.as_bytes()).map_err(|_| MetadataError::Base64)?;
    Ok((key, value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_the_text_allows_is_read() {
        for (raw, key, value) in [
            ("filename YS5tcDQ=", "filename", Some("a.mp4")),
            ("is_secret", "is_secret", Some("")),
            ("a YQ==, b Yg==", "b", Some("b")),
            ("a YQ==,b Yg==", "a", Some("a")),
            ("", "a", None),
        ] {
            assert_eq!(Metadata::parse(raw).expect("valid").text(key), Ok(value), "{raw}");
        }
    }

    #[test]
    fn what_the_text_does_not_allow_is_refused() {
        for (raw, error) in [
            ("a YQ", MetadataError::Base64),
            ("a !!!!", MetadataError::Base64),
            ("a YQ==,a Yg==", MetadataError::DuplicateKey),
            ("a,a", MetadataError::DuplicateKey),
            ("a YQ==,", MetadataError::Shape),
            (",", MetadataError::Shape),
            ("a YQ== Yg==", MetadataError::Shape),
            ("a  YQ==", MetadataError::Shape),
            ("é YQ==", MetadataError::Shape),
        ] {
            assert_eq!(Metadata::parse(raw), Err(error), "{raw}");
        }
        assert_eq!(Metadata::parse(&"a".repeat(MAX_METADATA_BYTES + 1)), Err(MetadataError::TooLong));
    }

    #[test]
    fn there_are_at_most_64_keys() {
        let keys = |count: usize| (0..count).map(|key| format!("k{key}")).collect::<Vec<_>>().join(",");
        assert!(Metadata::parse(&keys(MAX_METADATA_PAIRS)).is_ok());
        assert_eq!(Metadata::parse(&keys(MAX_METADATA_PAIRS + 1)), Err(MetadataError::TooMany));
        assert_eq!(Metadata::parse(&",".repeat(1500)), Err(MetadataError::Shape));
    }

    #[test]
    fn aliases_and_defaults_hold() {
        let read = |raw| Metadata::parse(raw).expect("valid");
        assert_eq!(read("name YQ==").file_name(), Ok("a"));
        assert_eq!(read("name YQ==,filename Yg==").file_name(), Ok("b"));
        assert_eq!(read("filename").file_name(), Ok("file"));
        assert_eq!(read("filename /w==").file_name(), Err(MetadataError::NotUtf8("filename")));
        assert_eq!(read("unknown /w==").file_name(), Ok("file"), "an unknown key may hold any bytes");
        assert_eq!(read("type bm8gdHlwZQ==").file_type(), Ok(None));
        for none in ["", "client_message_id", "client_message_id "] {
            assert_eq!(read(none).client_message_id(), Ok(None), "{none}");
        }
    }

    #[test]
    fn a_sha256_is_hex_or_base64_of_32_bytes() {
        let hex = "00".repeat(32);
        let base64 = data_encoding::BASE64.encode(&[0; 32]);
        for text in [hex.as_str(), base64.as_str()] {
            assert_eq!(Metadata::of([("sha256", text)]).sha256(), Ok(Some([0; 32])));
        }
        for text in ["", "00", "zz"] {
            assert_eq!(Metadata::of([("sha256", text)]).sha256(), Err(MetadataError::Sha256));
        }
    }

    proptest! {
        #[test]
        fn no_header_panics_and_what_is_read_is_given_back(raw in "[ -~é,]{0,80}") {
            if let Ok(metadata) = Metadata::parse(&raw) {
                prop_assert_eq!(metadata.raw(), raw);
            }
        }

        #[test]
        fn made_metadata_reads_back(name in any::<String>(), content in any::<String>()) {
            let made = Metadata::of([("filename", name.as_str()), ("content", content.as_str())]);
            if made.raw().len() <= MAX_METADATA_BYTES {
                prop_assert_eq!(Metadata::parse(made.raw()), Ok(made));
            }
        }
    }
}

//! `Upload-Concat` (tus 1.0.0, Concatenation): which uploads are partial, and which parts a final upload has.

use std::ops::Range;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::id::UploadId;
use super::metadata::{MAX_METADATA_BYTES, Metadata};
use crate::message::{ConversationId, UserId};

/// The most bytes of `Upload-Concat` and `Upload-Metadata` together: both are stored in one row.
pub const MAX_DESCRIPTION_BYTES: usize = MAX_METADATA_BYTES;

/// The role of an upload in a concatenation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Concat {
    /// An upload that is neither partial nor final.
    #[default]
    Whole,
    /// A partial upload. Once complete, it waits for the final upload that names it.
    Partial,
    /// A final upload, the concatenation of parts. The server appends to it; clients cannot.
    Final(Parts),
}

/// The parts of a final upload, in order, and the header that named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    raw: String,
    ids: Vec<UploadId>,
}

/// The reason why a header is not a valid `Upload-Concat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConcatError {
    /// The value is neither `partial` nor `final;` and URLs.
    #[error("Invalid Upload-Concat: it is `partial`, or `final;` and the URLs of partial uploads")]
    Shape,
    /// A URL is not that of an upload of this server.
    #[error("Invalid Upload-Concat: a URL does not name an upload")]
    Url,
    /// The headers together are longer than [`MAX_DESCRIPTION_BYTES`].
    #[error("Upload-Concat and Upload-Metadata together are longer than {MAX_DESCRIPTION_BYTES} bytes")]
    TooLong,
}

/// A stretch of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The index of the part, counted from zero.
    pub part: usize,
    /// The range within the part.
    pub range: Range<u64>,
}

impl Concat {
    /// Parses the header's value; an empty one means neither partial nor final.
    ///
    /// # Errors
    /// [`ConcatError`].
    pub fn parse(raw: &str) -> Result<Self, ConcatError> {
        match raw.split_once(';') {
            None if raw.is_empty() => Ok(Self::Whole),
            None if raw == "partial" => Ok(Self::Partial),
            Some(("final", urls)) => Ok(Self::Final(Parts::parse(raw, urls)?)),
            _ => Err(ConcatError::Shape),
        }
    }

    /// The header's value, byte for byte.
    pub fn raw(&self) -> &str {
        match self {
            Self::Whole => "",
            Self::Partial => "partial",
            Self::Final(parts) => &parts.raw,
        }
    }
}

impl Parts {
    fn parse(raw: &str, urls: &str) -> Result<Self, ConcatError> {
        if raw.len() > MAX_DESCRIPTION_BYTES {
            return Err(ConcatError::TooLong);
        }
        let ids: Vec<_> = urls.split_ascii_whitespace().map(upload_of).collect::<Result<_, _>>()?;
        if ids.is_empty() { Err(ConcatError::Shape) } else { Ok(Self { raw: raw.to_owned(), ids }) }
    }

    /// The ids of the parts in order; one may occur more than once.
    pub fn ids(&self) -> &[UploadId] {
        &self.ids
    }

    /// The id of the final upload, which follows from everything that was asked for. A client that lost the
    /// answer and asks again for the same parts and the same message means the same upload. Without the
    /// parts' ids its id cannot be guessed.
    pub fn final_id(
        &self,
        owner: &UserId,
        metadata: &Metadata,
        conversation: Option<ConversationId>,
    ) -> UploadId {
        let mut digest = Sha256::new();
        let mut field = |bytes: &[u8]| {
            digest.update(u64::try_from(bytes.len()).expect("a length fits").to_be_bytes());
            digest.update(bytes);
        };
        field(owner.as_str().as_bytes());
        field(metadata.raw().as_bytes());
        field(conversation.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        self.ids.iter().for_each(|id| field(id.as_bytes()));
        let digest: [u8; 32] = digest.finalize().into();
        let bytes = digest.first_chunk().expect("32 bytes begin with 16");
        Uuid::new_v8(*bytes).into()
    }
}

/// The upload that a URL names, relative or absolute. A proxy may have put a prefix before our path.
fn upload_of(url: &str) -> Result<UploadId, ConcatError> {
    let (before, id) = url.rsplit_once('/').ok_or(ConcatError::Url)?;
    let folder = before.rsplit_once('/').map_or(before, |(_, folder)| folder);
    // A list with another separator must not be taken for its last URL.
    if folder != "files" || url.contains([',', ';', '?', '#']) {
        return Err(ConcatError::Url);
    }
    id.parse().map_err(|_| ConcatError::Url)
}

/// The bytes that follow at an offset of a concatenation, whose parts have these lengths: of one part, and at
/// most `most`. `None` at the end.
pub fn stretch_at(lengths: &[u64], offset: u64, most: u64) -> Option<Stretch> {
    let mut start = 0u64;
    for (part, length) in lengths.iter().enumerate() {
        let within = offset.checked_sub(start)?;
        if within < *length {
            return Some(Stretch { part, range: within..(*length).min(within.saturating_add(most)) });
        }
        start = start.checked_add(*length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "000102030405060708090a0b0c0d0e0f";
    const B: &str = "ffffffffffffffffffffffffffffffff";

    fn ids(raw: &str) -> Result<Vec<String>, ConcatError> {
        match Concat::parse(raw)? {
            Concat::Final(parts) => {
                assert_eq!(parts.raw, raw);
                Ok(parts.ids().iter().map(ToString::to_string).collect())
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn urls_are_relative_or_absolute_and_may_repeat() {
        let expected = |ids: &[&str]| Ok(ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>());
        for (raw, parts) in [
            (format!("final;/files/{A} /files/{B}"), &[A, B][..]),
            (format!("final; http://a:8000/files/{B}   https://b/x/files/{A} "), &[B, A]),
            (format!("final;files/{A} /files/{A}"), &[A, A]),
        ] {
            assert_eq!(ids(&raw), expected(parts), "{raw}");
        }
    }

    #[test]
    fn anything_else_is_refused_by_what_is_wrong() {
        assert_eq!(Concat::parse(""), Ok(Concat::Whole));
        assert_eq!(Concat::parse("partial"), Ok(Concat::Partial));
        let long = format!("final;{}", format!("/files/{A} ").repeat(200));
        for (raw, error) in [
            ("final".to_owned(), ConcatError::Shape),
            ("final;".to_owned(), ConcatError::Shape),
            ("final; ".to_owned(), ConcatError::Shape),
            ("Partial".to_owned(), ConcatError::Shape),
            ("partial;".to_owned(), ConcatError::Shape),
            (format!("{A};/files/{A}"), ConcatError::Shape),
            (format!("final;{A}"), ConcatError::Url),
            (format!("final;/uploads/{A}"), ConcatError::Url),
            (format!("final;/files/{A}/"), ConcatError::Url),
            (format!("final;/files/{A}?x"), ConcatError::Url),
            (format!("final;/files/../{A}"), ConcatError::Url),
            (format!("final;/files/{A},/files/{B}"), ConcatError::Url),
            (format!("final;/files/{A};/files/{B}"), ConcatError::Url),
            (long, ConcatError::TooLong),
        ] {
            assert_eq!(Concat::parse(&raw), Err(error), "{raw}");
        }
    }

    #[test]
    fn the_same_wish_is_the_same_upload_and_no_other_is() {
        let parts = |raw: &str| match Concat::parse(raw) {
            Ok(Concat::Final(parts)) => parts,
            other => panic!("{other:?}"),
        };
        let user = |name: &str| name.parse::<UserId>().expect("valid");
        let conversation = |byte| Some(ConversationId::from_bytes([byte; 12]));
        let (ab, ba) = (format!("final;/files/{A} /files/{B}"), format!("final;/files/{B} /files/{A}"));
        let words = Metadata::of([("content", "words")]);
        let id = parts(&ab).final_id(&user("ann"), &words, conversation(1));
        let absolute = format!("final;http://host/files/{A} http://host/files/{B}");
        assert_eq!(parts(&absolute).final_id(&user("ann"), &words, conversation(1)), id);
        assert_eq!(id.to_string().parse(), Ok(id));
        for other in [
            parts(&ba).final_id(&user("ann"), &words, conversation(1)),
            parts(&ab).final_id(&user("bob"), &words, conversation(1)),
            parts(&ab).final_id(&user("ann"), &Metadata::default(), conversation(1)),
            parts(&ab).final_id(&user("ann"), &words, conversation(2)),
            parts(&ab).final_id(&user("ann"), &words, None),
        ] {
            assert_ne!(other, id);
        }
    }

    proptest! {
        #[test]
        fn the_stretches_of_parts_are_their_concatenation(
            lengths in prop::collection::vec(0u64..20, 0..6), most in 1u64..8
        ) {
            let whole: Vec<_> = lengths.iter().enumerate().flat_map(|(part, n)| (0..*n).map(move |at| (part, at))).collect();
            let mut found = Vec::new();
            while let Some(next) = stretch_at(&lengths, found.len().try_into().expect("small"), most) {
                prop_assert!(next.range.end - next.range.start <= most && !next.range.is_empty());
                found.extend(next.range.map(|at| (next.part, at)));
            }
            prop_assert_eq!(found, whole);
        }
    }
}

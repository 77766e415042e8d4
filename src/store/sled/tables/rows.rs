//! The rows: a byte for their version, then postcard. A row that was written once is read for ever, so a row
//! that changes its shape gets another version, and a reader for the old one.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sled::IVec;
use smallvec::SmallVec;

use crate::message::{MessageId, UserId};
use crate::store::StoreError;
use crate::time::Timestamp;
use crate::upload::{Binding, DigestState, Epoch, Length, State, UploadId};

const VERSION: u8 = 1;
/// The version of an upload's record with its description behind it.
const DESCRIBED: u8 = 2;
/// The version of an upload's record in another epoch than the first: the epoch, then the row in a version
/// above.
const TAKEN: u8 = 3;
/// The capacity for a new row; few rows have more bytes.
const USUAL_BYTES: usize = 256;

/// An upload's record without its description and its ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UploadRow {
    pub(crate) owner: UserId,
    pub(crate) length: Length,
    pub(crate) binding: Option<Binding>,
    pub(crate) state: State,
    pub(crate) created_at: Timestamp,
    /// The end that holds while there is no ledger: before its first row, and after the commit.
    pub(crate) end: End,
}

/// The end of a ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) offset: u64,
    pub(crate) active_at: Timestamp,
    pub(crate) digest: Option<DigestState>,
}

/// A row of a ledger; its offset is in its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChunkRow {
    pub(crate) length: u64,
    pub(crate) at: Timestamp,
    pub(crate) digest: Option<DigestState>,
}

/// The holder of a `client_message_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClaimRow {
    pub(crate) upload: UploadId,
    /// The message, from the claim on: it holds the id for ever.
    pub(crate) message: Option<MessageId>,
}

/// The place that the file of a committed upload went to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacedRow {
    pub(crate) message: MessageId,
    pub(crate) file_name: String,
    pub(crate) length: u64,
}

/// The row's bytes.
pub(crate) fn encode<T: Serialize>(row: &T) -> IVec {
    let bytes = SmallVec::<[u8; USUAL_BYTES]>::from_slice(&[VERSION]);
    let bytes = postcard::to_extend(row, bytes).expect("rows are made of what postcard can write");
    IVec::from(&*bytes)
}

/// The row of these bytes.
///
/// # Errors
/// [`StoreError::Damaged`] naming the table.
pub(crate) fn decode<T: DeserializeOwned>(table: &str, bytes: &[u8]) -> Result<T, StoreError> {
    match bytes.split_first() {
        Some((&VERSION, row)) => {
            postcard::from_bytes(row).map_err(|error| StoreError::Damaged(format!("{table}: {error}")))
        }
        version => Err(StoreError::Damaged(format!("{table}: version {:?} of a row", version.map(|v| v.0)))),
    }
}

/// The bytes of an upload's record, with its description, if that lies behind it.
pub(crate) fn encode_upload(epoch: Epoch, row: &UploadRow, description: Option<&str>) -> IVec {
    if epoch != Epoch::FIRST {
        let row = encode_upload(Epoch::FIRST, row, description);
        return IVec::from([&[TAKEN][..], &epoch.number().to_be_bytes(), &row].concat());
    }
    let Some(description) = description else { return encode(row) };
    let bytes = SmallVec::<[u8; USUAL_BYTES]>::from_slice(&[DESCRIBED]);
    let mut bytes = postcard::to_extend(row, bytes).expect("rows are made of what postcard can write");
    bytes.extend_from_slice(description.as_bytes());
    IVec::from(&*bytes)
}

/// An upload's record, and the description behind it; `None` if that lies elsewhere.
///
/// # Errors
/// [`StoreError::Damaged`]
pub(crate) fn decode_upload(bytes: &[u8]) -> Result<(Epoch, UploadRow, Option<&str>), StoreError> {
    let (epoch, bytes) = match bytes.split_first() {
        Some((&TAKEN, row)) => {
            let (epoch, row) = row.split_first_chunk().ok_or_else(|| damaged(&"no epoch"))?;
            (Epoch::new(u64::from_be_bytes(*epoch)), row)
        }
        _ => (Epoch::FIRST, bytes),
    };
    let Some((&DESCRIBED, row)) = bytes.split_first() else {
        return Ok((epoch, decode("upload", bytes)?, None));
    };
    let (row, description) = postcard::take_from_bytes(row).map_err(|error| damaged(&error))?;
    let description = std::str::from_utf8(description).map_err(|error| damaged(&error))?;
    Ok((epoch, row, Some(description)))
}

fn damaged(why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("upload: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_with_its_description_and_without() {
        let row = UploadRow {
            owner: "a@example.com".parse().expect("valid"),
            length: Length::Known(3),
            binding: None,
            state: State::Receiving,
            created_at: Timestamp::from_millis(7),
            end: End { offset: 0, active_at: Timestamp::from_millis(7), digest: None },
        };
        for description in [None, Some(""), Some("filename YQ==\0final;/files/1")] {
            for epoch in [Epoch::FIRST, Epoch::FIRST.next(), Epoch::new(u64::MAX)] {
                let bytes = encode_upload(epoch, &row, description);
                assert_eq!(decode_upload(&bytes).expect("whole"), (epoch, row.clone(), description));
                for bytes in [&bytes[..9], &[DESCRIBED], &[TAKEN], &[TAKEN + 1], &[]] {
                    assert!(matches!(decode_upload(bytes), Err(StoreError::Damaged(_))), "{bytes:?}");
                }
            }
        }
        let other = [&encode_upload(Epoch::FIRST, &row, Some(""))[..], &[0xff]].concat();
        assert!(matches!(decode_upload(&other), Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_row_of_another_version_or_shape_is_damaged() {
        let row = encode(&ClaimRow { upload: UploadId::from_bytes([1; 16]), message: None });
        assert!(decode::<ClaimRow>("claim", &row).is_ok());
        let other = [&[VERSION + 1], &row[1..]].concat();
        for bytes in [&other[..], &row[..4], &[], &[VERSION]] {
            assert!(matches!(decode::<ClaimRow>("claim", bytes), Err(StoreError::Damaged(_))), "{bytes:?}");
        }
    }
}

//! The rules of PATCH: whether bytes may be appended (tus 1.0.0, Core and Creation).

use super::length::Length;
use super::model::Upload;
use super::state::{RejectionReason, State};

/// The values of a PATCH that decide about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendRequest {
    /// `Upload-Offset`.
    pub offset: u64,
    /// `Content-Length`; `None` for a chunked body.
    pub content_length: Option<u64>,
    /// `Upload-Length`, which declares a deferred length.
    pub upload_length: Option<u64>,
}

/// The admission of a PATCH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    /// The offset of the first byte.
    pub offset: u64,
    /// The offset that the request must not pass.
    pub limit: u64,
    /// The upload's length, declared now or before.
    pub length: Length,
}

/// The reason why a PATCH is refused. No stored byte is lost by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefusal {
    /// The bytes do not begin where the upload ends.
    #[error("Upload-Offset is not the current offset")]
    OffsetMismatch {
        /// The upload's offset.
        current: u64,
    },
    /// The upload would have more bytes than its length.
    #[error("The upload would become longer than its length")]
    TooLong,
    /// The upload would have more bytes than the server accepts.
    #[error("The upload would become larger than the server accepts: at most {0} bytes")]
    TooLarge(u64),
    /// The length contradicts the declared one, or the bytes that are there.
    #[error("Upload-Length contradicts the upload")]
    LengthConflict,
    /// The upload has expired.
    #[error("The upload has expired")]
    Expired,
    /// The upload was rejected.
    #[error("{0}")]
    Rejected(RejectionReason),
}

impl Upload {
    /// Decides on a PATCH. On a complete upload only an empty one at its end is admitted: it asks for the
    /// result.
    ///
    /// # Errors
    /// [`AppendRefusal`]; the stored upload stays as it is.
    pub fn admit(&self, request: AppendRequest, max_size: u64) -> Result<Admission, AppendRefusal> {
        match &self.state {
            State::Expired => return Err(AppendRefusal::Expired),
            State::Rejected(rejection) => return Err(AppendRefusal::Rejected(rejection.reason)),
            State::Receiving | State::Complete | State::Finalizing(_) | State::Committed(_) => {}
        }
        if request.offset != self.offset {
            return Err(AppendRefusal::OffsetMismatch { current: self.offset });
        }
        let length = self.declared(request.upload_length, max_size)?;
        let limit = length.known().unwrap_or(max_size);
        match request.content_length {
            Some(bytes) if bytes > limit.saturating_sub(self.offset) => Err(if length == Length::Deferred {
                AppendRefusal::TooLarge(max_size)
            } else {
                AppendRefusal::TooLong
            }),
            _ => Ok(Admission { offset: self.offset, limit, length }),
        }
    }

    fn declared(&self, upload_length: Option<u64>, max_size: u64) -> Result<Length, AppendRefusal> {
        match (self.length, upload_length) {
            (length, None) => Ok(length),
            (Length::Known(known), Some(declared)) if known == declared => Ok(self.length),
            (Length::Known(_), Some(_)) => Err(AppendRefusal::LengthConflict),
            (Length::Deferred, Some(declared)) if declared > max_size => {
                Err(AppendRefusal::TooLarge(max_size))
            }
            (Length::Deferred, Some(declared)) if declared < self.offset => {
                Err(AppendRefusal::LengthConflict)
            }
            (Length::Deferred, Some(declared)) => Ok(Length::Known(declared)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;
    use crate::upload::{Digests, Metadata, UploadId};

    const MAX: u64 = 100;

    fn upload(length: Length, offset: u64) -> Upload {
        let owner = "u".parse().expect("valid");
        let now = Timestamp::from_millis(0);
        let mut upload =
            Upload::new(UploadId::random(), owner, length, Metadata::default(), None, Digests::Every, now);
        upload.offset = offset;
        if length.is_reached_at(offset) {
            upload.state = State::Complete;
        }
        upload
    }

    #[test]
    fn every_combination_of_offset_body_and_length() {
        use AppendRefusal as R;
        use Length::{Deferred, Known};
        let limit = |limit| Ok(limit);
        type Row = (Length, u64, u64, Option<u64>, Option<u64>, Result<u64, R>);
        // columns: length, offset; Upload-Offset, Content-Length, Upload-Length; limit or refusal
        let table: [Row; 20] = [
            (Known(10), 0, 0, Some(10), None, limit(10)),
            (Known(10), 4, 4, Some(6), None, limit(10)),
            (Known(10), 4, 4, Some(2), None, limit(10)),
            (Known(10), 4, 4, Some(0), None, limit(10)),
            (Known(10), 4, 4, None, None, limit(10)),
            (Known(10), 4, 4, Some(7), None, Err(R::TooLong)),
            (Known(10), 4, 3, Some(1), None, Err(R::OffsetMismatch { current: 4 })),
            (Known(10), 4, 5, Some(1), None, Err(R::OffsetMismatch { current: 4 })),
            (Known(10), 4, 5, Some(100), None, Err(R::OffsetMismatch { current: 4 })),
            (Known(10), 10, 10, Some(0), None, limit(10)),
            (Known(10), 10, 10, Some(1), None, Err(R::TooLong)),
            (Known(10), 10, 0, Some(1), None, Err(R::OffsetMismatch { current: 10 })),
            (Known(10), 0, 0, Some(1), Some(10), limit(10)),
            (Known(10), 0, 0, Some(1), Some(11), Err(R::LengthConflict)),
            (Deferred, 4, 4, Some(96), None, limit(100)),
            (Deferred, 4, 4, Some(97), None, Err(R::TooLarge(MAX))),
            (Deferred, 4, 4, Some(2), Some(6), limit(6)),
            (Deferred, 4, 4, Some(3), Some(6), Err(R::TooLong)),
            (Deferred, 4, 4, Some(0), Some(3), Err(R::LengthConflict)),
            (Deferred, 4, 4, Some(0), Some(101), Err(R::TooLarge(MAX))),
        ];
        for (length, offset, asked, content_length, upload_length, expected) in table {
            let request = AppendRequest { offset: asked, content_length, upload_length };
            let outcome = upload(length, offset).admit(request, MAX).map(|a| a.limit);
            assert_eq!(outcome, expected, "{length:?} at {offset}, {request:?}");
        }
    }

    #[test]
    fn a_dead_upload_takes_nothing_and_says_why() {
        let request = AppendRequest { offset: 0, content_length: Some(1), upload_length: None };
        let mut dead = upload(Length::Known(10), 0);
        dead.state = State::Expired;
        assert_eq!(dead.admit(request, MAX), Err(AppendRefusal::Expired));
        dead.state = State::Receiving.reject(RejectionReason::Damaged).expect("legal");
        assert_eq!(dead.admit(request, MAX), Err(AppendRefusal::Rejected(RejectionReason::Damaged)));
    }
}

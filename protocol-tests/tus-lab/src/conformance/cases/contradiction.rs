//! Answers that do not fit what the server says elsewhere.

use std::fmt::Debug;

use crate::conformance::answer::Answer;
use crate::conformance::verdict::{Judged, wrong};

/// An answer does not fit the offset that HEAD tells afterwards.
pub(super) fn wrong_offset(answer: &Answer, offset: u64) -> Judged {
    wrong(format_args!("{answer}, and HEAD then says offset {offset}"))
}

/// An answer tells things of a length that exclude each other.
pub(super) fn contradiction(answer: &Answer, length: Option<u64>, deferred: impl Debug) -> Judged {
    wrong(format_args!("{answer} with Upload-Length {length:?} and Upload-Defer-Length {deferred:?}"))
}

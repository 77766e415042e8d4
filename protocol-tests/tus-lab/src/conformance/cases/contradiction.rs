//! Faults of answers that contradict other answers of the server.

use std::fmt::Debug;

use crate::conformance::answer::Answer;
use crate::conformance::verdict::{Judged, wrong};

/// The fault of an answer that does not fit the offset that HEAD tells afterwards.
pub(super) fn wrong_offset(answer: &Answer, offset: u64) -> Judged {
    wrong(format_args!("{answer}, and HEAD then says offset {offset}"))
}

/// The fault of an answer that tells two contradicting things about a length.
pub(super) fn contradiction(answer: &Answer, length: Option<u64>, deferred: impl Debug) -> Judged {
    wrong(format_args!("{answer} with Upload-Length {length:?} and Upload-Defer-Length {deferred:?}"))
}

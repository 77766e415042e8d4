//! The cases: a file per section of the text, and some for what the text does not foresee.

mod checksum;
mod checksum_trailer;
mod concatenation;
mod concatenation_unfinished;
mod core_head;
mod core_offset;
mod core_options;
mod core_override;
mod core_patch;
mod core_version;
mod creation;
mod creation_with_upload;
mod defer_length;
mod expiration;
mod extensions;
mod metadata;
mod robust_bodies;
mod robust_connections;
mod robust_ids;
mod robust_races;
mod termination;

use std::fmt::Debug;
use std::time::Duration;

use super::answer::Answer;
use super::bench::{Bench, PAUSE};
use super::case::Section;
use super::place::Place;
use super::verdict::{FINE, Fault, Judged, ensure, room, wrong};
use crate::http::Connection;

/// Every section, in the order in which it runs and is reported.
pub const SECTIONS: &[&Section] = &[
    &core_options::SECTION,
    &core_version::SECTION,
    &core_override::SECTION,
    &core_head::SECTION,
    &core_patch::SECTION,
    &core_offset::SECTION,
    &extensions::SECTION,
    &creation::SECTION,
    &metadata::SECTION,
    &defer_length::SECTION,
    &creation_with_upload::SECTION,
    &expiration::SECTION,
    &checksum::SECTION,
    &checksum_trailer::SECTION,
    &termination::SECTION,
    &concatenation::SECTION,
    &concatenation_unfinished::SECTION,
    &robust_bodies::SECTION,
    &robust_connections::SECTION,
    &robust_races::SECTION,
    &robust_ids::SECTION,
];

/// Beyond this a waiting user notices, and stock clients send bodies without being asked.
const SOON: Duration = Duration::from_secs(2);

/// How often the offset must have stayed the same before an interrupted request counts as over.
const SETTLED: u32 = 3;

/// The offset of an upload whose connection has just died, once the server has digested that.
async fn settled_offset(bench: &Bench, upload: &Place) -> Result<u64, Fault> {
    let mut last = bench.offset(upload).await?;
    let mut same = 0;
    while same < SETTLED {
        tokio::time::sleep(PAUSE).await;
        let offset = bench.offset(upload).await?;
        same = if offset == last { same + 1 } else { 0 };
        last = offset;
    }
    Ok(last)
}

/// Wrong unless the upload stands within its length and can still become these bytes, whatever
/// it was sent.
async fn never_past_its_length(bench: &Bench, upload: &Place, content: &[u8]) -> Result<(), Fault> {
    let offset = settled_offset(bench, upload).await?;
    let length = content.len() as u64;
    ensure(offset <= length, format_args!("HEAD then says offset {offset} of {length}"))?;
    bench.resume(upload, content).await?;
    bench.expect_bytes(upload, content).await
}

/// What comes of `Expect: 100-continue` before the body is sent.
enum Expectation {
    Continue,
    Final(u16),
    Nothing,
}

impl Expectation {
    fn judged(self) -> Judged {
        match self {
            Self::Nothing => room("nothing answers the expectation, for which HTTP's clients wait"),
            Self::Continue | Self::Final(_) => FINE,
        }
    }
}

async fn expectation(connection: &mut Connection) -> Result<Expectation, Fault> {
    match tokio::time::timeout(SOON, connection.try_head()).await {
        Ok(head) => match head?.status {
            100 => Ok(Expectation::Continue),
            status => Ok(Expectation::Final(status)),
        },
        Err(_) => Ok(Expectation::Nothing),
    }
}

/// An answer does not fit the offset that HEAD tells afterwards.
fn wrong_offset(answer: &Answer, offset: u64) -> Judged {
    wrong(format_args!("{answer}, and HEAD then says offset {offset}"))
}

/// An answer tells things of a length that exclude each other.
fn contradiction(answer: &Answer, length: Option<u64>, deferred: impl Debug) -> Judged {
    wrong(format_args!("{answer} with Upload-Length {length:?} and Upload-Defer-Length {deferred:?}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::SECTIONS;

    #[test]
    fn every_case_has_an_id_of_its_own_and_says_what_it_is_about() {
        let cases: Vec<_> = SECTIONS.iter().flat_map(|section| section.cases).collect();
        let ids: BTreeSet<_> = cases.iter().map(|case| case.id).collect();
        assert_eq!(ids.len(), cases.len());
        for case in cases {
            let plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
            assert!(case.id.bytes().all(plain), "{}", case.id);
            assert!(!case.title.is_empty() && !case.title.ends_with('.'), "{}", case.id);
        }
    }
}

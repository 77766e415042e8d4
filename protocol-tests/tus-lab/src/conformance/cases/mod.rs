//! The cases: a file per section of the text, and some for events that the text does not foresee.

mod checksum;
mod checksum_trailer;
mod concatenation;
mod concatenation_unfinished;
mod contradiction;
mod core_head;
mod core_offset;
mod core_options;
mod core_override;
mod core_patch;
mod core_version;
mod creation;
mod creation_with_upload;
mod defer_length;
mod expectation;
mod expiration;
mod extensions;
mod metadata;
mod robust_bodies;
mod robust_connections;
mod robust_ids;
mod robust_races;
mod settled;
mod termination;

use super::case::Section;

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

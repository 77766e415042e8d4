use super::settings::Settings;
use super::subject::Subject;
use crate::content::Content;

/// What all rows of a run share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) settings: Settings,
    pub(super) subject: Subject,
    pub(super) content: Content,
    /// What no other run has in its tags.
    pub(super) mark: u64,
}

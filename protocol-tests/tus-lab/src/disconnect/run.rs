use super::settings::Settings;
use super::subject::Subject;
use crate::content::Content;

/// The parts of a run that all rows share.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) settings: Settings,
    pub(super) subject: Subject,
    pub(super) content: Content,
    /// A random number that tells the tags of this run from those of others.
    pub(super) mark: u64,
}

use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::verdict::Judged;

/// How strongly the text demands a behaviour.
///
/// The levels are ordered, and each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// The text says MUST, or MUST NOT.
    Must,
    /// The text says SHOULD, or SHOULD NOT.
    Should,
    /// The text says little or nothing; what counts is that no byte is lost, doubled or
    /// corrupted, and that the server neither hangs nor breaks down.
    Robust,
}

impl Level {
    /// The level in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::Robust => "ROBUST",
        }
    }
}

/// The cases of one section of the text.
#[derive(Debug)]
pub struct Section {
    /// The section's name in the text.
    pub name: &'static str,
    /// The URL of the section: in the tus text, or in HTTP's where tus is silent.
    pub text: &'static str,
    /// The extensions that all its cases need.
    pub needs: &'static [&'static str],
    /// The cases, in the order in which they run.
    pub cases: &'static [Case],
}

/// One behaviour that a server is tested for.
#[derive(Debug)]
pub struct Case {
    /// The name for `--only` and for reports: section, subject, fact.
    pub id: &'static str,
    /// The expected behaviour, in a line.
    pub title: &'static str,
    /// The level of the case.
    pub level: Level,
    /// The extensions that the case needs besides those of its section.
    pub needs: &'static [&'static str],
    pub(super) run: Run,
}

/// The function of a case.
pub(super) type Run = for<'a> fn(&'a Bench) -> Judging<'a>;

/// The future of a running case.
pub(super) type Judging<'a> = Pin<Box<dyn Future<Output = Judged> + Send + 'a>>;

impl Case {
    /// The case, but only for servers that also offer these extensions.
    pub(super) const fn needing(mut self, extensions: &'static [&'static str]) -> Self {
        self.needs = extensions;
        self
    }
}

/// A case of level [`Level::Must`].
pub(super) const fn must(id: &'static str, title: &'static str, run: Run) -> Case {
    Case { id, title, level: Level::Must, needs: &[], run }
}

/// A case of level [`Level::Should`].
pub(super) const fn should(id: &'static str, title: &'static str, run: Run) -> Case {
    Case { id, title, level: Level::Should, needs: &[], run }
}

/// A case of level [`Level::Robust`].
pub(super) const fn robust(id: &'static str, title: &'static str, run: Run) -> Case {
    Case { id, title, level: Level::Robust, needs: &[], run }
}

/// Turns an async function of a bench into a value for a table of cases.
macro_rules! run {
    ($function:expr) => {
        |bench| Box::pin($function(bench))
    };
}
pub(super) use run;

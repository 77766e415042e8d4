use std::pin::Pin;

use serde::{Deserialize, Serialize};

use super::bench::Bench;
use super::verdict::Judged;

/// How much weight the text puts on something.
///
/// In this order: a level includes those before it.
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
    /// The section, as the text calls it.
    pub name: &'static str,
    /// Where it is written: the tus text, or what HTTP says where that one is silent.
    pub text: &'static str,
    /// The extensions that all its cases need.
    pub needs: &'static [&'static str],
    /// The cases, in the order in which they run.
    pub cases: &'static [Case],
}

/// One thing that a server is asked to do.
#[derive(Debug)]
pub struct Case {
    /// A name for `--only` and for reports: section, subject, fact.
    pub id: &'static str,
    /// What is asked, in a line.
    pub title: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// The extensions that it needs beside those of its section.
    pub needs: &'static [&'static str],
    pub(super) run: Run,
}

/// The function of a case.
pub(super) type Run = for<'a> fn(&'a Bench) -> Judging<'a>;

/// A case that runs.
pub(super) type Judging<'a> = Pin<Box<dyn Future<Output = Judged> + Send + 'a>>;

impl Case {
    /// The same, for servers that offer these extensions as well.
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

/// An async function of a bench, as a table can hold it.
macro_rules! run {
    ($function:expr) => {
        |bench| Box::pin($function(bench))
    };
}
pub(super) use run;

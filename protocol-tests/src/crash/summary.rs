use std::collections::BTreeMap;
use std::fmt;

use tokio::task::LocalSet;

/// The results of the scenarios, row by row.
#[derive(Debug, Default)]
pub struct Summary {
    rows: Vec<Row>,
}

/// A row of the summary: what was done, the counts, and whether everything held.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// The name of the stretch.
    pub name: String,
    /// The counts by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// How often the server died at each step.
    pub steps: BTreeMap<&'static str, u64>,
    /// The failure, if something did not hold.
    pub failure: Option<String>,
    /// Why the stretch was skipped, if it was.
    pub skipped: Option<String>,
}

impl Row {
    /// A row without counts.
    #[must_use]
    pub fn of(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// A row of a stretch that cannot run here.
    #[must_use]
    pub fn skipped(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { skipped: Some(why.into()), ..Self::of(name) }
    }

    /// Adds one to a count.
    pub fn count(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    /// Adds to a count.
    pub fn add(&mut self, what: &'static str, count: u64) {
        *self.counts.entry(what).or_default() += count;
    }

    /// Counts a death at a step.
    pub fn died_at(&mut self, step: &'static str) {
        *self.steps.entry(step).or_default() += 1;
    }

    /// The count of this name.
    #[must_use]
    pub fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (&self.failure, &self.skipped) {
            (Some(_), _) => "FAILED",
            (None, Some(_)) => "skipped",
            (None, None) => "held",
        };
        write!(f, "{verdict:8}{}", self.name)?;
        for (what, count) in &self.counts {
            write!(f, "  {what} {count}")?;
        }
        match self.failure.as_ref().or(self.skipped.as_ref()) {
            Some(why) => write!(f, ": {why}"),
            None => Ok(()),
        }
    }
}

impl Summary {
    /// The rows so far.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn held(&self) -> bool {
        self.rows.iter().all(|row| row.failure.is_none())
    }

    /// A count, summed over all rows.
    #[must_use]
    pub fn counted(&self, what: &str) -> u64 {
        self.rows.iter().map(|row| row.counted(what)).sum()
    }

    /// How often the server died at each step, in all rows.
    #[must_use]
    pub fn steps(&self) -> BTreeMap<&'static str, u64> {
        let mut steps = BTreeMap::new();
        for (step, count) in self.rows.iter().flat_map(|row| &row.steps) {
            *steps.entry(*step).or_default() += count;
        }
        steps
    }

    /// Adds a row and prints it.
    pub fn say(&mut self, row: Row) {
        harness::note::note(&row);
        self.rows.push(row);
    }

    /// Runs a stretch in a task of its own, so that its panic becomes a row: every failure here is a panic.
    pub(super) async fn run(&mut self, name: String, stretch: impl Future<Output = Row> + 'static) {
        let thread = LocalSet::new();
        let stretch = thread.spawn_local(stretch);
        let row = match thread.run_until(stretch).await {
            Ok(row) => Row { name, ..row },
            Err(error) => {
                let panic = error.into_panic();
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                Row { failure: Some(text.to_owned()), ..Row::of(name) }
            }
        };
        self.say(row);
    }
}

/// Checks for tests.
impl Summary {
    /// # Panics
    /// When something did not hold.
    pub fn assert_held(&self) {
        let failed: Vec<_> =
            self.rows.iter().filter(|row| row.failure.is_some()).map(Row::to_string).collect();
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    }
}

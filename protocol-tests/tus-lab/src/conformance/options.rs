use std::time::Duration;

/// The options of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The URL of creation.
    pub endpoint: String,
    /// Headers for every request.
    pub headers: Vec<(String, String)>,
    /// `Upload-Metadata` for every creation.
    pub metadata: Option<String>,
    /// The patterns of the ids of the cases to run; all cases if there is none.
    pub only: Vec<Pattern>,
    /// How long a case may last before it counts as a hang.
    pub bound: Duration,
}

impl Options {
    /// The options to run all cases against this URL.
    #[must_use]
    pub fn of(endpoint: impl Into<String>) -> Self {
        Self {
            endpoint: endpoint.into(),
            headers: Vec::new(),
            metadata: None,
            only: Vec::new(),
            bound: Duration::from_secs(20),
        }
    }

    /// Whether the case of this id is to run.
    pub(super) fn chooses(&self, id: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|pattern| pattern.selects(id))
    }
}

/// A pattern for ids, in which `*` stands for anything.
#[derive(Debug, Clone)]
pub struct Pattern(String);

impl Pattern {
    /// Reads a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// Whether an id matches the pattern, or begins with a pattern that has no `*`.
    #[must_use]
    pub fn selects(&self, id: &str) -> bool {
        self.matches(id) || (!self.0.contains('*') && id.starts_with(&self.0))
    }

    /// Whether an id matches the whole pattern.
    #[must_use]
    pub fn matches(&self, id: &str) -> bool {
        fn rest_matches(pattern: &str, id: &str) -> bool {
            match pattern.split_once('*') {
                None => pattern == id,
                Some((start, rest)) => id.strip_prefix(start).is_some_and(|id| {
                    id.char_indices().any(|(at, _)| rest_matches(rest, &id[at..])) || rest_matches(rest, "")
                }),
            }
        }
        rest_matches(&self.0, id)
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, id, matches) in [
            ("*", "core.head.no-store", true),
            ("core.*", "core.head.no-store", true),
            ("*.no-store", "core.head.no-store", true),
            ("core.*.no*", "core.head.no-store", true),
            ("core.head.no-store", "core.head.no-store", true),
            ("core.head.no-store*", "core.head.no-store", true),
            ("core.head", "core.head.no-store", false),
            ("head*", "core.head.no-store", false),
            ("*.no", "core.head.no-store", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(id), matches, "{pattern} {id}");
        }
    }

    #[test]
    fn a_beginning_selects_too_and_a_pattern_does_not_become_one() {
        for (pattern, selects) in
            [("core.head", true), ("core", true), ("", true), ("head", false), ("*.head", false)]
        {
            assert_eq!(Pattern::new(pattern).selects("core.head.no-store"), selects, "{pattern}");
        }
    }
}

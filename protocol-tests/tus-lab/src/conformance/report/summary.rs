use super::{Counts, Report};

impl Report {
    /// The counts by section, as a Markdown table.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut rows: Vec<(&str, Counts)> = Vec::new();
        for outcome in &self.outcomes {
            match rows.last_mut() {
                Some((section, counts)) if *section == outcome.section.name => *counts = counts.with(outcome),
                _ => rows.push((outcome.section.name, Counts::default().with(outcome))),
            }
        }
        rows.push(("all", self.counts()));
        let width = rows.iter().map(|(section, _)| section.len()).max().unwrap_or_default();
        let mut text = format!(
            "| {:width$} | passed | of them noted | failed MUST | failed SHOULD | failed ROBUST | skipped |\n",
            "section"
        );
        text += &format!(
            "| {:-<width$} | -----: | ------------: | ----------: | ------------: | ------------: | ------: |\n",
            ""
        );
        for (section, counts) in rows {
            let Counts { passed, noted, failed_must, failed_should, failed_robust, skipped } = counts;
            text += &format!(
                "| {section:width$} | {passed:6} | {noted:13} | {failed_must:11} | {failed_should:13} | {failed_robust:13} | {skipped:7} |\n"
            );
        }
        text
    }
}

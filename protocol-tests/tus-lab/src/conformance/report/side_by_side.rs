use super::record::{CaseRecord, Record};
use crate::conformance::case::Level;

/// A server's name, and the report about it.
type Named = (String, Record);

/// The reports of several servers as Markdown: the counts by section, the cases that any server failed, and
/// the remarks.
#[must_use]
pub fn side_by_side(servers: &[Named]) -> String {
    let mut text = counts(servers);
    text += "\n";
    text += &failures(servers);
    text += &said(servers, "fail", "\nWhy:\n\n");
    text += &said(servers, "note", "\nPassed, with a remark:\n\n");
    text
}

fn counts(servers: &[Named]) -> String {
    let mut text = heading(servers, &["passed, of those that apply"]);
    for (section, url) in sections(servers) {
        let cell = |server: &Named| passed(server, |case| case.section == section);
        text += &row(&[format!("[{section}]({url})")], servers.iter().map(cell));
    }
    let all = servers.iter().map(|server| passed(server, |_| true));
    text += &row(&["**all**".to_owned()], all);
    for level in [Level::Must, Level::Should, Level::Robust] {
        let failed =
            |server: &Named| count(server, |case| case.verdict == "fail" && case.level == level).to_string();
        text += &row(&[format!("failed {}", level.word())], servers.iter().map(failed));
    }
    for (verdict, name) in [("note", "passed with a remark"), ("skip", "skipped")] {
        let cell = |server: &Named| count(server, |case| case.verdict == verdict).to_string();
        text += &row(&[name.to_owned()], servers.iter().map(cell));
    }
    text
}

fn failures(servers: &[Named]) -> String {
    let mut text = heading(servers, &["failed by any server", "level", "what is asked"]);
    for (at, case) in cases(servers).enumerate() {
        let verdicts: Vec<_> = servers.iter().map(|(_, record)| verdict(record, at, case)).collect();
        if verdicts.contains(&"FAIL") {
            let columns = [format!("`{}`", case.id), case.level.word().to_owned(), case.title.clone()];
            text += &row(&columns, verdicts.into_iter().map(str::to_owned));
        }
    }
    text
}

fn said(servers: &[Named], verdict: &str, heading: &str) -> String {
    let mut text = String::new();
    for (at, case) in cases(servers).enumerate() {
        for (name, record) in servers {
            let same = record.cases.get(at).filter(|same| same.id == case.id && same.verdict == verdict);
            if let Some(reason) = same.and_then(|same| same.reason.as_deref()) {
                text += &format!("- `{}`, {name}: {}\n", case.id, escaped(reason));
            }
        }
    }
    if text.is_empty() { text } else { format!("{heading}{text}") }
}

/// The cases of the first report; the others come from the same program.
fn cases(servers: &[Named]) -> impl Iterator<Item = &CaseRecord> {
    servers.first().into_iter().flat_map(|(_, record)| &record.cases)
}

fn sections(servers: &[Named]) -> Vec<(&str, &str)> {
    let mut sections: Vec<_> =
        cases(servers).map(|case| (case.section.as_str(), case.text.as_str())).collect();
    sections.dedup();
    sections
}

fn verdict<'a>(record: &'a Record, at: usize, case: &CaseRecord) -> &'a str {
    let same = record.cases.get(at).filter(|same| same.id == case.id);
    match same.map(|same| same.verdict.as_str()) {
        Some("fail") => "FAIL",
        Some(other) => other,
        None => "not run",
    }
}

fn passed(server: &Named, chosen: impl Fn(&CaseRecord) -> bool) -> String {
    let good = count(server, |case| chosen(case) && matches!(case.verdict.as_str(), "pass" | "note"));
    match good + count(server, |case| chosen(case) && case.verdict == "fail") {
        0 => "-".to_owned(),
        judged => format!("{good} of {judged}"),
    }
}

fn count((_, record): &Named, chosen: impl Fn(&CaseRecord) -> bool) -> usize {
    record.cases.iter().filter(|case| chosen(case)).count()
}

fn heading(servers: &[Named], columns: &[&str]) -> String {
    let columns: Vec<_> = columns.iter().map(|column| (*column).to_owned()).collect();
    let dashes = vec!["---".to_owned(); columns.len()];
    row(&columns, servers.iter().map(|(name, _)| name.clone()))
        + &row(&dashes, servers.iter().map(|_| "---".to_owned()))
}

fn row(columns: &[String], cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = columns.iter().cloned().chain(cells).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Escapes a reason. It may quote a server's text, which must not become Markdown.
fn escaped(reason: &str) -> String {
    let mut escaped = String::with_capacity(reason.len());
    for character in reason.chars() {
        match character {
            '<' | '>' | '|' | '*' | '_' | '`' | '[' | ']' | '\\' => escaped.extend(['\\', character]),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

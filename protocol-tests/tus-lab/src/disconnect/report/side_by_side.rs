use std::time::Duration;

use super::measure::{size, time};
use super::record::{CourseRecord, Record, RowRecord};

/// A server's name, and the report about it.
type Named = (String, Record);

/// How many rows with the same reason are named one by one.
const FEW: usize = 4;

/// The clients: the beginning of the names of their rows, and their names in the tables.
const CLIENTS: [(&str, &str); 2] = [("stock", "the stock client"), ("rogue", "the rogue client")];

/// The reports of several servers as Markdown: a line for each trouble, whatever the moment and
/// the way of uploading, and then each row that is not good.
#[must_use]
pub fn side_by_side(servers: &[Named]) -> String {
    let mut text = String::new();
    for (client, title) in CLIENTS {
        let troubles = troubles(servers, client);
        if troubles.is_empty() {
            continue;
        }
        text += &line(title, servers.iter().map(|(name, _)| name.clone()));
        text += &line("---", servers.iter().map(|_| "---".to_owned()));
        for trouble in troubles {
            text += &line(trouble, servers.iter().map(|server| summary(server, client, Some(trouble))));
        }
        text += &line("**all**", servers.iter().map(|server| summary(server, client, None)));
        text += &line("made twice", servers.iter().map(|server| doubled(server, client)));
        text += "\n";
    }
    for server in servers {
        text += &reasons(server);
    }
    text
}

/// How many rows left more than one upload behind.
fn doubled((_, record): &Named, client: &str) -> String {
    let is_doubled = |row: &&RowRecord| {
        parts(row).0 == client && row.course.as_ref().is_some_and(|course| course.uploads > 1)
    };
    record.rows.iter().filter(is_doubled).count().to_string()
}

/// The troubles of this client, in the order of the first report; the others come from the same
/// program.
fn troubles<'a>(servers: &'a [Named], client: &str) -> Vec<&'a str> {
    let mut troubles = Vec::new();
    for row in servers.first().into_iter().flat_map(|(_, record)| &record.rows) {
        let (of, trouble) = parts(row);
        if of == client && !troubles.contains(&trouble) {
            troubles.push(trouble);
        }
    }
    troubles
}

/// The client and the trouble of a row.
fn parts(row: &RowRecord) -> (&str, &str) {
    let client = row.row.split('/').next().unwrap_or_default();
    (client, row.row.rsplit('/').next().unwrap_or_default())
}

/// How many of these rows are good, the median and the longest time until an upload went on, and
/// how much was sent again in all.
fn summary((_, record): &Named, client: &str, trouble: Option<&str>) -> String {
    let is_meant = |row: &&RowRecord| {
        let (of, which) = parts(row);
        of == client && trouble.is_none_or(|trouble| trouble == which)
    };
    let courses: Vec<_> = record
        .rows
        .iter()
        .filter(is_meant)
        .filter_map(|row| row.course.as_ref().map(|it| (row, it)))
        .collect();
    if courses.is_empty() {
        return "-".to_owned();
    }
    let good = courses.iter().filter(|(row, _)| row.verdict == "good").count();
    let again: u64 = courses.iter().map(|(_, course)| course.sent_again).sum();
    let mut parts = vec![format!("{good} of {}", courses.len())];
    parts.extend(waits(courses.iter().map(|(_, course)| *course)));
    if again > 0 {
        parts.push(size(again));
    }
    parts.join(", ")
}

fn waits<'a>(courses: impl Iterator<Item = &'a CourseRecord>) -> Option<String> {
    let mut waits: Vec<_> = courses.filter_map(|course| course.went_on_ms).collect();
    waits.sort_unstable();
    let wait = |at: usize| waits.get(at).map(|millis| time(Duration::from_millis(*millis)));
    let (median, longest) = (wait(waits.len() / 2)?, wait(waits.len() - 1)?);
    Some(if waits.len() == 1 { longest } else { format!("{median} / {longest}") })
}

/// The rows that are not good, those with the same reason together.
fn reasons((name, record): &Named) -> String {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for row in record.rows.iter().filter(|row| row.verdict != "good") {
        let excuse = if row.bad || row.verdict == "skipped" { "" } else { ", no fault" };
        let reason = format!("{}{excuse}: {}", row.verdict, row.remark.as_deref().unwrap_or("-"));
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, rows)) => rows.push(&row.row),
            None => reasons.push((reason, vec![&row.row])),
        }
    }
    reasons.iter().map(|(reason, rows)| format!("- {name}, {reason}: {}\n", named(rows))).collect()
}

/// A few rows by their names, and many by what their names have in common.
fn named(rows: &[&str]) -> String {
    if rows.len() <= FEW {
        let rows: Vec<_> = rows.iter().map(|row| format!("`{row}`")).collect();
        return rows.join(", ");
    }
    let parts: Vec<Vec<_>> = rows.iter().map(|row| row.split('/').collect()).collect();
    let is_common = |part: &usize| parts.iter().all(|other| other.get(*part) == parts[0].get(*part));
    let (first, len) = (&parts[0], parts[0].len());
    let before: Vec<_> = (0..len).take_while(is_common).map(|part| first[part]).collect();
    let after: Vec<_> = (before.len()..len).rev().take_while(is_common).map(|part| first[part]).collect();
    let name: Vec<_> = before.into_iter().chain(["*"]).chain(after.into_iter().rev()).collect();
    format!("{} of `{}`", rows.len(), name.join("/"))
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = std::iter::once(first.to_owned()).chain(cells).collect();
    format!("| {} |\n", cells.join(" | "))
}

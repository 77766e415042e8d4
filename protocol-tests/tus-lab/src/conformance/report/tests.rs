use std::time::Duration;

use super::{Counts, Level, Offer, Outcome, Report};
use crate::conformance::bench::Bench;
use crate::conformance::case::{Case, Section, must, robust, run, should};
use crate::conformance::verdict::{FINE, Judged, Verdict};

async fn nothing(_: &Bench) -> Judged {
    FINE
}

static MUST: Case = must("a.must", "it <must>", run!(nothing));
static SHOULD: Case = should("a.should", "it should", run!(nothing));
static ROBUST: Case = robust("b.robust", "it is robust", run!(nothing));

static ONE: Section = Section { name: "One", text: "https://example.org/#one", needs: &[], cases: &[] };
static TWO: Section = Section { name: "Two", text: "https://example.org/#two", needs: &[], cases: &[] };

fn report(verdicts: [Verdict; 3]) -> Report {
    let cases = [(&ONE, &MUST), (&ONE, &SHOULD), (&TWO, &ROBUST)];
    let outcomes = cases.into_iter().zip(verdicts).map(|((section, case), verdict)| Outcome {
        section,
        case,
        verdict,
        took: Duration::from_millis(5),
    });
    Report {
        endpoint: "http://127.0.0.1/files".to_owned(),
        offer: Offer::default(),
        bytes_compared: true,
        outcomes: outcomes.collect(),
        took: Duration::from_secs(1),
    }
}

fn mixed() -> Report {
    report([
        Verdict::Note("\"room\"".to_owned()),
        Verdict::Fail("a\nb".to_owned()),
        Verdict::Skip("no".to_owned()),
    ])
}

#[test]
fn a_level_counts_its_own_failures_and_weightier_ones() {
    let fail = || Verdict::Fail(String::new());
    let all = report([fail(), fail(), fail()]);
    let counts = [Level::Must, Level::Should, Level::Robust].map(|level| all.failures(level).count());
    assert_eq!(counts, [1, 2, 3]);
    assert_eq!(mixed().failures(Level::Must).count(), 0);
}

#[test]
fn every_id_fits_into_its_column() {
    let cases = crate::conformance::SECTIONS.iter().flat_map(|section| section.cases);
    let longest = cases.map(|case| case.id.len()).max();
    assert_eq!(longest, Some(super::table::ID_WIDTH));
}

#[test]
fn a_note_is_a_pass() {
    let expected = Counts { passed: 1, noted: 1, failed_should: 1, skipped: 1, ..Counts::default() };
    assert_eq!(mixed().counts(), expected);
}

#[test]
fn json_tells_every_case() {
    let json: serde_json::Value = serde_json::from_str(&mixed().json()).expect("it is JSON");
    assert_eq!(json["cases"][0]["verdict"], "note");
    assert_eq!(json["cases"][1]["verdict"], "fail");
    assert_eq!(json["cases"][1]["level"], "should");
    assert_eq!(json["cases"][2]["reason"], "no");
}

#[test]
fn junit_counts_failures_of_the_chosen_level_and_escapes() {
    let all = mixed().junit(Level::Robust);
    assert!(all.contains("name=\"One\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\""), "{all}");
    assert!(all.contains("it &lt;must&gt;") && all.contains("&quot;room&quot;"), "{all}");
    assert!(all.contains("type=\"SHOULD\"") && all.contains("message=\"a"), "{all}");
    let musts = mixed().junit(Level::Must);
    assert!(musts.contains("name=\"One\" tests=\"2\" skipped=\"1\" errors=\"0\" failures=\"0\""), "{musts}");
}

#[test]
fn the_table_is_aligned_and_gives_reasons() {
    let table = mixed().table();
    let columns: Vec<_> = table.lines().filter_map(|line| line.find(" it ")).collect();
    assert_eq!(columns.len(), 3, "{table}");
    assert!(columns.iter().all(|column| *column == columns[0]), "{table}");
    assert!(table.contains("(no)"), "{table}");
    assert!(mixed().summary().lines().count() == 5);
}

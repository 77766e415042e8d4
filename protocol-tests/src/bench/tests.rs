use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Parser;

use super::plan::{Work, plan};
use super::rows::{Against, Goal, ROWS, Row};
use super::{Contender, Options, Results, tables};
use tus_lab::load::{Latency, Report, Resources, Scenario, ServerResources};

#[derive(Debug, Parser)]
struct Line {
    #[command(subcommand)]
    scenario: Scenario,
}

fn options(tusd: Option<PathBuf>) -> Options {
    Options {
        lab: PathBuf::from("tus-lab"),
        longhaul: PathBuf::from("longhaul"),
        tusd_mem: tusd.clone(),
        has_cloud: true,
        nginx: None,
        tusd,
        folder: std::env::temp_dir(),
        quick: true,
        only: Vec::new(),
        repetitions: None,
    }
}

/// A report of a server that answered this many requests in a second, at the same cost for each.
fn report(requests_per_sec: f64) -> Report {
    Report {
        scenario: "head".to_owned(),
        requests: 100,
        bytes: 0,
        requests_per_sec,
        mib_per_sec: 0.0,
        latency: Some(Latency { p50_micros: 500, p99_micros: 1500, max_micros: 2000 }),
        connects: 1,
        resources: Resources {
            wall_secs: 1.0,
            server: Some(ServerResources {
                cpu_micros_per_request: Some(25.0),
                ..ServerResources::default()
            }),
            ..Resources::default()
        },
        extra: BTreeMap::new(),
        compared: 0,
        failures: BTreeMap::new(),
    }
}

fn results(tusd: Option<PathBuf>, rates: &[(Contender, &[f64])]) -> Results {
    let mut results = Results::new(&options(tusd));
    let head = plan(true).into_iter().find(|work| work.name == "head").expect("HEADs are measured");
    results.begin(&head);
    for (contender, rates) in rates {
        for (repetition, rate) in rates.iter().enumerate() {
            results.add(head.name, *contender, repetition, report(*rate));
        }
    }
    results
}

fn line_of(text: &str, beginning: &str) -> String {
    let line = text.lines().find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("{beginning} is in {text}")).to_owned()
}

#[test]
fn every_scenario_of_the_plan_can_be_run() {
    for work in [plan(true), plan(false)].concat() {
        for line in [&work.scenario, &work.warm_up] {
            let further = match line.split(' ').next() {
                Some("announce") => " --event e --key k",
                Some("read") => " --path p",
                _ => "",
            };
            let parsed = Line::try_parse_from(format!("load {line}{further}").split_whitespace());
            assert!(parsed.is_ok() || line.is_empty(), "{line}: {parsed:?}");
        }
    }
}

/// The README of this package has every goal.
#[test]
fn every_goal_is_told() {
    let readme = include_str!("../../README.md");
    for row in ROWS.iter().filter(|row| row.goal != Goal::Shown) {
        let work = plan(false).into_iter().find(|work| work.name == row.work).expect("it is in the plan");
        // There are fewer uploads where a process may open fewer files.
        let title = match work.name {
            "idle" => "10,000 slow uploads of 1 KiB/s",
            "cloud-idle" => "10,000 slow uploads of 1 KiB/s, S3",
            _ => &work.title,
        };
        let line = told(row, title);
        assert!(readme.lines().any(|known| known == line), "{line}");
    }
}

fn told(row: &Row, title: &str) -> String {
    let flags = row.server.name().strip_prefix("longhaul ").map(|flags| format!(" `{flags}`"));
    let (against, unit) = match row.against {
        Against::Server(server) => (server.name(), "×"),
        Against::FasterTusd => ("the faster tusd", "×"),
        Against::OnePatch => ("the same in one PATCH", "×"),
        Against::WriteAndDigest => ("1.2 × sink: write, + SHA-256", "×"),
        Against::WriterThatHashes(_) => ("sink: write, if it hashed", "×"),
        Against::Figure(_) => ("the same, empty", "×"),
        Against::Nothing => ("", row.figure.unit()),
    };
    format!("| {title}{} | {} | {against} | {} {unit} |", flags.unwrap_or_default(), row.what, row.goal)
}

#[test]
fn every_row_speaks_of_what_is_measured() {
    for works in [plan(true), plan(false)] {
        for row in ROWS {
            let work: Option<&Work> = works.iter().find(|work| work.name == row.work);
            let contenders = &work.unwrap_or_else(|| panic!("{} is in the plan", row.work)).contenders;
            let others = match row.against {
                Against::Server(server) => vec![server],
                Against::FasterTusd => vec![Contender::Tusd, Contender::TusdMem],
                Against::WriteAndDigest | Against::WriterThatHashes(_) => vec![Contender::Write],
                Against::Figure(_) | Against::OnePatch | Against::Nothing => Vec::new(),
            };
            for contender in [vec![row.server], others].concat() {
                assert!(contenders.contains(&contender), "{} does {}", contender.name(), row.work);
            }
        }
    }
}

#[test]
fn a_ratio_is_made_within_a_repetition_and_against_the_faster_tusd() {
    let rates: &[(Contender, &[f64])] = &[
        (Contender::Longhaul, &[2000.0, 400.0, 3000.0]),
        (Contender::Tusd, &[100.0, 100.0, 100.0]),
        (Contender::TusdMem, &[1000.0, 100.0, 1000.0]),
    ];
    let text = tables(&results(Some(PathBuf::from("tusd")), rates));
    let line = line_of(&text, "| HEADs, 16 clients | requests");
    let expected = "| 2000 (400–3000) | tusd-mem | 1000 (100–1000) | 3.00 (2.00–4.00) | ≥ 2 × | yes |";
    assert!(line.ends_with(expected), "{line}");
    let figures = line_of(&text, "| HEADs, 16 clients | longhaul |");
    assert!(figures.contains("| 0.50 | 1.50 |"), "{figures}");
}

#[test]
fn a_goal_that_is_missed_and_a_peer_that_is_missing_are_told() {
    let rates: &[(Contender, &[f64])] = &[(Contender::Longhaul, &[10.0]), (Contender::TusdMem, &[10.0])];
    let missed = tables(&results(Some(PathBuf::from("tusd")), rates));
    assert!(line_of(&missed, "| HEADs, 16 clients | requests").ends_with("| ≥ 2 × | no |"), "{missed}");
    let alone = tables(&results(None, &rates[..1]));
    assert!(alone.contains("Without tusd, which is not here."), "{alone}");
    assert!(
        line_of(&alone, "| HEADs, 16 clients | requests").ends_with("| not here |  |  | ≥ 2 × |  |"),
        "{alone}"
    );
}

#[test]
fn failures_are_told() {
    let mut results = results(None, &[]);
    let failures = BTreeMap::from([("status 500".to_owned(), 3)]);
    results.add("head", Contender::Longhaul, 0, Report { failures, ..report(1.0) });
    assert!(!results.is_good());
    assert!(tables(&results).contains("- head, longhaul: 3 times status 500"));
}

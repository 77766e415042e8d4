use std::time::Duration;

use super::super::fault::{Fault, Misdeed, Moment, Scene, Way};
use super::super::matrix::Row;
use super::super::outcome::{Bytes, Course, End};
use super::*;

fn report() -> Report {
    let course = Course {
        end: End::Finished,
        bytes: Bytes::Identical,
        sent_again: 0,
        went_on: Some(Duration::from_millis(6)),
        starts_again: 0,
        uploads: 1,
        may_be_more: false,
        requests: 4,
        took: Duration::from_millis(80),
    };
    let failed = Course {
        end: End::GaveUp("PATCH: answered 400".to_owned()),
        bytes: Bytes::NotChecked("it did not finish".to_owned()),
        went_on: None,
        ..course.clone()
    };
    let twice = Course { sent_again: 4 << 20, starts_again: 1, uploads: 2, ..course.clone() };
    let different = Course { bytes: Bytes::Different("it has 9 bytes <more>".to_owned()), ..course.clone() };
    let row = |way, moment, scene, result| Outcome { row: Row { way, moment, scene }, result };
    let stock = |way, moment, fault, result| row(way, moment, Scene::Stock(fault), result);
    Report {
        endpoint: "http://127.0.0.1:8000/files".to_owned(),
        size: 8 << 20,
        seen_by: "GET of the upload".to_owned(),
        outcomes: vec![
            stock(Way::OnePatch, Moment::Half, Fault::Fin, Ok(course)),
            stock(Way::OnePatch, Moment::Half, Fault::Vanish, Ok(failed)),
            stock(Way::Chunks, Moment::Half, Fault::Fin, Ok(twice)),
            stock(Way::DeferredLength, Moment::Half, Fault::Fin, Err("it is not offered".to_owned())),
            row(Way::OnePatch, Moment::Half, Scene::Rogue(Misdeed::Twins), Ok(different)),
        ],
        took: Duration::from_secs(2),
    }
}

#[test]
fn the_table_has_a_line_for_each_trouble_and_a_column_for_each_way() {
    let table = report().table();
    let line = |start: &str| {
        let line = table.lines().find(|line| line.starts_with(start)).expect("the line is there");
        line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(line("the stock client  "), ["the stock client", "one-patch", "chunks", "deferred"]);
    let cells = ["6 ms", "6 ms, 4.0 MiB, 1x from 0, 2 uploads", "skipped (2)"];
    assert_eq!(line("50%         fin")[2..], cells);
    assert_eq!(line("50%         vanish")[2..], ["unfinished (1)"]);
    assert_eq!(line("50%         twins")[2..], ["CORRUPTED (3), 6 ms"]);
    assert_eq!(line("(1)"), ["(1) PATCH: answered 400"]);
    assert!(table.contains("the stock client: 2 good, 1 unfinished, 0 corrupted, 0 unchecked, 1 skipped"));
}

#[test]
fn json_has_every_row() {
    let record = Record::read(&report().json()).expect("it reads what it writes");
    assert_eq!(record, report().record());
    assert!(!record.good);
    let courses: Vec<_> = record.rows.iter().map(|row| row.course.as_ref()).collect();
    assert_eq!(courses[2].map(|course| course.sent_again), Some(4 << 20));
    assert_eq!((courses[3], record.rows[4].verdict.as_str()), (None, "corrupted"));
}

#[test]
fn servers_stand_side_by_side_with_a_line_for_each_trouble() {
    let mut other = report().record();
    other.rows.iter_mut().for_each(|row| row.verdict = "good".to_owned());
    let text = side_by_side(&[("one".to_owned(), report().record()), ("other".to_owned(), other)]);
    for line in [
        "| the stock client | one | other |",
        "| fin | 2 of 2, 6 ms / 6 ms, 4.0 MiB | 2 of 2, 6 ms / 6 ms, 4.0 MiB |",
        "| made twice | 1 | 1 |",
        "| vanish | 0 of 1 | 1 of 1 |",
        "| twins | 0 of 1, 6 ms | 1 of 1, 6 ms |",
        "- one, unfinished: PATCH: answered 400: `stock/one-patch/50%/vanish`",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}: {text}");
    }
    assert!(!text.contains("- other"), "{text}");
}

#[test]
fn many_rows_are_named_by_what_they_have_in_common() {
    let mut record = report().record();
    record.rows = super::super::rows()
        .iter()
        .filter(|row| row.to_string().ends_with("/half-close"))
        .map(|row| RowRecord { row: row.to_string(), ..record.rows[1].clone() })
        .collect();
    let count = record.rows.len();
    let text = side_by_side(&[("one".to_owned(), record)]);
    assert!(text.contains(&format!("answered 400: {count} of `stock/*/half-close`\n")), "{text}");
}

#[test]
fn build_servers_see_what_failed_and_why() {
    let xml = report().junit();
    assert!(xml.contains("tests=\"5\" skipped=\"1\" errors=\"0\" failures=\"2\""), "{xml}");
    assert!(xml.contains("<failure message=\"corrupted: it has 9 bytes &lt;more&gt;\""), "{xml}");
    assert!(xml.contains("name=\"vanish\" classname=\"stock/one-patch/50%\""), "{xml}");
}

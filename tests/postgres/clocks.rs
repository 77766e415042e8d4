//! Servers on machines whose clocks are wrong by an hour: they go by the database's.

use std::process::Command;

use longhaul::store::contract::samples::{unbound, user};
use longhaul::store::{Records, Taking};
use longhaul::time::Timestamp;
use longhaul::upload::Upload;

use super::process::{BINARY, KEPT_SECS, Process, SECRET};
use super::{Fixture, beside, server};

/// How much longer or shorter this machine may take to do something, at the very most.
const SLACK_SECS: u64 = 10 * 60;

fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let value = answer.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    });
    value.unwrap_or_else(|| panic!("no {name}: {answer}"))
}

/// A token that is valid for less than an hour.
fn token() -> String {
    let token = Command::new(BINARY)
        .args(["token", "--user", "ann", "--valid-for", "20m", "--jwt-secret", SECRET])
        .output()
        .expect("it runs");
    String::from_utf8(token.stdout).expect("text").trim().to_owned()
}

#[test]
fn a_server_whose_clock_is_wrong_by_an_hour_does_nothing_early_or_late() {
    let database = server::schema();
    let folder = tempfile::tempdir().expect("a folder");
    let token = token();
    let store = beside(Fixture::at(database.clone()));
    let mut before = None;
    for ahead_secs in [0, 3600, -3600] {
        let server = Process::start(&database, folder.path(), ahead_secs);
        let begun = Timestamp::now();
        let created = server.ask("POST", "/files", &token, "Upload-Length: 5\r\n");
        assert!(created.starts_with("HTTP/1.1 201"), "{ahead_secs}: the token is valid: {created}");
        let location = header(&created, "Location").to_owned();
        let target = location.trim_start_matches("http://").trim_start_matches(&server.address).to_owned();
        let expires = httpdate(header(&created, "Upload-Expires"));
        let due = begun.plus_secs(KEPT_SECS);
        assert!(
            expires >= due.minus_secs(1) && expires <= due.plus_secs(SLACK_SECS),
            "{ahead_secs}: {created}"
        );
        for there in [Some(&target), before.as_ref()].into_iter().flatten() {
            let answer = server.ask("HEAD", there, &token, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{ahead_secs}: it does not expire early: {answer}");
        }
        let at = begun.minus_secs(KEPT_SECS + 1);
        let owner = user("ann");
        let upload = Upload { owner, created_at: at, active_at: at, ..unbound() };
        beside(store.store.create(&upload, Taking::IfFree)).expect("stored");
        let answer = server.ask("HEAD", &format!("/files/{}", upload.id), &token, "");
        assert!(answer.starts_with("HTTP/1.1 410"), "{ahead_secs}: nor late: {answer}");
        before = Some(target);
    }
}

/// Reads the date of a header.
fn httpdate(text: &str) -> Timestamp {
    let at = httpdate::parse_http_date(text.trim()).expect("a date");
    let since = at.duration_since(std::time::UNIX_EPOCH).expect("a date of today");
    Timestamp::from_secs(since.as_secs())
}

//! Servers on machines whose clocks are wrong by an hour: they go by the database's.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use longhaul::store::contract::samples::{unbound, user};
use longhaul::store::{Records, Taking};
use longhaul::time::{Timestamp, VARIABLE};
use longhaul::upload::Upload;

use super::{Fixture, beside, server};

const BINARY: &str = env!("CARGO_BIN_EXE_longhaul");
const SECRET: &str = "a secret of the tests, which is long enough";
/// For how long an upload is kept without another byte.
const KEPT_SECS: u64 = 20 * 60;
/// How much longer or shorter this machine may take to do something, at the very most.
const SLACK_SECS: u64 = 10 * 60;

/// A server, until it is dropped.
struct Process {
    child: Child,
    address: String,
}

impl Process {
    /// Starts a server on a machine whose clock is ahead.
    fn start(database: &str, folder: &Path, ahead_secs: i64) -> Self {
        let kept = KEPT_SECS.to_string();
        let mut child = Command::new(BINARY)
            .args(["--listen", "127.0.0.1:0", "--database", database, "--jwt-secret", SECRET])
            .args(["--expire-after", &kept, "--sweep-interval", "1", "--data-dir"])
            .arg(folder)
            .env(VARIABLE, ahead_secs.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let printed = BufReader::new(child.stdout.take().expect("piped"));
        let address = printed.lines().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("listening on http://").map(|address| address.trim().to_owned())
        });
        Self { child, address: address.expect("it says where it listens") }
    }

    /// The answer's status line and headers.
    fn ask(&self, method: &str, target: &str, token: &str, headers: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let address = &self.address;
        let request = format!(
            "{method} {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nTus-Resumable: 1.0.0\r\n\
             Authorization: Bearer {token}\r\n{headers}\r\n"
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

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

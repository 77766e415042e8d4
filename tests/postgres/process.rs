//! The server as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use longhaul::time::VARIABLE;
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_longhaul");
pub(crate) const SECRET: &str = "a secret of the tests, which is long enough";
/// For how long an upload is kept without another byte.
pub(crate) const KEPT_SECS: u64 = 20 * 60;

/// A server, until it is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: String,
}

impl Process {
    /// Starts a server on a machine whose clock is ahead.
    pub(crate) fn start(database: &str, folder: &Path, ahead_secs: i64) -> Self {
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

    /// Tells the server to end (SIGTERM), and waits until it has.
    pub(crate) fn end(&mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it is ours");
        assert!(self.child.wait().expect("it is ours").success());
    }

    /// The answer's status line and headers.
    pub(crate) fn ask(&self, method: &str, target: &str, token: &str, headers: &str) -> String {
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

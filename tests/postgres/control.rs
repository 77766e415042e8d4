//! What is done to a server of a test's own.

use std::fs;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::server::{Server, as_its_user, programs};

/// Kills the server.
pub(crate) fn kill(server: &Server) {
    let postmaster = processes(server)[0];
    kill_process(postmaster, Signal::KILL).expect("it is ours");
}

/// Starts a server that was killed, and waits until it answers. It leaves processes that end a moment later,
/// and until then it does not start.
pub(crate) fn start(server: &Server) {
    let options = format!("-k '{}' -h '' -c fsync=off -c max_connections=400", server.folder.display());
    loop {
        let mut start = as_its_user(&programs().join("pg_ctl").display().to_string());
        start.args(["start", "-w", "-o", &options, "-D"]).arg(server.folder.join("data"));
        start.arg("-l").arg(server.folder.join("log"));
        let status = start.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if status.expect("pg_ctl").success() {
            return server.wait();
        }
    }
}

/// Makes the server stand still, with every connection to it, until this is dropped.
pub(crate) struct Frozen(Vec<Pid>);

impl Frozen {
    pub(crate) fn new(server: &Server) -> Self {
        let processes = processes(server);
        for process in &processes {
            kill_process(*process, Signal::STOP).expect("it is ours");
        }
        Self(processes)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

/// The server's processes, the first one first.
fn processes(server: &Server) -> Vec<Pid> {
    let noted = fs::read_to_string(server.folder.join("data/postmaster.pid")).expect("it runs");
    let first = noted.lines().next().expect("a line").trim().to_owned();
    let children = fs::read_to_string(format!("/proc/{first}/task/{first}/children")).expect("it runs");
    let pids = [&*first].into_iter().chain(children.split_whitespace());
    pids.map(|pid| Pid::from_raw(pid.parse().expect("a number")).expect("not zero")).collect()
}

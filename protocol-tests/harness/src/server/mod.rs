//! The server: a process, or several behind a balancer.

mod database;
mod death;
mod process;
mod setup;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tempfile::TempDir;
use tus_lab::http::Request;
use tus_lab::note::note;
use tus_lab::wait;

use crate::cluster::balancer::Balancer;
use crate::cluster::place::Place;
use crate::cluster::services::Services;
use crate::folder::Folder;

pub use death::{Death, run_binary_to_its_end, run_to_its_end};
pub use process::Process;
pub use setup::Setup;

/// How many lines of the server's log a failed test shows.
const LOG_LINES: usize = 60;
/// How many nodes a server has, if the tests are to run on nodes.
const NODES: usize = 3;

impl Setup {
    /// Starts a server with a new folder, and waits until it is ready. With `LONGHAUL_TESTS_CLUSTER` it has
    /// several nodes, unless its settings are for a process alone.
    ///
    /// # Panics
    /// When the server ends or hangs instead.
    pub async fn start(self) -> Server {
        if std::env::var_os("LONGHAUL_TESTS_CLUSTER").is_some() && self.suits_nodes() {
            return Server::of_nodes(self, NODES, Place::on(&Services::shared())).await;
        }
        let home = new_home();
        let process = Process::start(home.path().to_owned(), self, None).await;
        Server { home, processes: vec![process], front: None }
    }
}

/// The real server, which can be killed: all of its processes at once.
#[derive(Debug)]
pub struct Server {
    home: TempDir,
    processes: Vec<Process>,
    front: Option<Front>,
}

/// What several nodes have in common.
#[derive(Debug)]
struct Front {
    balancer: Balancer,
    place: Place,
}

impl Server {
    /// Starts a server with default settings and a new folder.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// Starts nodes that share a place, and a balancer in front of them.
    pub(crate) async fn of_nodes(setup: Setup, count: usize, place: Place) -> Self {
        let home = new_home();
        let mut processes = Vec::new();
        for number in 1..=count {
            let folder = home.path().join(format!("node{number}"));
            processes.push(Process::start(folder, setup.clone(), Some(place.clone())).await);
        }
        let addresses: Vec<_> = processes.iter().map(Process::address).collect();
        let balancer = Balancer::start(home.path(), &addresses).await;
        let server = Self { home, processes, front: Some(Front { balancer, place }) };
        server.is_reached().await;
        server
    }

    /// The address that clients connect to; it stays the same over restarts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.front.as_ref().map_or_else(|| self.processes[0].address(), |front| front.balancer.address())
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The processes.
    #[must_use]
    pub fn nodes(&self) -> &[Process] {
        &self.processes
    }

    /// What the nodes share, if there are several.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.front.as_ref().map(|front| &front.place)
    }

    /// The server's data folder; that of the first node, if there are several.
    #[must_use]
    pub fn folder(&self) -> Folder {
        self.processes[0].folder()
    }

    /// A path for a file of the test, which is removed with the server's folder.
    #[must_use]
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The lines that the server printed on standard output.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        self.processes[0].printed()
    }

    /// The base path of all routes; empty if there is none.
    #[must_use]
    pub fn base(&self) -> String {
        self.processes[0].setup().base
    }

    /// A request to this server. The target is a URL, a path that the server gave, or a route, which is put
    /// below the base path.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        let base = self.base();
        let is_complete = !target.starts_with('/') || target.starts_with(&format!("{base}/"));
        let target = if is_complete { target.to_owned() } else { format!("{base}{target}") };
        Request::new(self.address(), method, &target)
    }

    /// Kills the process with SIGKILL.
    pub async fn kill(&self) {
        for process in &self.processes {
            process.kill().await;
        }
    }

    /// Kills the process if it still runs, and starts it again: same port, same folder, same
    /// settings.
    pub async fn restart(&self) {
        self.restart_with(self.processes[0].setup()).await;
    }

    /// Kills the process if it still runs, and starts it with other settings: same port, same
    /// folder.
    ///
    /// # Panics
    /// When the new process ends or hangs instead of getting ready.
    pub async fn restart_with(&self, setup: Setup) {
        self.try_restart_with(setup)
            .await
            .unwrap_or_else(|death| panic!("the server did not start: {death}"));
    }

    /// Kills the process if it still runs, and starts it with other settings, where the start may end in a
    /// crash.
    ///
    /// # Errors
    /// [`Death`] when the new process ends before it is ready.
    pub async fn try_restart_with(&self, setup: Setup) -> Result<(), Death> {
        for process in self.processes.iter().filter(|process| process.is_started()) {
            process.kill().await;
        }
        for process in &self.processes {
            process.try_restart_with(setup.clone()).await?;
        }
        self.is_reached().await;
        Ok(())
    }

    /// Waits until the balancer, if there is one, knows a node that is ready.
    async fn is_reached(&self) {
        if self.front.is_some() {
            let readyz = format!("{}/readyz", self.base());
            wait::until_true("the balancer knows a node", async || {
                let answer = Request::new(self.address(), "GET", &readyz).try_send().await;
                answer.is_ok_and(|answer| answer.status == 200)
            })
            .await;
        }
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.processes.iter().for_each(Process::terminate);
    }

    /// Tells the process to read its keys again (SIGHUP).
    pub fn hang_up(&self) {
        self.processes.iter().for_each(Process::hang_up);
    }

    /// Stops the process (SIGSTOP); after that it can only be killed.
    pub fn freeze(&self) {
        self.processes.iter().for_each(Process::stop);
    }

    /// Whether a process was started whose end the test has not waited for.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.processes.iter().any(Process::is_started)
    }

    /// Whether the process has ended by itself, and the test has not waited for its end yet.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.processes.iter().any(Process::has_died)
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not within `bound`.
    pub async fn ended(&self, bound: Duration) -> ExitStatus {
        let mut last = None;
        for process in &self.processes {
            last = Some(process.ended(bound).await);
        }
        last.expect("a server has a process")
    }

    /// The most memory that the process ever had resident, in bytes.
    #[must_use]
    pub fn peak_memory(&self) -> u64 {
        self.memory_as("VmHWM:")
    }

    /// What the process has resident now, in bytes.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory_as("VmRSS:")
    }

    /// Resets the peak of resident memory.
    pub fn forget_peak_memory(&self) {
        self.processes.iter().for_each(Process::forget_peak_memory);
    }

    fn memory_as(&self, name: &str) -> u64 {
        self.processes.iter().map(|process| process.memory_as(name)).sum()
    }

    /// What the process has logged so far, from all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.processes.iter().map(Process::log).collect()
    }

    /// Notes the end of the server's log, which explains a failure.
    pub fn note_log(&self) {
        for process in &self.processes {
            let log = process.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(LOG_LINES)..];
            note(format_args!("the log of {} ended with:\n{}", process.address(), tail.join("\n")));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.note_log();
        }
    }
}

fn new_home() -> TempDir {
    TempDir::new().expect("the system has a folder for temporary files")
}

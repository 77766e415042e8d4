//! The server's process.

mod database;
mod death;
mod setup;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tus_lab::http::{Request, Response};
use tus_lab::note::note;
use tus_lab::wait;

use crate::folder::Folder;

pub use death::{Death, run_to_its_end};
pub use setup::Setup;

/// How many lines of the server's log a failed test shows.
const LOG_LINES: usize = 60;

impl Setup {
    /// Starts a server with a new folder, and waits until it is ready.
    ///
    /// # Panics
    /// When the server ends or hangs instead.
    pub async fn start(self) -> Server {
        let mut server = Server {
            home: TempDir::new().expect("the system has a folder for temporary files"),
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            setup: Mutex::new(self),
            child: Mutex::default(),
            printed: Arc::default(),
        };
        let address = server.launch().await;
        server.address = address.unwrap_or_else(|death| panic!("the server did not start: {death}"));
        server
    }
}

/// The real server, as a process that can be killed.
#[derive(Debug)]
pub struct Server {
    home: TempDir,
    address: SocketAddr,
    setup: Mutex<Setup>,
    child: Mutex<Option<Child>>,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts a server with default settings and a new folder.
    pub async fn start() -> Self {
        Setup::default().start().await
    }

    /// The address that the server listens on; it stays the same over restarts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The server's data folder.
    #[must_use]
    pub fn folder(&self) -> Folder {
        let data = held(&self.setup).data.clone();
        Folder::new(data.unwrap_or_else(|| self.home.path().join("data")))
    }

    /// A path for a file of the test, which is removed with the server's folder.
    #[must_use]
    pub fn scratch(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The lines that the server printed on standard output.
    #[must_use]
    pub fn printed(&self) -> Vec<String> {
        held(&self.printed).clone()
    }

    /// The base path of all routes; empty if there is none.
    #[must_use]
    pub fn base(&self) -> String {
        held(&self.setup).base.clone()
    }

    /// A request to this server. The target is a URL, a path that the server gave, or a route, which is put
    /// below the base path.
    #[must_use]
    pub fn request(&self, method: &str, target: &str) -> Request {
        let base = self.base();
        let is_complete = !target.starts_with('/') || target.starts_with(&format!("{base}/"));
        let target = if is_complete { target.to_owned() } else { format!("{base}{target}") };
        Request::new(self.address, method, &target)
    }

    /// Kills the process with SIGKILL.
    pub async fn kill(&self) {
        let mut child = self.take_child();
        child.kill().await.expect("the process can be killed");
    }

    /// Kills the process if it still runs, and starts it again: same port, same folder, same
    /// settings.
    pub async fn restart(&self) {
        let setup = held(&self.setup).clone();
        self.restart_with(setup).await;
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
        if held(&self.child).is_some() {
            self.kill().await;
        }
        *held(&self.setup) = setup;
        self.launch().await.map(drop)
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).expect("the process can be signalled");
    }

    /// Tells the process to read its keys again (SIGHUP).
    pub fn hang_up(&self) {
        kill_process(self.pid(), Signal::HUP).expect("the process can be signalled");
    }

    /// Stops the process (SIGSTOP); after that it can only be killed.
    pub fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).expect("the process can be signalled");
    }

    /// Whether a process was started whose end the test has not waited for.
    #[must_use]
    pub fn is_started(&self) -> bool {
        held(&self.child).is_some()
    }

    /// Whether the process has ended by itself, and the test has not waited for its end yet.
    #[must_use]
    pub fn has_died(&self) -> bool {
        held(&self.child).is_some() && self.has_ended()
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// When it does not within `bound`.
    pub async fn ended(&self, bound: Duration) -> ExitStatus {
        let mut child = self.take_child();
        let status = wait::within(bound, "the server ends", child.wait()).await;
        status.expect("the process was ours")
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
        let path = format!("/proc/{}/clear_refs", self.pid().as_raw_nonzero());
        fs::write(path, "5").expect("a process of ours is told about");
    }

    fn memory_as(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid().as_raw_nonzero());
        let status = fs::read_to_string(path).expect("the process runs");
        let line = status.lines().find(|line| line.starts_with(name)).expect("Linux tells it");
        let kibibytes = line.split_whitespace().nth(1).and_then(|count| count.parse::<u64>().ok());
        kibibytes.expect("it is a number") * 1024
    }

    /// What the process has logged so far, from all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn take_child(&self) -> Child {
        held(&self.child).take().expect("the server was started")
    }

    fn pid(&self) -> Pid {
        let id = held(&self.child).as_ref().and_then(Child::id).expect("the server runs");
        Pid::from_raw(id.cast_signed()).expect("a process id is not zero")
    }

    fn has_ended(&self) -> bool {
        let mut child = held(&self.child);
        let child = child.as_mut().expect("only a started server is asked");
        child.try_wait().expect("the process was ours").is_some()
    }

    fn log_path(&self) -> PathBuf {
        self.scratch("server.log")
    }

    /// Starts the process and waits until it is ready. A crash point may be reached between the announcement
    /// and readiness, so an end counts as a death wherever it comes.
    async fn launch(&self) -> Result<SocketAddr, Death> {
        let stdout = self.spawn();
        let announced = wait::bounded("the server prints where it listens", self.announced(stdout)).await;
        let Some(address) = announced else {
            return Err(self.death().await);
        };
        if self.gets_ready(address).await { Ok(address) } else { Err(self.death().await) }
    }

    fn spawn(&self) -> ChildStdout {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("a log can be made");
        let folder = self.folder();
        let mut child = held(&self.setup)
            .command(&self.address.to_string(), folder.path())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the server's binary can be started");
        let stdout = child.stdout.take().expect("its output is piped");
        *held(&self.child) = Some(child);
        stdout
    }

    /// Reads up to the line that tells the address; what follows is collected in the background.
    async fn announced(&self, stdout: ChildStdout) -> Option<SocketAddr> {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let address = line.strip_prefix("listening on http://").map(|address| address.trim().parse());
            held(&self.printed).push(line);
            if let Some(address) = address {
                tokio::spawn(collect(lines, Arc::clone(&self.printed)));
                return Some(address.expect("the address is one"));
            }
        }
        None
    }

    async fn gets_ready(&self, address: SocketAddr) -> bool {
        wait::until("the server is ready or dead", async || {
            if self.has_ended() {
                return Some(false);
            }
            let readyz = format!("{}/readyz", self.base());
            let answer = Request::new(address, "GET", &readyz).try_send().await;
            // A server that only waits for room or keys counts as ready.
            let waits =
                |answer: &Response| ["no room", "no keys"].iter().any(|why| answer.text().contains(why));
            answer.is_ok_and(|answer| answer.status == 200 || waits(&answer)).then_some(true)
        })
        .await
    }

    async fn death(&self) -> Death {
        let status = self.ended(wait::BOUND).await;
        Death { status, log: self.log() }
    }
}

impl Server {
    /// Notes the end of the server's log, which explains a failure.
    pub fn note_log(&self) {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LOG_LINES)..];
        note(format_args!("the server's log ended with:\n{}", tail.join("\n")));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.note_log();
        }
    }
}

async fn collect(mut lines: Lines<BufReader<ChildStdout>>, printed: Arc<Mutex<Vec<String>>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        held(&printed).push(line);
    }
}

/// Locks a mutex. No lock is held across an await, and no holder panics.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked while holding it")
}

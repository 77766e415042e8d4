//! A process of the server, which can be killed.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tus_lab::http::{Request, Response};
use tus_lab::wait;

use super::death::Death;
use super::setup::Setup;
use crate::cluster::place::Place;
use crate::folder::Folder;
use crate::token::SECRET;

/// A process of the real server, with a data folder of its own.
#[derive(Debug)]
pub struct Process {
    home: PathBuf,
    address: SocketAddr,
    setup: Mutex<Setup>,
    /// What it shares with other nodes, if it is one of several.
    place: Option<Place>,
    child: Mutex<Option<Child>>,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts a process with its files in this folder, and waits until it is ready.
    ///
    /// # Panics
    /// When the server ends or hangs instead.
    pub(super) async fn start(home: PathBuf, setup: Setup, place: Option<Place>) -> Self {
        fs::create_dir_all(&home).expect("a folder of the test can be made");
        let mut process = Self {
            home,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            setup: Mutex::new(setup),
            place,
            child: Mutex::default(),
            printed: Arc::default(),
        };
        if process.place.is_some() {
            process.is_given_the_demos_key();
        }
        let address = process.launch().await;
        process.address = address.unwrap_or_else(|death| panic!("the server did not start: {death}"));
        process
    }

    /// The address that the process listens on; it stays the same over restarts.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its data folder.
    pub(super) fn folder(&self) -> Folder {
        let data = held(&self.setup).data.clone();
        Folder::new(data.unwrap_or_else(|| self.home.join("data")))
    }

    /// The lines that it printed on standard output.
    pub(super) fn printed(&self) -> Vec<String> {
        held(&self.printed).clone()
    }

    /// The settings with which it was started last.
    pub(super) fn setup(&self) -> Setup {
        held(&self.setup).clone()
    }

    /// Kills the process with SIGKILL.
    ///
    /// # Panics
    /// When it was not started.
    pub async fn kill(&self) {
        let mut child = self.take_child();
        wait::bounded("a process that was killed ends", child.kill()).await.expect("it can be killed");
    }

    /// Kills the process if it still runs, and starts it again: same port, same folder, same settings.
    ///
    /// # Panics
    /// When the new process ends or hangs instead of getting ready.
    pub async fn restart(&self) {
        let started = self.try_restart_with(self.setup()).await;
        started.unwrap_or_else(|death| panic!("the server did not start: {death}"));
    }

    /// Kills the process if it still runs, and starts it with other settings, where the start may end in a
    /// crash.
    ///
    /// # Errors
    /// [`Death`] when the new process ends before it is ready.
    pub async fn try_restart_with(&self, setup: Setup) -> Result<(), Death> {
        if self.is_started() {
            self.kill().await;
        }
        *held(&self.setup) = setup;
        self.launch().await.map(drop)
    }

    /// Asks the process to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Tells the process to read its keys again (SIGHUP).
    pub(super) fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Stops the process (SIGSTOP).
    pub fn stop(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a stopped process go on (SIGCONT).
    pub fn go_on(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the process can be signalled");
    }

    /// Whether a process was started whose end the test has not waited for.
    #[must_use]
    pub fn is_started(&self) -> bool {
        held(&self.child).is_some()
    }

    /// Whether the process has ended by itself, and the test has not waited for its end yet.
    #[must_use]
    pub fn has_died(&self) -> bool {
        self.is_started() && self.has_ended()
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

    /// Resets the peak of resident memory.
    pub(super) fn forget_peak_memory(&self) {
        let path = format!("/proc/{}/clear_refs", self.pid().as_raw_nonzero());
        fs::write(path, "5").expect("a process of ours is told about");
    }

    /// A figure of the process's memory, in bytes.
    pub(super) fn memory_as(&self, name: &str) -> u64 {
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

    /// Nodes of a demo accept each other's tokens.
    fn is_given_the_demos_key(&self) {
        let data = self.folder();
        fs::DirBuilder::new().mode(0o700).create(data.path()).expect("a folder of the test can be made");
        let key = data.path().join("demo.key");
        fs::write(key, SECRET).expect("a folder of the test can be written");
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
        self.home.join("server.log")
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
            .command(&self.address.to_string(), folder.path(), self.place.as_ref())
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
            let readyz = format!("{}/readyz", held(&self.setup).base);
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

async fn collect(mut lines: Lines<BufReader<ChildStdout>>, printed: Arc<Mutex<Vec<String>>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        held(&printed).push(line);
    }
}

/// Locks a mutex. No lock is held across an await, and no holder panics.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nobody panicked while holding it")
}

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tus_lab::wait;

use super::target::Target;

/// A server that nodes need: its process, which can be killed and started again.
#[derive(Debug)]
pub struct Service {
    name: String,
    folder: PathBuf,
    target: Target,
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, &'static str)>,
    /// What kills it as a crash would, and leaves nothing of it behind.
    killed_by: Signal,
    child: Mutex<Option<Child>>,
}

impl Service {
    /// A server of this name, whose folder has its log, and which is reached there.
    pub(super) fn new(
        name: impl Into<String>,
        folder: &Path,
        target: Target,
        program: impl Into<OsString>,
    ) -> Self {
        Self {
            name: name.into(),
            folder: folder.to_owned(),
            target,
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            killed_by: Signal::KILL,
            child: Mutex::default(),
        }
    }

    pub(super) fn arguments<T: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(super) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.environment.push((name, value));
        self
    }

    pub(super) fn killed_by(self, killed_by: Signal) -> Self {
        Self { killed_by, ..self }
    }

    /// Where it is reached.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Starts it, and waits until it accepts connections; false if it ends instead.
    pub(super) fn try_start(&self) -> bool {
        let log = self.folder.join(format!("{}.log", self.name));
        let log = File::options().create(true).append(true).open(log).expect("a log can be made");
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be had"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: use protocol-tests/run", self.name));
        // The shell that tidies up after this process reads it, one number in a line.
        fs::write(self.pid_file(), format!("{}\n", child.id())).expect("a folder of ours can be written");
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        self.gets_ready()
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) {
        assert!(self.try_start(), "{} does not start:\n{}", self.name, self.log());
    }

    /// Kills it, and waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub fn kill(&self) {
        self.signal(self.killed_by);
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        let child = child.as_mut().expect("it was started");
        let end = Instant::now() + wait::BOUND;
        while child.try_wait().expect("the process was ours").is_none() {
            assert!(Instant::now() < end, "{} was killed, and does not end:\n{}", self.name, self.log());
            thread::sleep(Duration::from_millis(5));
        }
        // Another process may get its id.
        fs::remove_file(self.pid_file()).expect("it was written at the start");
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join(format!("{}.pid", self.name))
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let id = child.as_ref().expect("it was started").id();
        let pid = Pid::from_raw(id.cast_signed()).expect("a process id is not zero");
        kill_process(pid, signal).expect("the process can be signalled");
    }

    fn gets_ready(&self) -> bool {
        let end = Instant::now() + wait::BOUND;
        while Instant::now() < end {
            let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
            if child.as_mut().expect("it was started").try_wait().expect("the process was ours").is_some() {
                return false;
            }
            drop(child);
            let is_reached = match &self.target {
                Target::Tcp(address) => TcpStream::connect(address).is_ok(),
                Target::Unix(path) => UnixStream::connect(path).is_ok(),
            };
            if is_reached {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join(format!("{}.log", self.name))).unwrap_or_default()
    }
}

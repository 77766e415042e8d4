use std::fmt;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::process::Command;

use super::database::elsewhere;
use super::death::bare_command;
use crate::binary::longhaul;
use crate::cluster::place::Place;
use crate::token::SECRET;

/// The settings with which a server is started.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    pub(super) base: String,
    demo: bool,
    binary: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
    handed_over: Option<Arc<TcpListener>>,
    most_files: Option<u32>,
}

/// The shell's script for a limit of open files: it lowers the hard limit, so that the server cannot raise
/// its own, and becomes the server.
const FEW_FILES: &str = r#"ulimit -n "$1"; shift; exec "$0" "$@""#;

/// The shell's script for socket activation: it moves the listener to descriptor 3, and becomes the server
/// without a new process id.
const HAND_OVER: &str = r#"exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@""#;

impl Setup {
    /// Adds an argument to the command line.
    #[must_use]
    pub fn flag(mut self, argument: impl fmt::Display) -> Self {
        self.arguments.push(argument.to_string());
        self
    }

    /// Adds a setting with its value to the command line.
    #[must_use]
    pub fn setting(self, flag: &str, value: impl fmt::Display) -> Self {
        self.flag(flag).flag(value)
    }

    /// Puts all routes below this path, which begins with a slash and ends without one.
    #[must_use]
    pub fn base_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.base);
        self.setting("--base-path", path)
    }

    /// Sets a variable in the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    /// Has the process kill itself when it reaches this step.
    #[must_use]
    pub fn crash_at(self, step: &str) -> Self {
        self.env("LONGHAUL_CRASH_AT", step)
    }

    /// Starts this binary instead of the one that the tests build.
    #[must_use]
    pub fn binary(mut self, path: &Path) -> Self {
        self.binary = Some(path.to_owned());
        self
    }

    /// The binary that is started.
    #[must_use]
    pub fn program(&self) -> &Path {
        self.binary.as_deref().unwrap_or_else(|| longhaul())
    }

    /// Uses this data folder, on a disk that the test chose.
    #[must_use]
    pub fn data_folder(mut self, path: &Path) -> Self {
        self.data = Some(path.to_owned());
        self
    }

    /// Hands a listener that the test holds over to the process, as systemd does with a socket unit's.
    #[must_use]
    pub fn handed_over(mut self, listener: TcpListener) -> Self {
        self.handed_over = Some(Arc::new(listener));
        self
    }

    /// Limits how many files the process may have open.
    #[must_use]
    pub fn most_files(mut self, count: u32) -> Self {
        self.most_files = Some(count);
        self
    }

    /// Gives the server no key, so that it is a demo.
    #[must_use]
    pub fn demo(mut self) -> Self {
        self.demo = true;
        self
    }

    /// Uses another source of keys than the secret of these tests.
    #[must_use]
    pub fn keys(self, flag: &str, value: impl fmt::Display) -> Self {
        let setup = self.setting(flag, value);
        Self { demo: true, ..setup }
    }

    /// Whether several processes can be started with these settings that share a place elsewhere.
    pub(super) fn suits_nodes(&self) -> bool {
        let of_one = ["--payload", "--database"];
        self.handed_over.is_none()
            && self.data.is_none()
            && !self.arguments.iter().any(|flag| of_one.contains(&flag.as_str()))
    }

    /// The command of a process that listens there, and has its own files, or all, in this folder.
    pub(super) fn command(&self, listen: &str, data: &Path, place: Option<&Place>) -> Command {
        let binary = self.program();
        let mut command = match (&self.handed_over, self.most_files) {
            (None, None) => bare_command(binary),
            (None, Some(count)) => {
                let mut command = bare_command(Path::new("sh"));
                command.args(["-c", FEW_FILES]).arg(binary).arg(count.to_string());
                command
            }
            (Some(listener), _) => {
                let listener = listener.try_clone().expect("a listener can be shared");
                let mut command = bare_command(Path::new("sh"));
                command.args(["-c", HAND_OVER]).arg(binary).stdin(OwnedFd::from(listener));
                command
            }
        };
        command.args(["--listen", listen]).arg("--data-dir").arg(data);
        if !self.demo {
            command.args(["--jwt-secret", SECRET]);
        }
        // With links that stay the same for a week, a message that is read twice is the same both times.
        command.env("LONGHAUL_MEDIA_LINK_SECS", "7d");
        if let Some(place) = place {
            place.settle(&mut command);
        } else if !self.arguments.iter().any(|flag| flag == "--payload") {
            command.envs(elsewhere(data));
        }
        command.args(&self.arguments).envs(self.environment.clone());
        command
    }
}

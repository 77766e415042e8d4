use std::fmt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::Command;
use tus_lab::wait;

use super::database::elsewhere;
use crate::binary::longhaul;

/// A process that ended before it was ready.
#[derive(Debug)]
pub struct Death {
    /// The exit status of the process.
    pub status: ExitStatus,
    /// The log of the process.
    pub log: String,
}

impl fmt::Display for Death {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "it ended with {}:\n{}", self.status, self.log)
    }
}

/// Runs the binary with only these arguments and variables until it ends by itself.
///
/// # Panics
/// When it does not end.
pub async fn run_to_its_end(arguments: &[&str], environment: &[(&str, &str)]) -> Death {
    let mut command = bare_command(longhaul());
    let folder = arguments.iter().skip_while(|argument| **argument != "--data-dir").nth(1);
    if let Some(folder) = folder {
        command.envs(elsewhere(Path::new(folder)));
    }
    command.args(arguments).envs(environment.iter().copied());
    end_of(command, wait::BOUND).await
}

/// Runs this binary with only these arguments and variables until it ends by itself, at most this long.
///
/// # Panics
/// When it does not end.
pub async fn run_binary_to_its_end(
    binary: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    bound: Duration,
) -> Death {
    let mut command = bare_command(binary);
    command.args(arguments).envs(environment.iter().copied());
    end_of(command, bound).await
}

async fn end_of(mut command: Command, bound: Duration) -> Death {
    let output = command.kill_on_drop(true).output();
    let output = wait::within(bound, "the server ends by itself", output).await;
    let output = output.expect("the server's binary can be started");
    let log = [output.stdout, output.stderr].concat();
    Death { status: output.status, log: String::from_utf8_lossy(&log).into_owned() }
}

/// The server's command without settings. Those in the tests' own environment must not reach the server.
pub(super) fn bare_command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    std::env::vars_os()
        .filter(|(name, _)| name.to_string_lossy().starts_with("LONGHAUL_"))
        .for_each(|(name, _)| _ = command.env_remove(name));
    command.stdin(Stdio::null());
    command
}

//! A Redis of one test, in a folder that goes with it. It may be killed, stopped and started again.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread};

use longhaul::store::redis::RedisAddress;
use rustix::process::{Pid, Signal, kill_process};

/// The server, and its end: a shell waits for the end of its input, which comes with the end of this process
/// however that ends.
const SERVE: &str = r#"
redis-server --port 0 --unixsocket "$1/socket" --save '' --appendonly no --dir "$1" >"$1/log" 2>&1 &
server=$!
echo "$server" >"$1/pid.new" && mv "$1/pid.new" "$1/pid"
read -r _
kill -KILL "$server" 2>/dev/null
wait "$server"
"#;

static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Redis {
    folder: PathBuf,
    shell: Option<Child>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("longhaul-redis-{}-{number}", std::process::id()));
        fs::create_dir(&folder).expect("a folder of its own");
        let mut redis = Self { folder, shell: None };
        redis.again();
        redis
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }

    /// A path for another socket.
    pub(crate) fn other_socket(&self) -> PathBuf {
        self.folder.join("other")
    }

    pub(crate) fn address(&self) -> RedisAddress {
        at(&self.socket())
    }

    /// Starts the server again.
    pub(crate) fn again(&mut self) {
        let _ = fs::remove_file(self.folder.join("pid"));
        let mut command = Command::new("sh");
        command.args(["-c", SERVE, "sh"]).arg(&self.folder).stdin(Stdio::piped());
        self.shell = Some(command.spawn().expect("a shell"));
        let is_there = || {
            let ping = Command::new("redis-cli").arg("-s").arg(self.socket()).arg("ping").output();
            ping.is_ok_and(|answer| answer.stdout.starts_with(b"PONG"))
        };
        for _ in 0..200 {
            if is_there() {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("Redis does not start: {}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        self.signal(Signal::KILL);
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            shell.wait().expect("it ends");
        }
    }

    /// Stops the server, or lets it continue.
    pub(crate) fn stop(&self, is_stopped: bool) {
        self.signal(if is_stopped { Signal::STOP } else { Signal::CONT });
    }

    /// Closes the connections of all subscribers.
    pub(crate) fn cut_subscribers(&self) {
        let cut = Command::new("redis-cli")
            .arg("-s")
            .arg(self.socket())
            .args(["client", "kill", "type", "pubsub"])
            .output();
        cut.expect("redis-cli");
    }

    fn signal(&self, signal: Signal) {
        let pid = fs::read_to_string(self.folder.join("pid")).expect("it was started");
        let pid = pid.trim().parse().ok().and_then(Pid::from_raw).expect("a pid");
        kill_process(pid, signal).expect("it is there");
    }
}

/// The address of a server behind a socket.
pub(crate) fn at(socket: &Path) -> RedisAddress {
    format!("unix://{}", socket.display()).parse().expect("an address")
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            let _ = shell.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

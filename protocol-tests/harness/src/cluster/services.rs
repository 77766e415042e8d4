//! PostgreSQL, Redis and an S3 server, as Debian and Go have them.

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::{env, fs};

use rustix::process::Signal;
use tempfile::TempDir;
use tus_lab::wait;

use super::service::Service;
use super::target::Target;

/// What tidies up after this process, however that ends: a shell waits for the end of its input, ends every
/// server that has left its process id in the folder, and removes the folder. A process of a server may write
/// there a moment longer than the one that was ended, so that is tried again.
const TIDY_UP: &str = r#"
read -r _
cd "$1" || exit
kill -QUIT $(cat ./*.pid) 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 $(cat ./*.pid) 2>/dev/null || break; sleep 0.1; done
kill -KILL $(cat ./*.pid) 2>/dev/null
cd / || exit
for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && exit; sleep 0.2; done
rm -rf "$1"
"#;

/// The keys of the S3 server. It is on loopback, and these are no secrets.
pub(super) const ACCESS_KEY: &str = "cluster";
pub(super) const SECRET_KEY: &str = "on-loopback";

/// How many ports are tried: a free one may be taken before the server listens on it.
const ATTEMPTS: usize = 5;

/// How long the tests' own statements, and the connections for them, may take.
const STATEMENT_TIMEOUT: &str = "60s";
const CONNECT_TIMEOUT: &str = "60";

/// The servers that nodes share.
#[derive(Debug)]
pub struct Services {
    /// The PostgreSQL that takes writes.
    postgres: Mutex<Arc<Service>>,
    /// How many standbys there were.
    pub(super) standbys: AtomicUsize,
    /// What PostgreSQL is started with besides.
    pub(super) fsync: &'static str,
    /// Redis.
    pub redis: Service,
    /// versitygw, with its objects in a folder.
    pub s3: Service,
    pub(super) folder: PathBuf,
    /// Kept, because its end is the servers'.
    _tidies_up: Child,
}

impl Services {
    /// Those of this test process, for clusters that do no harm to them.
    pub fn shared() -> Arc<Self> {
        static SHARED: OnceLock<Arc<Services>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Self::own))
    }

    /// Some that no other cluster uses.
    #[must_use]
    pub fn own() -> Arc<Self> {
        Self::below(&env::temp_dir(), "fsync=off")
    }

    /// Some whose files are below this folder, and whose PostgreSQL syncs each commit.
    #[must_use]
    pub fn lasting(folder: &Path) -> Arc<Self> {
        Self::below(folder, "fsync=on")
    }

    fn below(parent: &Path, fsync: &'static str) -> Arc<Self> {
        // The shell removes it.
        let folder = TempDir::with_prefix_in("longhaul-cluster-", parent).expect("files can be made there");
        let folder = folder.keep();
        // PostgreSQL runs as another user, and its own folder is below.
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o711)).expect("a folder of ours");
        let tidies_up = Command::new("sh")
            .args(["-c", TIDY_UP, "sh"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .spawn()
            .expect("a shell");
        let services = Self {
            postgres: Mutex::new(Arc::new(postgres(&folder, fsync))),
            standbys: AtomicUsize::default(),
            fsync,
            redis: redis(&folder),
            s3: s3(&folder),
            folder,
            _tidies_up: tidies_up,
        };
        services.postgres().start();
        services.redis.start();
        services.is_in_order();
        Arc::new(services)
    }

    /// The PostgreSQL that takes writes.
    #[must_use]
    pub fn postgres(&self) -> Arc<Service> {
        Arc::clone(&self.postgres.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another PostgreSQL takes writes from now on.
    pub(super) fn takes_writes(&self, postgres: &Arc<Service>) {
        *self.postgres.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(postgres);
        self.is_in_order();
    }

    /// The folder of the bucket of this name, which is made.
    pub(super) fn bucket(&self, name: &str) -> PathBuf {
        let bucket = self.folder.join("s3").join(name);
        fs::create_dir_all(&bucket).expect("a folder is a bucket");
        bucket
    }

    /// What PostgreSQL answers to these statements, a line for each row.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) fn ask(&self, schema: &str, sql: &str) -> Result<Vec<String>, String> {
        let mut command = Command::new(programs().join("psql"));
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", "postgres", "-c", sql]);
        command.arg("-h").arg(self.postgres().target().folder());
        command.env("PGOPTIONS", format!("-c search_path={schema} -c statement_timeout={STATEMENT_TIMEOUT}"));
        command.env("PGCONNECT_TIMEOUT", CONNECT_TIMEOUT);
        let output = command.output().expect("psql can be started");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }

    /// Starts PostgreSQL again, and waits until it is in order.
    pub fn restart_postgres(&self) {
        self.postgres().start();
        self.is_in_order();
    }

    /// Waits until PostgreSQL, which may be recovering, answers.
    fn is_in_order(&self) {
        let end = std::time::Instant::now() + wait::BOUND;
        while let Err(error) = self.ask("public", "select 1") {
            assert!(std::time::Instant::now() < end, "PostgreSQL does not answer: {error}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

/// PostgreSQL, still without a process, and its empty data.
fn postgres(folder: &Path, fsync: &str) -> Service {
    let own = folder.join("postgres");
    make_users_folder(&own);
    let mut command = as_its_user("initdb");
    command.arg("-D").arg(own.join("data"));
    run(command.args(["-U", "postgres", "-A", "trust", "-N", "--no-instructions"]).stdout(Stdio::null()));
    postgres_on("postgres", folder, fsync)
}

/// PostgreSQL, still without a process, on the data in the folder of this name.
pub(super) fn postgres_on(name: &str, folder: &Path, fsync: &str) -> Service {
    let own = folder.join(name);
    let words = words_as_its_user("postgres");
    let socket = Target::Unix(own.join(".s.PGSQL.5432"));
    Service::new(name, folder, socket, &words[0])
        .arguments(&words[1..])
        .arguments([
            OsString::from("-D"),
            own.join("data").into(),
            "-k".into(),
            own.into(),
            "-h".into(),
            "".into(),
        ])
        .arguments(["-c", fsync, "-c", "max_connections=400", "-c", "shared_buffers=64MB"])
        // An end at once, as in a crash: its log is read at the next start.
        .killed_by(Signal::QUIT)
}

fn redis(folder: &Path) -> Service {
    let socket = folder.join("redis.socket");
    Service::new("redis", folder, Target::Unix(socket.clone()), "redis-server")
        .arguments(["--port", "0", "--save", "", "--appendonly", "no"])
        .arguments([OsString::from("--dir"), folder.into(), "--unixsocket".into(), socket.into()])
}

fn s3(folder: &Path) -> Service {
    let objects = folder.join("s3");
    fs::create_dir(&objects).expect("a folder of ours");
    for _ in 0..ATTEMPTS {
        let address = free_address();
        let service = Service::new("s3", folder, Target::Tcp(address), versitygw())
            .arguments(["--port", &address.to_string(), "--keep-alive", "--quiet", "posix"])
            .arguments([&objects])
            .env("ROOT_ACCESS_KEY", ACCESS_KEY)
            .env("ROOT_SECRET_KEY", SECRET_KEY);
        if service.try_start() {
            return service;
        }
    }
    panic!("versitygw does not start: {}", fs::read_to_string(folder.join("s3.log")).unwrap_or_default());
}

pub(super) fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// Makes a folder for PostgreSQL, which does not run as root.
pub(super) fn make_users_folder(folder: &Path) {
    if rustix::process::getuid().is_root() {
        let user = ["-d", "-m", "700", "-o", "postgres", "-g", "postgres"];
        run(Command::new("install").args(user).arg(folder));
    } else {
        fs::create_dir(folder).expect("a folder of ours");
    }
}

/// The command of one of PostgreSQL's programs.
pub(super) fn as_its_user(program: &str) -> Command {
    let words = words_as_its_user(program);
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    command
}

fn words_as_its_user(program: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    if rustix::process::getuid().is_root() {
        let user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"];
        words.extend(user.map(OsString::from));
    }
    words.push(programs().join(program).into());
    words
}

pub(super) fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?} ended with {status}");
}

/// The folder of PostgreSQL's programs: on the path, or the newest where Debian has them.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(initdb) = env::split_paths(&path).find_map(|folder| folder.join("initdb").canonicalize().ok())
    {
        return initdb.parent().expect("a folder with a program").to_owned();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).max();
    let newest = newest.expect("PostgreSQL is installed, or left out: use protocol-tests/run");
    Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin")
}

/// The S3 server's program: named by `VERSITYGW`, in the workspace's target folder, where
/// `protocol-tests/run` puts it, or on the path.
fn versitygw() -> OsString {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/go/versitygw");
    env::var_os("VERSITYGW")
        .unwrap_or_else(|| if built.is_file() { built.into() } else { "versitygw".into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a process runs. One that has ended counts until its parent asks for it.
    fn runs(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, state)| !state.trim_start().starts_with('Z'))
    }

    #[test]
    fn servers_end_with_their_last_user_and_leave_no_files() {
        if crate::cluster::left_out() {
            return;
        }
        let services = Services::own();
        let folder = services.folder.clone();
        let pids = ["postgres", "redis", "s3"].map(|name| {
            let pid = fs::read_to_string(folder.join(format!("{name}.pid"))).expect("it was started");
            pid.trim().to_owned()
        });
        assert!(pids.iter().all(|pid| runs(pid)));
        drop(services);
        let end = std::time::Instant::now() + wait::BOUND;
        while folder.exists() || pids.iter().any(|pid| runs(pid)) {
            assert!(std::time::Instant::now() < end, "{} is still there", folder.display());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

//! A PostgreSQL of this test process, or of one test, in a folder that goes with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread};

/// The server, and its end: a shell waits for the end of its input, which comes with the end of this process
/// however that ends, and then stops the server that it started.
const SERVE: &str = r#"
mkdir -m 700 "$2" && cd "$2" || exit 1
"$1/initdb" -D "$2/data" -U postgres -A trust -N --no-instructions >"$2/log" 2>&1 || exit 1
"$1/pg_ctl" start -w -D "$2/data" -l "$2/log" \
    -o "-k '$2' -h '' -c fsync=off -c max_connections=400 -c shared_buffers=64MB" >/dev/null || exit 1
read -r _
"$1/pg_ctl" stop -w -m immediate -D "$2/data" >/dev/null
cd / && rm -rf "$2"
"#;

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
static SERVERS: AtomicU32 = AtomicU32::new(0);
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    /// Kept, because its end is the server's.
    _shell: Child,
}

/// The address of a schema of its own, which is made with the tables.
pub(crate) fn schema() -> String {
    SERVER.schema()
}

/// The name of the schema at an address, under which its connections are known.
pub(crate) fn name_of(address: &str) -> &str {
    address.rsplit_once("search_path=").map_or("", |(_, name)| name.trim_end_matches('\''))
}

impl Server {
    /// A server that is a test's own.
    pub(crate) fn start() -> Self {
        let number = SERVERS.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("longhaul-postgres-{}-{number}", std::process::id()));
        let mut command = as_its_user("sh");
        command.args(["-c", SERVE, "sh"]).arg(programs()).arg(&folder);
        let shell = command.stdin(Stdio::piped()).spawn().expect("a shell");
        let server = Self { folder, _shell: shell };
        server.wait();
        server
    }

    /// The address of a schema of its own, which is made with the tables.
    pub(crate) fn schema(&self) -> String {
        let name = format!("schema_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed));
        format!("{} application_name={name} options='-c search_path={name}'", self.address())
    }

    fn address(&self) -> String {
        format!("host={} user=postgres dbname=postgres sslmode=disable", self.folder.display())
    }

    pub(crate) fn wait(&self) {
        let ready = programs().join("pg_isready");
        for _ in 0..600 {
            let answer = Command::new(&ready).arg("-q").arg("-h").arg(&self.folder).status();
            if answer.expect("pg_isready").success() {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        panic!("PostgreSQL does not start: {log}");
    }
}

/// A command that may start the server, which does not run as root.
pub(crate) fn as_its_user(program: &str) -> Command {
    if !rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", program]);
    command
}

/// The folder of PostgreSQL's programs: on the path, or the newest where Debian has them.
pub(crate) fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    if let Some(folder) = env::split_paths(&path).find_map(|folder| folder.join("initdb").canonicalize().ok())
    {
        return folder.parent().expect("a folder with a program").to_owned();
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .expect("PostgreSQL is not installed; Debian has it in the package `postgresql`");
    Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin")
}

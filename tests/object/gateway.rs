//! An S3 server of this test process, in a folder that goes with it.

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, thread};

use longhaul::store::object::S3;

/// The server, and its end, which comes with the end of this process however that ends.
const SERVE: &str = r#"
"$1" --port "$2" --keep-alive --quiet posix "$3" >"$3.log" 2>&1 &
server=$!
read -r _
kill "$server"
wait "$server"
rm -rf "$3" "$3.log"
"#;

static GATEWAY: LazyLock<Gateway> = LazyLock::new(Gateway::start);
static BUCKETS: AtomicU32 = AtomicU32::new(0);

struct Gateway {
    folder: PathBuf,
    address: String,
    /// Kept, because its end is the server's.
    _shell: Child,
}

/// A bucket of its own.
pub(crate) fn bucket() -> S3 {
    let name = format!("bucket-{}", BUCKETS.fetch_add(1, Ordering::Relaxed));
    fs::create_dir(GATEWAY.folder.join(&name)).expect("a folder is a bucket");
    S3 {
        bucket: name,
        prefix: "pre/fix".into(),
        endpoint: Some(format!("http://{}", GATEWAY.address)),
        checksums: true,
        keys: Some(("testkey".into(), "testsecret".into())),
    }
}

/// Where the server keeps a bucket.
pub(crate) fn folder(s3: &S3) -> PathBuf {
    GATEWAY.folder.join(&s3.bucket)
}

impl Gateway {
    fn start() -> Self {
        let folder = env::temp_dir().join(format!("longhaul-s3-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address").to_string();
        drop(free);
        let mut command = Command::new("sh");
        command.args(["-c", SERVE, "sh"]).arg(program()).arg(&address).arg(&folder);
        command.env("ROOT_ACCESS_KEY", "testkey").env("ROOT_SECRET_KEY", "testsecret");
        let shell = command.stdin(Stdio::piped()).spawn().expect("a shell");
        let gateway = Self { folder, address, _shell: shell };
        gateway.wait();
        gateway
    }

    fn wait(&self) {
        for _ in 0..600 {
            if TcpStream::connect(&self.address).is_ok() {
                return;
            }
            thread::sleep(std::time::Duration::from_millis(50));
        }
        let log = fs::read_to_string(self.folder.with_extension("log")).unwrap_or_default();
        panic!("versitygw does not start: {log}");
    }
}

/// The server's program: named by `VERSITYGW`, on the path, or where `go install` puts it.
fn program() -> PathBuf {
    if let Some(named) = env::var_os("VERSITYGW") {
        return named.into();
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let home = env::var_os("HOME").unwrap_or_default();
    let folders = env::split_paths(&path).chain([Path::new(&home).join("go/bin")]);
    folders
        .map(|folder| folder.join("versitygw"))
        .find(|program| program.is_file())
        .expect("versitygw is not installed: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
}

//! nginx, HAProxy and Caddy, as Debian has them, with the files of `examples/proxies` as they stand.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use tus_lab::note::note;
use tus_lab::wait;

/// How many ports are tried: a free one may be taken before the proxy listens on it.
const ATTEMPTS: usize = 5;

/// A reverse proxy program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// nginx.
    Nginx,
    /// HAProxy.
    HaProxy,
    /// Caddy.
    Caddy,
}

impl Product {
    /// Every product.
    pub const ALL: [Self; 3] = [Self::Nginx, Self::HaProxy, Self::Caddy];

    /// The name of the program and of its Debian package.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    /// The file of `examples/proxies` that is tested.
    #[must_use]
    pub fn example(self) -> PathBuf {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/proxies");
        folder.join(match self {
            Self::Nginx => "nginx.conf",
            Self::HaProxy => "haproxy.cfg",
            Self::Caddy => "Caddyfile",
        })
    }
}

/// A running reverse proxy in front of a server.
#[derive(Debug)]
pub struct ReverseProxy {
    address: SocketAddr,
    home: TempDir,
    _child: Child,
}

impl ReverseProxy {
    /// Starts the product in front of this address, and waits until it accepts connections.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(product: Product, upstream: SocketAddr) -> Self {
        Self::start_with_media(product, upstream, Path::new("/nonexistent")).await
    }

    /// The same, beside the folder of media that the server has.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with_media(product: Product, upstream: SocketAddr, media: &Path) -> Self {
        for _ in 0..ATTEMPTS {
            if let Some(proxy) = Self::attempt(product, upstream, media).await {
                return proxy;
            }
        }
        panic!("{} does not start", product.name());
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn attempt(product: Product, upstream: SocketAddr, media: &Path) -> Option<Self> {
        let home = TempDir::new().expect("the system has a folder for temporary files");
        let address = free_address();
        let log = File::create(home.path().join("log")).expect("a log can be made");
        let mut child = command(product, home.path(), address, upstream, media)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be had"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: use protocol-tests/run", product.name()));
        let accepts = wait::until("the proxy accepts connections, or has ended", async || {
            if child.try_wait().expect("the process was ours").is_some() {
                return Some(false);
            }
            TcpStream::connect(address).await.is_ok().then_some(true)
        });
        let accepts = accepts.await;
        let proxy = Self { address, home, _child: child };
        if accepts {
            return Some(proxy);
        }
        proxy.note_log();
        None
    }

    fn note_log(&self) {
        let log = fs::read_to_string(self.home.path().join("log")).unwrap_or_default();
        note(format_args!("the proxy's log:\n{log}"));
    }
}

impl Drop for ReverseProxy {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.note_log();
        }
    }
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address")
}

/// The command of a proxy. HAProxy and Caddy take both addresses from the environment.
fn command(
    product: Product,
    home: &Path,
    address: SocketAddr,
    upstream: SocketAddr,
    media: &Path,
) -> Command {
    let mut command = Command::new(product.name());
    command.current_dir(home).env("CHAT_UPSTREAM", upstream.to_string());
    match product {
        Product::Nginx => {
            let file = nginx_files(home, address, upstream, media);
            command.arg("-p").arg(home).arg("-e").arg("stderr").arg("-c").arg(file);
        }
        Product::HaProxy => {
            command.env("CHAT_LISTEN", address.to_string());
            command.arg("-db").arg("-f").arg(product.example());
        }
        Product::Caddy => {
            let admin = format!("unix/{}", home.join("admin.sock").display());
            command.env("CHAT_SITE", format!("http://{address}")).env("CHAT_ADMIN", admin);
            command.env("CHAT_MEDIA", media).env("XDG_CONFIG_HOME", home).env("XDG_DATA_HOME", home);
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(product.example());
        }
    }
    command
}

/// Writes the files of nginx. It takes no settings from outside, so the lines with addresses and with the
/// folder of media are replaced; the file around them is a system's usual `nginx.conf`, for one process.
fn nginx_files(home: &Path, address: SocketAddr, upstream: SocketAddr, media: &Path) -> PathBuf {
    let example = fs::read_to_string(Product::Nginx.example()).expect("the example is there");
    let example = replaced(&example, "server 127.0.0.1:8000;", &format!("server {upstream};"));
    let example = replaced(&example, "listen 80;", &format!("listen {address};"));
    let alias = format!("alias {}/;", media.display());
    let example = replaced(&example, "alias /var/lib/longhaul/uploads/chats/;", &alias);
    fs::write(home.join("longhaul.conf"), example).expect("the folder can be written");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {name};"))
        .join(" ");
    let main = format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr;\n\
         events {{}}\n\
         http {{ access_log off; {temporary} include longhaul.conf; }}\n"
    );
    let file = home.join("nginx.conf");
    fs::write(&file, main).expect("the folder can be written");
    file
}

/// The text with this one line replaced.
fn replaced(text: &str, line: &str, by: &str) -> String {
    assert_eq!(text.matches(line).count(), 1, "the example has the line `{line}` once");
    text.replace(line, by)
}

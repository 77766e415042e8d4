use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::{Child, Command};
use tus_lab::http::Request;
use tus_lab::wait;

use super::services::free_address;

/// How many ports are tried: a free one may be taken before the balancer listens on it.
const ATTEMPTS: usize = 5;

/// HAProxy in front of nodes, with the file of `examples/cluster`: each request goes to the next node.
#[derive(Debug)]
pub(crate) struct Balancer {
    address: SocketAddr,
    _child: Child,
}

impl Balancer {
    /// Starts it in front of these addresses, with its files in this folder.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) async fn start(folder: &Path, nodes: &[SocketAddr]) -> Self {
        let file = configuration(folder, nodes);
        for _ in 0..ATTEMPTS {
            if let Some(balancer) = Self::attempt(folder, &file).await {
                return balancer;
            }
        }
        panic!("HAProxy does not start: {}", fs::read_to_string(log(folder)).unwrap_or_default());
    }

    /// The address that clients connect to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    async fn attempt(folder: &Path, file: &Path) -> Option<Self> {
        let address = free_address();
        let log = File::create(log(folder)).expect("a log can be made");
        let mut child = Command::new("haproxy")
            .env("CHAT_LISTEN", address.to_string())
            .args(["-db", "-f"])
            .arg(file)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a descriptor can be had"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("haproxy: {error}: use protocol-tests/run"));
        let answers = wait::until("the balancer answers, or has ended", async || {
            if child.try_wait().expect("the process was ours").is_some() {
                return Some(false);
            }
            Request::new(address, "GET", "/").try_send().await.is_ok().then_some(true)
        });
        answers.await.then_some(Self { address, _child: child })
    }
}

/// Writes the example's file with the lines of the nodes.
fn configuration(folder: &Path, nodes: &[SocketAddr]) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/cluster/haproxy.cfg");
    let mut text = fs::read_to_string(example).expect("the example is there");
    for (number, address) in (1..).zip(nodes) {
        writeln!(text, "    server node{number} {address} cookie node{number}")
            .expect("a string takes everything");
    }
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).expect("the folder can be written");
    file
}

fn log(folder: &Path) -> PathBuf {
    folder.join("haproxy.log")
}

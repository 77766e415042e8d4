//! A proxy that is a bad network, to order.
//!
//! A [`Proxy`] is a stable address in front of a server that comes and goes. Every connection to it is two
//! lanes, one each way, that share one network: a lane asks it how many of its bytes may go and which step
//! comes then, so a plan's byte counts are met exactly. A [`Step`] is planned before the start by
//! [`Conditions`], or later by [`Proxy::after`], and everything that happens is an [`Event`].
//!
//! Memory is bounded: a number of connections, and for each of them a number of pieces on their
//! way.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::wait;

mod conditions;
mod connection;
mod event;
mod gateway;
mod lane;
mod network;
mod pace;
mod plan;
mod recurring;
mod step;
#[cfg(test)]
mod tests;

pub use conditions::Conditions;
pub use event::{Event, Observer};
pub use recurring::{Every, Recurring};
pub use step::{Cut, Direction, Step};

use connection::connect;
use network::Network;

/// How many connections are carried at once; further ones wait.
const CONNECTIONS: usize = 512;

/// A bad network: a stable address in front of a server that comes and goes.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of this address, with its plan: after how many bytes from the clients,
    /// counted over all connections, what happens.
    pub async fn start(target: SocketAddr, plan: Vec<(u64, Step)>) -> Self {
        Self::under(target, Conditions { up: plan, ..Conditions::default() }).await
    }

    /// A proxy in front of this address, under these conditions.
    pub async fn under(target: SocketAddr, conditions: Conditions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        Self::on(listener, target, conditions)
    }

    /// A proxy that listens here.
    #[must_use]
    pub fn on(listener: TcpListener, target: SocketAddr, conditions: Conditions) -> Self {
        let address = listener.local_addr().expect("a bound socket has an address");
        let network = Arc::new(Network::new(target, conditions));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&network)));
        Self { address, network, accepting }
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address that clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the next [`Step::Hold`] is reached. The held direction stands still until the connection
    /// is cut or the server dies.
    pub async fn held(&self) {
        wait::bounded("the proxy gets to hold a connection", self.network.holds.notified()).await;
    }

    /// Ends every connection now.
    pub fn cut(&self, cut: Cut) {
        self.network.cut(cut);
    }

    /// Plans this step for when this many further bytes have gone to the server.
    pub fn after(&self, bytes: u64, step: Step) {
        self.network.after(bytes, step);
    }

    /// Drops all planned steps.
    pub fn forget(&self) {
        self.network.forget();
    }

    /// How many bytes have gone in this direction, over all connections.
    #[must_use]
    pub fn carried(&self, direction: Direction) -> u64 {
        self.network.count(direction)
    }

    /// Whether all planned steps have come.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.network.is_done()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.network.cut(Cut::Reset);
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connection = 0;
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        // An error concerns one client, or is a lack of descriptors that ends when other connections end.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(wait::STEP).await;
            continue;
        };
        connection += 1;
        let network = Arc::clone(&network);
        tokio::spawn(async move {
            connect(client, connection, network).await;
            drop(permit);
        });
    }
}

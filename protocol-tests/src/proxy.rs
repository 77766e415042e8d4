use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::wait;

/// How much is read at once; a plan's byte counts are met exactly all the same.
const BUFFER: usize = 64 * 1024;

/// How a connection dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// An orderly end, at a place where nobody expects it.
    Fin,
    /// A reset: what was on its way is lost.
    Reset,
}

/// What happens when a certain number of bytes has gone from the clients to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Every connection dies.
    Cut(Cut),
    /// The connection stands still, and [`Proxy::held`] returns.
    Hold,
    /// The server's next answer gets lost, and its connection with it.
    LoseAnswer,
}

/// A bad network: a stable address in front of a server that comes and goes.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    network: Arc<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy in front of this address, with its plan: after how many bytes from the clients,
    /// counted over all connections, what happens. The plan is sorted here.
    pub async fn start(target: SocketAddr, mut plan: Vec<(u64, Step)>) -> Self {
        plan.sort_by_key(|(at, _)| *at);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let network = Arc::new(Network {
            target,
            sent: Mutex::new(Sent { count: 0, plan: plan.into() }),
            cut: watch::Sender::new(Cut::Fin),
            holds: Notify::new(),
            lose_answer: AtomicBool::new(false),
        });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&network)));
        Self { address, network, accepting }
    }

    /// `http://` and the address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where clients connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the next [`Step::Hold`] is reached. The held connection stands still until it
    /// is cut or the server dies.
    pub async fn held(&self) {
        wait::bounded("the proxy gets to hold a connection", self.network.holds.notified()).await;
    }

    /// Every connection dies now.
    pub fn cut(&self, cut: Cut) {
        self.network.cut(cut);
    }

    /// How many bytes have gone from the clients to the server so far.
    #[must_use]
    pub fn carried(&self) -> u64 {
        self.network.sent.lock().expect("nobody panics with the plan").count
    }

    /// Whether everything planned has happened.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.network.sent.lock().expect("nobody panics with the plan").plan.is_empty()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.network.cut(Cut::Reset);
    }
}

#[derive(Debug)]
struct Network {
    target: SocketAddr,
    sent: Mutex<Sent>,
    cut: watch::Sender<Cut>,
    holds: Notify,
    lose_answer: AtomicBool,
}

#[derive(Debug)]
struct Sent {
    count: u64,
    plan: VecDeque<(u64, Step)>,
}

impl Network {
    /// How many of these bytes may go before something happens, and what happens then.
    fn pass(&self, wanted: usize) -> (usize, Option<Step>) {
        let mut sent = self.sent.lock().expect("nobody panics with the plan");
        let room = sent.plan.front().map(|(at, _)| at.saturating_sub(sent.count));
        let allowed =
            room.and_then(|room| usize::try_from(room).ok()).map_or(wanted, |room| room.min(wanted));
        sent.count += allowed as u64;
        let reached = sent.plan.front().is_some_and(|(at, _)| *at <= sent.count);
        let step = if reached { sent.plan.pop_front() } else { None };
        (allowed, step.map(|(_, step)| step))
    }

    fn cut(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }
}

async fn accept(listener: TcpListener, network: Arc<Network>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(connect(client, Arc::clone(&network)));
    }
}

/// A server that is away is a reset, as it would be without the proxy.
async fn connect(client: TcpStream, network: Arc<Network>) {
    let cuts = network.cut.subscribe();
    match TcpStream::connect(network.target).await {
        Ok(server) => carry(client, server, cuts, &network).await,
        Err(_) => reset(&client),
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    mut cuts: watch::Receiver<Cut>,
    network: &Network,
) {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let upward = async {
        upward(from_client, to_server, network).await;
        std::future::pending().await
    };
    let end = tokio::select! {
        biased;
        cut = cuts.changed() => cut.map_or(Cut::Reset, |()| *cuts.borrow()),
        end = downward(from_server, to_client, network) => end,
        end = upward => end,
    };
    if end == Cut::Reset {
        reset(&client);
        reset(&server);
    }
}

/// Carries the client's bytes until it has said everything; the answer may still be on its way.
async fn upward(mut client: ReadHalf<'_>, mut server: WriteHalf<'_>, network: &Network) {
    let mut buffer = vec![0; BUFFER];
    while let Ok(count @ 1..) = client.read(&mut buffer).await {
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let (allowed, step) = network.pass(rest.len());
            let (now, later) = rest.split_at(allowed);
            rest = later;
            if server.write_all(now).await.is_err() {
                return;
            }
            take(step, network).await;
        }
    }
    _ = server.shutdown().await;
}

async fn take(step: Option<Step>, network: &Network) {
    match step {
        None => {}
        Some(Step::LoseAnswer) => network.lose_answer.store(true, Ordering::SeqCst),
        Some(Step::Cut(cut)) => {
            network.cut(cut);
            std::future::pending().await
        }
        Some(Step::Hold) => {
            network.holds.notify_one();
            std::future::pending().await
        }
    }
}

/// Carries the server's bytes until it has ended the connection, and tells how that was.
async fn downward(mut server: ReadHalf<'_>, mut client: WriteHalf<'_>, network: &Network) -> Cut {
    let mut buffer = vec![0; BUFFER];
    loop {
        match server.read(&mut buffer).await {
            Ok(0) => return Cut::Fin,
            Err(_) => return Cut::Reset,
            Ok(_) if network.lose_answer.swap(false, Ordering::SeqCst) => return Cut::Reset,
            Ok(count) if client.write_all(&buffer[..count]).await.is_err() => return Cut::Reset,
            Ok(_) => {}
        }
    }
}

/// With no time to linger, closing a socket is a reset. A socket that is already dead cannot be
/// told, and need not be.
fn reset(socket: &TcpStream) {
    _ = socket.set_zero_linger();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Connection;

    /// A server that answers `!` once it has seen the end, and tells what it saw.
    async fn listener() -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let seen = tokio::spawn(async move {
            let mut seen = Vec::new();
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().await.expect("the proxy connects");
                let mut bytes = Vec::new();
                _ = stream.read_to_end(&mut bytes).await;
                _ = stream.write_all(b"!").await;
                seen.push(bytes);
            }
            seen
        });
        (address, seen)
    }

    #[tokio::test]
    async fn a_connection_is_cut_at_exactly_this_byte() {
        let (target, seen) = listener().await;
        let proxy = Proxy::start(target, vec![(100_000, Step::Cut(Cut::Fin))]).await;
        let mut first = Connection::open(proxy.address()).await;
        first.send(&[1; 150_000]).await;
        assert!(first.gone().await.is_empty());
        let mut second = Connection::open(proxy.address()).await;
        second.send(&[2; 1000]).await;
        second.finish().await;
        assert_eq!(second.gone().await, b"!");
        let seen = seen.await.expect("the listener is fine");
        assert_eq!((seen[0].len(), seen[1].len()), (100_000, 1000));
        assert!(proxy.is_done());
    }

    #[tokio::test]
    async fn an_answer_is_lost_after_its_request_has_arrived() {
        let (target, seen) = listener().await;
        let proxy = Proxy::start(target, vec![(10, Step::LoseAnswer)]).await;
        for answer in [&b""[..], b"!"] {
            let mut connection = Connection::open(proxy.address()).await;
            connection.send(&[1; 50]).await;
            connection.finish().await;
            assert_eq!(connection.gone().await, answer);
        }
        let seen = seen.await.expect("the listener is fine");
        assert_eq!((seen[0].len(), seen[1].len()), (50, 50));
    }

    #[tokio::test]
    async fn a_held_connection_stands_still_until_it_is_cut() {
        let (target, _seen) = listener().await;
        let proxy = Proxy::start(target, vec![(10, Step::Hold)]).await;
        let mut connection = Connection::open(proxy.address()).await;
        connection.send(&[1; 50]).await;
        proxy.held().await;
        proxy.cut(Cut::Reset);
        assert!(connection.gone().await.is_empty());
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_a_dead_connection() {
        let (target, seen) = listener().await;
        seen.abort();
        assert!(seen.await.is_err());
        let proxy = Proxy::start(target, Vec::new()).await;
        let mut connection = Connection::open(proxy.address()).await;
        assert!(connection.gone().await.is_empty());
    }
}

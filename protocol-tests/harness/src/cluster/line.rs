//! A line to a server that can be cut, delayed, silenced, and made to deliver late.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::target::Target;

/// How much is carried at once.
const PIECE: usize = 64 * 1024;
/// How many pieces of a connection may be under way.
const UNDER_WAY: usize = 512;

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// Every connection ends, and so does every new one.
    Cut,
    /// Connections stay, and what is sent is lost. They end with the trouble.
    Silent,
    /// What is sent is taken, and delivered once the trouble is over, whether or not its sender still waits.
    Late,
    /// Each piece takes this long, both ways.
    Slow(Duration),
    /// Each piece of an answer takes this long.
    LateAnswers(Duration),
}

/// What is wrong, and how often every connection was to end so far.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    trouble: Trouble,
    cuts: u64,
    hold: Hold,
}

/// Requests that are held back.
#[derive(Debug, Clone, Copy, Default)]
struct Hold {
    /// What tells such a request.
    text: &'static str,
    /// How many more of them are to be held back.
    wanted: u32,
    /// How many of them are held back now.
    held: u32,
    /// How often those that were held back were let go so far.
    times: u64,
}

/// A line to a server, for those who connect to its address.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    target: Arc<Mutex<Target>>,
    state: Arc<watch::Sender<State>>,
    accepting: JoinHandle<()>,
}

impl Line {
    /// A line without trouble to this server.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn to(target: Target) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let state = Arc::new(watch::Sender::new(State::default()));
        let target = Arc::new(Mutex::new(target));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&target), Arc::clone(&state)));
        Self { address, target, state, accepting }
    }

    /// The address of the line's near end.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to another server from now on, and ends every connection to the one before.
    pub fn leads_to(&self, target: Target) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
        self.cut();
    }

    /// Brings trouble, or ends it.
    pub fn has(&self, trouble: Trouble) {
        self.state.send_modify(|state| {
            // A connection that has lost bytes cannot go on.
            let is_cut = trouble == Trouble::Cut || state.trouble == Trouble::Silent;
            *state = State { trouble, cuts: state.cuts + u64::from(is_cut), ..*state };
        });
    }

    /// Holds back the next requests, so many of them, at whose beginning this text is: each of them, and what
    /// follows it on its connection, is taken, and delivered once it is let go, whether or not its sender
    /// still waits. All others pass.
    pub fn holds_back(&self, text: &'static str, requests: u32) {
        self.state.send_modify(|state| (state.hold.text, state.hold.wanted) = (text, requests));
    }

    /// How many requests are held back now.
    #[must_use]
    pub fn held(&self) -> u32 {
        self.state.borrow().hold.held
    }

    /// Lets go what is held back, and holds nothing back from now on.
    pub fn lets_go(&self) {
        self.state.send_modify(|state| {
            state.hold = Hold { times: state.hold.times + 1, ..Hold::default() };
        });
    }

    /// Ends every connection, once.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.accepting.abort();
        self.has(Trouble::Cut);
    }
}

async fn accept(listener: TcpListener, target: Arc<Mutex<Target>>, state: Arc<watch::Sender<State>>) {
    while let Ok((near, _)) = listener.accept().await {
        let (line, state) = (Arc::clone(&state), state.subscribe());
        // The count of cuts is read before the target, so that a connection to an earlier one is cut.
        let (mut cutting, now) = (state.clone(), *state.borrow());
        let target = target.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::spawn(async move {
            if now.trouble == Trouble::Cut {
                return;
            }
            tokio::select! {
                () = carry(near, &target, &line) => {}
                _ = cutting.wait_for(|state| state.cuts != now.cuts) => {}
            }
        });
    }
}

/// Carries a connection until the server has sent everything.
async fn carry(near: TcpStream, target: &Target, line: &watch::Sender<State>) {
    _ = near.set_nodelay(true);
    let (from_near, to_near) = near.into_split();
    let Ok((from_far, to_far)) = target.connect().await else { return };
    let up = async {
        lane(from_near, to_far, line, false).await;
        // The server may still have to answer.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = up => {}
        () = lane(from_far, to_near, line, true) => {}
    }
}

/// Carries bytes one way. What was taken is delivered even if its sender is gone.
async fn lane(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: &watch::Sender<State>,
    is_answer: bool,
) {
    let mut state = line.subscribe();
    let (taken, mut pieces) = mpsc::channel::<Vec<u8>>(UNDER_WAY);
    let take = async move {
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if taken.send(buffer[..length].to_vec()).await.is_err() {
                break;
            }
        }
        drop(taken);
        std::future::pending::<()>().await;
    };
    let deliver = async {
        let cuts = state.borrow().cuts;
        while let Some(piece) = pieces.recv().await {
            if !is_answer {
                is_let_go(line, &piece).await;
            }
            let passes = passes(&mut state, is_answer).await;
            // After a piece that was lost, none may come.
            if state.borrow().cuts != cuts || (passes && to.write_all(&piece).await.is_err()) {
                return;
            }
        }
        _ = to.shutdown().await;
    };
    tokio::select! {
        () = take => {}
        () = deliver => {}
    }
}

/// Waits until a piece is let go, if it is the beginning of a request that is to be held back.
async fn is_let_go(line: &watch::Sender<State>, piece: &[u8]) {
    let mut times = None;
    line.send_if_modified(|State { hold, .. }| {
        if hold.wanted == 0 || !begins_with(piece, hold.text) {
            return false;
        }
        (hold.wanted, hold.held, times) = (hold.wanted - 1, hold.held + 1, Some(hold.times));
        true
    });
    if let Some(times) = times {
        _ = line.subscribe().wait_for(|state| state.hold.times != times).await;
    }
}

/// Whether the text is on the first line.
fn begins_with(piece: &[u8], text: &str) -> bool {
    let line = piece.split(|byte| *byte == b'\n').next().unwrap_or_default();
    line.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Waits as long as the trouble takes; false if the bytes are lost.
async fn passes(state: &mut watch::Receiver<State>, is_answer: bool) -> bool {
    let now = state.wait_for(|state| state.trouble != Trouble::Late).await.map(|state| state.trouble);
    match now {
        Ok(Trouble::Slow(time)) => tokio::time::sleep(time).await,
        Ok(Trouble::LateAnswers(time)) if is_answer => tokio::time::sleep(time).await,
        Ok(Trouble::Silent) => return false,
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use tus_lab::http::Connection;
    use tus_lab::wait;

    use super::*;

    /// A server of one connection: it reads to its end, and tells what it read.
    async fn server() -> (Target, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let target = Target::Tcp(listener.local_addr().expect("a bound socket has an address"));
        let read = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("the line connects");
            let mut bytes = Vec::new();
            _ = stream.read_to_end(&mut bytes).await;
            _ = stream.write_all(b"!").await;
            bytes
        });
        (target, read)
    }

    #[tokio::test]
    async fn what_was_taken_late_is_delivered_although_its_sender_is_gone() {
        let (target, read) = server().await;
        let line = Line::to(target).await;
        line.has(Trouble::Late);
        let mut sender = Connection::open(line.address()).await;
        sender.send(&[7; 1_000_000]).await;
        drop(sender);
        assert!(!read.is_finished());
        line.has(Trouble::None);
        let bytes = wait::bounded("the bytes land", read).await.expect("the server is fine");
        assert_eq!(bytes.len(), 1_000_000);
    }

    #[tokio::test]
    async fn what_is_held_back_is_delivered_when_it_is_let_go_and_others_pass() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let line = Line::to(Target::Tcp(listener.local_addr().expect("a bound socket has an address"))).await;
        line.holds_back("late", 1);
        let mut far = Vec::new();
        for text in ["early", "a late one", "another late one"] {
            let mut near = Connection::open(line.address()).await;
            let (stream, _) =
                wait::bounded("the line connects", listener.accept()).await.expect("it is bound");
            near.send(text.as_bytes()).await;
            if text == "a late one" {
                wait::until_true("it is held back", async || line.held() == 1).await;
            }
            drop(near);
            far.push((text, stream));
        }
        let (_, mut held) = far.remove(1);
        for (text, mut stream) in far {
            let mut bytes = String::new();
            wait::bounded("it passes", stream.read_to_string(&mut bytes)).await.expect("the line is fine");
            assert_eq!(bytes, text);
        }
        let mut bytes = String::new();
        assert_eq!((line.held(), held.try_read(&mut [0; 1]).is_err()), (1, true));
        line.lets_go();
        wait::bounded("it lands", held.read_to_string(&mut bytes)).await.expect("the line is fine");
        assert_eq!((bytes.as_str(), line.held()), ("a late one", 0));
    }

    #[tokio::test]
    async fn what_a_silent_line_takes_is_lost_and_its_connection_with_it() {
        let (target, read) = server().await;
        let line = Line::to(target).await;
        let mut sender = Connection::open(line.address()).await;
        line.has(Trouble::Silent);
        sender.send(b"lost").await;
        sender.finish().await;
        assert_eq!(wait::bounded("the end comes", read).await.expect("the server is fine"), b"");
        line.has(Trouble::None);
        assert!(sender.gone().await.is_empty(), "its answer is lost as well");
    }

    #[tokio::test]
    async fn a_cut_ends_every_connection_and_a_new_one_goes_through() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let line = Line::to(Target::Tcp(listener.local_addr().expect("a bound socket has an address"))).await;
        let mut before = Connection::open(line.address()).await;
        let (_far, _) = wait::bounded("the line connects", listener.accept()).await.expect("it is bound");
        line.cut();
        assert!(before.gone().await.is_empty());
        line.has(Trouble::Slow(Duration::from_millis(1)));
        let mut after = Connection::open(line.address()).await;
        let (mut far, _) = wait::bounded("the line connects", listener.accept()).await.expect("it is bound");
        after.send(b"after").await;
        after.finish().await;
        let mut bytes = Vec::new();
        wait::bounded("the end comes", far.read_to_end(&mut bytes)).await.expect("the line is fine");
        assert_eq!(bytes, b"after");
        far.write_all(b"!").await.expect("the line is fine");
        drop(far);
        assert_eq!(after.gone().await, b"!");
    }

    #[tokio::test]
    async fn a_line_that_leads_elsewhere_ends_what_went_to_the_server_before() {
        let first = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let (second, read) = server().await;
        let line = Line::to(Target::Tcp(first.local_addr().expect("a bound socket has an address"))).await;
        let mut before = Connection::open(line.address()).await;
        let (_far, _) = wait::bounded("the line connects", first.accept()).await.expect("it is bound");
        line.leads_to(second);
        assert!(before.gone().await.is_empty());
        let mut after = Connection::open(line.address()).await;
        after.send(b"after").await;
        after.finish().await;
        assert_eq!(wait::bounded("the end comes", read).await.expect("the server is fine"), b"after");
    }
}

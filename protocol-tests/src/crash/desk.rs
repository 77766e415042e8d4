use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::books::Books;
use super::gate::Gate;
use super::insist::insist;
use super::nodes::Nodes;
use super::way::Mix;
use harness::chat::{Chat, User};
use harness::content::Digest;
use harness::http::{Connection, Request, Response};
use harness::tus;
use harness::wait;

/// How long an answer may take before it counts as a hang.
const HANG: Duration = Duration::from_secs(150);

/// The desk between clients and server: it sends requests, judges answers and keeps the books.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) chat: Arc<Chat>,
    pub(super) books: Books,
    pub(super) gate: Gate,
    pub(super) mix: Mix,
    /// Whether the disk may be full.
    pub(super) may_be_full: bool,
    /// The way to several nodes, if the server is that.
    pub(super) nodes: Option<Nodes>,
}

impl Desk {
    pub(super) fn of(chat: Arc<Chat>, mix: Mix) -> Self {
        Self { chat, books: Books::default(), gate: Gate::default(), mix, may_be_full: false, nodes: None }
    }

    /// Sends a request to the server; to one of its nodes, if there are several.
    async fn send(&self, request: Request) -> io::Result<Response> {
        let asked = request.line();
        match &self.nodes {
            None => wait::within(HANG, &asked, request.try_send()).await,
            Some(nodes) => nodes.send(request).await,
        }
    }

    /// A tus request of the sender.
    pub(super) fn tus(&self, method: &str, target: &str) -> Request {
        tus::request(&self.chat, self.sender(), method, target)
    }

    pub(super) fn sender(&self) -> &User {
        &self.chat.alice
    }

    /// Sends a request of the audit, while no client's request is under way.
    ///
    /// # Errors
    /// When the server died, or waits for room before it can read.
    pub(super) async fn read(&self, request: Request) -> io::Result<Response> {
        let answer = match &self.nodes {
            None => self.send(request).await?,
            Some(_) => self.insist_on(request).await,
        };
        match answer.status {
            507 if self.may_be_full => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(answer),
        }
    }

    /// Sends a request of the audit until a node answers it.
    async fn insist_on(&self, request: Request) -> Response {
        insist(async || {
            let answer = self.send(request.clone()).await?;
            if is_away(answer.status) { Err(busy(answer.text())) } else { Ok(answer) }
        })
        .await
    }

    /// Reads a file for the audit; answers the status, and the digest of what came.
    ///
    /// # Errors
    /// When the server died.
    pub(super) async fn digest(&self, request: &Request) -> io::Result<(u16, Digest)> {
        let asked = request.line();
        let read = async || wait::within(HANG, &asked, digest(request)).await;
        if self.nodes.is_none() {
            return read().await;
        }
        Ok(insist(async || match read().await? {
            (status, _) if is_away(status) => Err(busy(format!("{asked}: {status}"))),
            whole => Ok(whole),
        })
        .await)
    }

    /// Sends a client's request, and checks that a stock client can go on after the answer: its status is one
    /// of `expected`, or it says to come again.
    ///
    /// # Errors
    /// When the client has to come again.
    ///
    /// # Panics
    /// When there is no answer at all, or one that would make a client give up or start at byte 0.
    pub(super) async fn ask(&self, request: Request, expected: &[u16]) -> io::Result<Response> {
        let pass = self.gate.pass().await;
        let is_head = request.is_head();
        let asked = request.line();
        let answer = self.send(request).await;
        drop(pass);
        let answer = answer.inspect_err(|_| self.books.refused()).map_err(|error| named(&asked, error))?;
        let comes_again = match answer.status {
            423 => true,
            503 => !is_head,
            507 => self.may_be_full && !is_head,
            _ => false,
        };
        if comes_again {
            assert!(answer.header("Retry-After").is_some(), "{asked}: {:?}", answer.head);
            self.books.refused();
            return Err(named(&asked, busy(answer.text())));
        }
        assert!(expected.contains(&answer.status), "{asked}: {:?} {}", answer.head, answer.text());
        Ok(answer)
    }
}

/// The status of the answer to a request for a file, and the digest of the file.
async fn digest(request: &Request) -> io::Result<(u16, Digest)> {
    let mut connection = Connection::try_open(request.address()).await?;
    connection.try_send(&request.head()).await?;
    let mut digest = Digest::default();
    let head = connection.try_answer_into(false, |bytes| digest.take(bytes)).await?;
    Ok((head.status, digest))
}

/// Whether a node, or the balancer, says to come again.
fn is_away(status: u16) -> bool {
    [423, 502, 503, 504].contains(&status)
}

fn busy(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, why)
}

fn named(asked: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{asked}: {error}"))
}

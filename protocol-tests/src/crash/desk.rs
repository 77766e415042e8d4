use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::books::Books;
use super::gate::Gate;
use super::insist::insist;
use super::nodes::Nodes;
use super::way::Mix;
use harness::chat::{Chat, User};
use harness::http::{Request, Response};
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
            let is_away = [423, 502, 503, 504].contains(&answer.status);
            if is_away { Err(io::Error::new(io::ErrorKind::ResourceBusy, answer.text())) } else { Ok(answer) }
        })
        .await
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
            let why = io::Error::new(io::ErrorKind::ResourceBusy, answer.text());
            return Err(named(&asked, why));
        }
        assert!(expected.contains(&answer.status), "{asked}: {:?} {}", answer.head, answer.text());
        Ok(answer)
    }
}

fn named(asked: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{asked}: {error}"))
}

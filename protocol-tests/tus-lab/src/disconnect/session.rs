use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::decision::{Answer, Ask, Decisions, Next};
use super::fault::{Fault, Moment, Scene};
use super::ledger::Ledger;
use super::matrix::Row;
use super::outcome::End;
use super::run::Run;
use super::settings::PATIENCE;
use super::shape::{PARTS, Shape};
use super::subject::Client;
use super::trap::{Outgoing, Trap};
use super::witness::Witness;
use crate::http::{Connection, Head, Request, Response};
use crate::proxy::{Conditions, Direction, Proxy};

/// The bandwidth of a narrow line: a good mobile connection.
const NARROW_BYTES_PER_SEC: u64 = 4 << 20;

/// The latency of a long line, each way: to the other side of the world.
const LONG: Duration = Duration::from_millis(100);

/// How many characters of a server's text are quoted.
const SAID: usize = 100;

/// A client, its upload, and the network between it and the server.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) run: &'a Run,
    pub(super) row: Row,
    pub(super) proxy: Arc<Proxy>,
    pub(super) witness: Witness,
    pub(super) ledger: Ledger,
    /// The path of the upload that the client knows.
    pub(super) upload: Option<String>,
    /// The paths of the partial uploads, when they are complete.
    pub(super) parts: Vec<String>,
    /// The size of this client's upload: the whole content, or the part of it that begins at `start`.
    pub(super) shape: Shape,
    start: u64,
    is_part: bool,
    tag: String,
    traps: VecDeque<Trap>,
    decisions: Decisions,
}

impl<'a> Session<'a> {
    pub(super) async fn new(run: &'a Run, row: Row, tag: String) -> Self {
        let witness = Witness::default();
        let mut conditions = Conditions { observer: witness.observer(), ..Conditions::default() };
        let fault = match row.scene {
            Scene::Stock(fault) => fault,
            Scene::Rogue(_) => Fault::Nothing,
        };
        match fault {
            Fault::NarrowLine => conditions.up_bytes_per_sec = Some(NARROW_BYTES_PER_SEC),
            Fault::LongLine => conditions.latency = LONG,
            _ => {}
        }
        let traps = if fault == Fault::Nothing { Vec::new() } else { Trap::all(row.moment, fault) };
        Self {
            run,
            row,
            proxy: Arc::new(Proxy::under(run.subject.endpoint.address, conditions).await),
            witness,
            ledger: Ledger::default(),
            upload: None,
            parts: Vec::new(),
            shape: run.settings.shape,
            start: 0,
            is_part: false,
            tag,
            traps: traps.into(),
            decisions: Decisions::new(row.way, run.settings.shape),
        }
    }

    /// The clients of the parts, on the same network.
    pub(super) fn parts(&self) -> [Self; PARTS] {
        self.shape.parts().map(|part| {
            let shape = Shape { size: part.end - part.start };
            Self {
                proxy: Arc::clone(&self.proxy),
                witness: self.witness.clone(),
                ledger: Ledger::default(),
                upload: None,
                parts: Vec::new(),
                shape,
                start: part.start,
                is_part: true,
                tag: self.tag.clone(),
                traps: VecDeque::new(),
                decisions: Decisions::new(self.row.way, shape),
                ..*self
            }
        })
    }

    /// Arms the next trap, if it is meant for one of several requests at the same time.
    pub(super) fn set_trap_among(&self, requests: u64) {
        let (_, first) = self.message(Ask::Create);
        let snap = self.traps.front().and_then(|trap| trap.snap_among(&first, requests, &self.shape));
        if let Some((bytes, step)) = snap {
            self.proxy.after(bytes, step);
        }
    }

    /// Removes the trap for one of several requests if it has snapped.
    pub(super) fn spring_trap_among(&mut self) {
        let is_among = self.traps.front().is_some_and(|trap| trap.moment != Moment::LastAnswer);
        if is_among && self.proxy.is_done() {
            self.traps.pop_front();
        }
    }

    /// Takes over the ledgers of the parts. It is not known to which part a byte on the network belonged, but
    /// how many bytes there were.
    pub(super) fn settle(&mut self, parts: [Ledger; PARTS]) {
        parts.into_iter().for_each(|part| self.ledger.absorb(part));
        self.ledger.settle(self.proxy.carried(Direction::Up), self.shape.size);
    }

    /// Whether every planned trouble has come.
    pub(super) fn is_over_it(&self) -> bool {
        self.traps.is_empty()
    }

    /// Adds a trouble.
    pub(super) fn set_trap(&mut self, trap: Trap) {
        self.traps.push_back(trap);
    }

    /// Sends this request and all that follow from it, to the end of the upload.
    pub(super) async fn drive(&mut self, mut ask: Ask) -> End {
        loop {
            let answer = self.ask(ask).await;
            match self.follow(ask, &answer).await {
                Ok(next) => ask = next,
                Err(end) => return end,
            }
        }
    }

    /// Sends this request and those that follow from it until the next one is a PATCH, and returns its
    /// offset.
    pub(super) async fn drive_to_append(&mut self, mut ask: Ask) -> Result<u64, End> {
        loop {
            if let Ask::Append(offset) = ask {
                return Ok(offset);
            }
            let answer = self.ask(ask).await;
            ask = self.follow(ask, &answer).await?;
        }
    }

    /// The client's next request after this answer. If it has to wait first, the wait is over when this
    /// returns.
    pub(super) async fn follow(&mut self, asked: Ask, answer: &Answer) -> Result<Ask, End> {
        match self.decisions.after(asked, answer) {
            Next::Ask(ask) => Ok(ask),
            Next::Later(number, ask) => {
                tokio::time::sleep(self.run.settings.delay(number)).await;
                Ok(ask)
            }
            Next::Done => Err(End::Finished),
            Next::GiveUp(why) => Err(End::GaveUp(format!("{}: {why}", name(asked)))),
        }
    }

    /// Sends this kind of request over a connection of its own, and reads the answer.
    pub(super) async fn ask(&mut self, ask: Ask) -> Answer {
        let (request, outgoing) = self.message(ask);
        self.send(&request, &outgoing).await
    }

    /// Sends this request over a connection of its own, and reads the answer.
    pub(super) async fn send(&mut self, request: &Request, outgoing: &Outgoing) -> Answer {
        if self.is_part {
            let response = self.exchange(request, outgoing).await;
            return self.learn(outgoing, outgoing.head_bytes, response.ok()).await;
        }
        let is_armed = self.arm(outgoing);
        let before = self.proxy.carried(Direction::Up);
        let response = self.exchange(request, outgoing).await;
        let carried = self.proxy.carried(Direction::Up) - before;
        self.disarm(is_armed);
        self.learn(outgoing, carried, response.ok()).await
    }

    /// A request of this client, without its body.
    pub(super) fn message(&self, ask: Ask) -> (Request, Outgoing) {
        let (way, shape) = (self.row.way, self.shape);
        let body = match ask {
            Ask::Create => shape.creation(way),
            Ask::Offset | Ask::Join => 0..0,
            Ask::Append(offset) => shape.patch(way, offset),
        };
        self.message_of(ask, body)
    }

    /// A request of this client for these bytes of the content, without the body.
    pub(super) fn message_of(&self, ask: Ask, body: Range<u64>) -> (Request, Outgoing) {
        let client = Client {
            to: self.proxy.address(),
            way: self.row.way,
            shape: self.shape,
            tag: &self.tag,
            upload: self.upload.as_deref().unwrap_or("/"),
            parts: &self.parts,
        };
        let request = self.run.subject.message(&client, ask, &body);
        let head_bytes = request.head().len() as u64;
        (request, Outgoing { ask, head_bytes, body })
    }

    /// Reads the answer to this request, and updates the client's ledger; `carried` bytes of the request went
    /// to the server.
    pub(super) async fn learn(
        &mut self,
        sent: &Outgoing,
        carried: u64,
        response: Option<Response>,
    ) -> Answer {
        self.ledger.carried(sent, carried);
        if let Some(struck) = self.witness.struck() {
            self.ledger.struck(struck);
        }
        let location = match sent.ask {
            Ask::Create | Ask::Join => {
                self.created(sent, carried, response.as_ref().map(|response| &response.head)).await
            }
            Ask::Offset | Ask::Append(_) => None,
        };
        let Some(Response { head, body, .. }) = response else {
            return Answer::Dead;
        };
        let answer = Answer::Status {
            status: head.status,
            offset: number(&head, "Upload-Offset"),
            length: number(&head, "Upload-Length"),
            has_location: location.is_some(),
            said: in_short(&body),
        };
        if location.is_some() {
            self.upload = location;
        }
        self.count_success(sent.ask, &answer);
        answer
    }

    /// Notes the uploads that a creation made, and returns the path of the one that the client learns of.
    async fn created(&mut self, sent: &Outgoing, carried: u64, head: Option<&Head>) -> Option<String> {
        let mut is_known = false;
        for head in self.witness.lost() {
            is_known |= self.located(&head).await.is_some();
        }
        let heard = match head {
            Some(head) => self.located(head).await,
            None => None,
        };
        // A server that has read the head may have created an upload, whatever the network answered instead
        // of it.
        self.ledger.is_unsure |= !is_known && heard.is_none() && carried >= sent.head_bytes;
        heard
    }

    fn count_success(&mut self, ask: Ask, answer: &Answer) {
        let Answer::Status { status, offset, .. } = answer else {
            return;
        };
        let is_complete = *offset == Some(self.shape.size);
        if (200..300).contains(status) && (ask != Ask::Offset || is_complete) {
            self.ledger.got_on(Instant::now());
        }
    }

    /// Notes the upload that an answer to a creation names, and returns its path.
    async fn located(&mut self, head: &Head) -> Option<String> {
        let location = head.values("Location").next().filter(|_| (200..300).contains(&head.status))?;
        let place = self.run.subject.endpoint.follow(location).await.ok()?;
        self.ledger.uploads.insert(place.path.clone());
        Some(place.path)
    }

    pub(super) async fn exchange(&self, request: &Request, outgoing: &Outgoing) -> io::Result<Response> {
        let exchange = async {
            let mut connection = Connection::try_open(self.proxy.address()).await?;
            let body = self.start + outgoing.body.start..self.start + outgoing.body.end;
            let body = self.run.content.pieces_of(body);
            connection.try_exchange(&request.head(), body, outgoing.ask == Ask::Offset).await
        };
        let answer = timeout(PATIENCE, exchange).await;
        answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    fn arm(&self, outgoing: &Outgoing) -> bool {
        let snap = self.traps.front().and_then(|trap| trap.snap(outgoing, &self.shape));
        if let Some((bytes, step)) = snap {
            self.proxy.after(bytes, step);
        }
        snap.is_some()
    }

    /// Removes the trap if it has snapped. One that was not reached, because the server answered before,
    /// waits for the next such request.
    fn disarm(&mut self, is_armed: bool) {
        if is_armed && self.proxy.is_done() {
            self.traps.pop_front();
        }
        self.proxy.forget();
    }
}

fn name(ask: Ask) -> &'static str {
    match ask {
        Ask::Create => "POST",
        Ask::Offset => "HEAD",
        Ask::Append(_) => "PATCH",
        Ask::Join => "the final POST",
    }
}

/// The beginning of a body's text, on one line.
fn in_short(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    line.chars().take(SAID).collect()
}

/// The number in this header; of several headers, the first one counts, as for clients in JavaScript.
fn number(head: &Head, name: &str) -> Option<u64> {
    head.values(name).next()?.parse().ok()
}

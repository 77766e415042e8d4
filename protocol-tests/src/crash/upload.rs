use std::io;

use super::books::{Number, Told};
use super::chance::Chance;
use super::desk::Desk;
use super::way::{Mode, Way};
use harness::content::Content;
use harness::http::{Request, Response};
use harness::tus::{self, OFFSET_OCTET_STREAM};

/// A tus upload by a client that remembers every offset that it was told, and holds the server to it.
#[derive(Debug)]
pub(super) struct Upload<'a> {
    pub(super) desk: &'a Desk,
    pub(super) job: Number,
    pub(super) content: Content,
    mode: Mode,
    role: Role,
    piece: u64,
    pub(super) location: Option<String>,
    /// The offset that the server acknowledged last.
    told: u64,
    /// The end of all bytes sent so far.
    sent: u64,
}

/// The purpose of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It becomes a message, or the client gives it up.
    Message,
    /// It is a part of a final upload.
    Part,
    /// It is refused at its end, for its wrong digest.
    Mistake,
    /// It is left alone until it expires.
    Leftover,
    /// It is refused once the bucket has lost a part of it.
    Loser,
}

impl<'a> Upload<'a> {
    pub(super) fn new(desk: &'a Desk, job: Number, way: Way, content: Content, chance: &mut Chance) -> Self {
        let (mode, role) = match way {
            Way::Tus(mode) => (mode, Role::Message),
            Way::Joined => (chance.one_of(&[Mode::Whole, Mode::WithCreation, Mode::Deferred]), Role::Part),
            Way::Mistaken => (Mode::Pieces, Role::Mistake),
            Way::Abandoned => (Mode::Whole, Role::Leftover),
            Way::Overtaken => (Mode::Pieces, Role::Message),
            Way::Forgotten => (Mode::Whole, Role::Loser),
            Way::Ended | Way::OneShot | Way::Socket => (Mode::Whole, Role::Message),
        };
        let piece = match mode {
            Mode::Whole | Mode::Chunked => content.len(),
            _ => content.len().div_ceil(chance.within(1..5)),
        };
        Self { desk, job, content, mode, role, piece, location: None, told: 0, sent: 0 }
    }

    /// Creates the upload, or asks for the offset of the existing one, and sends the missing bytes up to
    /// `until`. Returns the last answer: one with this offset, or an expected refusal.
    pub(super) async fn go_on(&mut self, until: u64) -> io::Result<Response> {
        let mut answer = match self.location.clone() {
            None => self.create().await?,
            Some(location) => self.look(&location).await?,
        };
        while self.told < until && answer.status < 400 {
            answer = self.send(until).await?;
        }
        Ok(answer)
    }

    async fn create(&mut self) -> io::Result<Response> {
        let mut request = self.creation();
        let first = if self.mode == Mode::WithCreation { self.piece } else { 0 };
        if first > 0 {
            self.sent = self.sent.max(first);
            request = request.header("Content-Type", OFFSET_OCTET_STREAM).body(self.content.slice(0..first));
        }
        let answer = self.desk.ask(request, self.may_be(&[201])).await?;
        if answer.status == 201 {
            let location = answer.expect("Location").to_owned();
            // An upload that expired is created again, with another URL.
            (self.location, self.told) = (Some(location), 0);
            let offset = answer.header("Upload-Offset").map_or(0, |_| answer.number("Upload-Offset"));
            self.acknowledge(offset);
        }
        Ok(answer)
    }

    fn creation(&self) -> Request {
        let chat = &self.desk.chat;
        let request = match self.role {
            Role::Part => self.desk.tus("POST", "/files").header("Upload-Concat", "partial"),
            _ => self.desk.tus("POST", &format!("/conversations/{}/files", chat.conversation)),
        };
        let request = match self.mode {
            Mode::Deferred => request.header("Upload-Defer-Length", 1),
            _ => request.header("Upload-Length", self.content.len()),
        };
        match self.metadata() {
            Some(metadata) => request.header("Upload-Metadata", metadata),
            None => request,
        }
    }

    fn metadata(&self) -> Option<String> {
        let id = self.desk.books.id(self.job);
        let mut pairs = vec![("filename", "crash.mp4"), ("client_message_id", id.as_str())];
        let other = harness::content::sha256(b"another file");
        match self.role {
            Role::Part => return None,
            Role::Mistake => pairs.push(("sha256", &other)),
            Role::Message | Role::Leftover | Role::Loser => {}
        }
        Some(tus::metadata(&pairs))
    }

    async fn look(&mut self, location: &str) -> io::Result<Response> {
        let answer = self.desk.ask(self.desk.tus("HEAD", location), self.may_be(&[200])).await?;
        if answer.status == 200 {
            let offset = answer.number("Upload-Offset");
            assert!(
                (self.told..=self.sent.max(self.told)).contains(&offset),
                "{location}: {} acknowledged, {} sent, now {offset}",
                self.told,
                self.sent
            );
            self.acknowledge(offset);
        }
        Ok(answer)
    }

    async fn send(&mut self, until: u64) -> io::Result<Response> {
        let (chat, location) = (&self.desk.chat, self.location.clone().expect("created by now"));
        let end = (self.told + self.piece).min(until);
        let body = self.content.slice(self.told..end);
        let mut request = tus::patch(chat, self.desk.sender(), &location, self.told).body(body);
        if self.mode == Mode::Deferred && end == self.content.len() {
            request = request.header("Upload-Length", end);
        }
        if self.mode == Mode::Chunked {
            request = request.chunked();
        }
        self.sent = self.sent.max(end);
        let answer = self.desk.ask(request, self.may_be(&[204])).await?;
        if answer.status == 204 {
            assert_eq!(answer.number("Upload-Offset"), end, "all of it was taken");
            self.acknowledge(end);
        }
        Ok(answer)
    }

    fn may_be(&self, expected: &'static [u16]) -> &'static [u16] {
        match self.role {
            // The answers of the first refusal, and of HEAD after it.
            Role::Mistake => &[200, 201, 204, 410, 422],
            Role::Leftover | Role::Loser => &[200, 201, 204, 410],
            Role::Message | Role::Part => expected,
        }
    }

    fn acknowledge(&mut self, offset: u64) {
        self.told = offset;
        let location = self.location.as_deref().expect("it has been created");
        self.desk.books.told(self.job, location, Told::Offset(offset));
    }

    /// Notes the message that the answer to the last byte, or to a later request, tells of.
    pub(super) fn is_message(&self, answer: &Response) {
        self.desk.books.message(self.job, answer.expect("Chat-Message-Id"));
    }

    /// Ends the upload resource. After a lost answer, the repeated DELETE is answered 404.
    pub(super) async fn end(&self) -> io::Result<()> {
        let Some(location) = &self.location else { return Ok(()) };
        self.desk.books.told(self.job, location, Told::Ending);
        self.desk.ask(self.desk.tus("DELETE", location), &[204, 404]).await?;
        self.desk.books.told(self.job, location, Told::Ended);
        Ok(())
    }
}

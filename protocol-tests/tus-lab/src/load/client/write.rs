use std::io::{self, IoSlice, Write};

use tokio::io::Interest;
use tokio::net::TcpStream;

use super::connection::ROOM;
use super::end::End;
use super::{Body, Connection, Request};
use crate::load::payload::{Payload, Span, index};

/// After this many writes the other connections of this thread may go on.
const TURN: u32 = 8;

/// The part of a request that is still to be sent.
struct Rest<'a> {
    lead: &'a [u8],
    span: Span,
    after: &'a [u8],
}

impl Rest<'_> {
    fn is_empty(&self) -> bool {
        self.lead.is_empty() && self.span.len == 0 && self.after.is_empty()
    }

    /// Writes as much as the kernel accepts, and returns how many bytes of the body that was.
    fn write(&mut self, stream: &TcpStream, payload: &Payload, head: &mut usize) -> io::Result<u64> {
        let piece = payload.piece(self.span);
        let is_last = piece.len() as u64 == self.span.len;
        let after = if is_last { self.after } else { &[] };
        let written = stream.try_write_vectored(&[
            IoSlice::new(self.lead),
            IoSlice::new(piece),
            IoSlice::new(after),
        ])?;
        let of_lead = written.min(self.lead.len());
        let of_span = (written - of_lead).min(piece.len());
        self.lead = &self.lead[of_lead..];
        self.span.advance(of_span as u64);
        self.after = &self.after[written - of_lead - of_span..];
        let of_head = written.min(*head);
        *head -= of_head;
        Ok((written - of_head) as u64)
    }
}

impl Connection {
    /// Sends a request with at most `limit` bytes of its body, and stops if the server says something.
    pub(super) async fn write(&mut self, request: &Request<'_>, limit: u64) -> io::Result<End> {
        let mut head = self.put_head(request);
        let body = cut(request.body, limit);
        self.lead.extend_from_slice(body.before);
        let stream = self.stream.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        let mut rest = Rest { lead: &self.lead, span: body.span, after: body.after };
        let mut writes = 0_u32;
        while !rest.is_empty() {
            match rest.write(stream, &self.target.payload, &mut head) {
                Ok(of_body) => {
                    self.body_sent += of_body;
                    writes += 1;
                    if writes.is_multiple_of(TURN) {
                        tokio::task::yield_now().await;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if is_spoken_to(stream, &mut self.inbox).await? {
                        return Ok(End::Interrupted);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(End::Complete)
    }

    fn put_head(&mut self, request: &Request<'_>) -> usize {
        let (lead, target) = (&mut self.lead, &self.target);
        lead.clear();
        let mut put =
            |line: std::fmt::Arguments<'_>| lead.write_fmt(line).expect("a vector takes everything");
        put(format_args!("{} {} HTTP/1.1\r\nHost: {}\r\n", request.method, request.path, target.host));
        if request.tus {
            put(format_args!("Tus-Resumable: 1.0.0\r\n"));
        }
        if request.has_length() {
            put(format_args!("Content-Length: {}\r\n", request.body.len()));
        }
        put(format_args!("{}{}\r\n", target.headers, request.headers));
        lead.len()
    }
}

/// The first `limit` bytes of a body.
fn cut(body: Body<'_>, limit: u64) -> Body<'_> {
    if limit >= body.len() {
        return body;
    }
    let of_before = limit.min(body.before.len() as u64);
    Body {
        before: &body.before[..index(of_before)],
        span: body.span.truncated(limit - of_before),
        after: &[],
    }
}

/// Waits until more can be sent; true if the server has said something or has gone.
async fn is_spoken_to(stream: &TcpStream, inbox: &mut Vec<u8>) -> io::Result<bool> {
    let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
    if !ready.is_readable() {
        return Ok(false);
    }
    inbox.reserve(ROOM);
    match stream.try_read_buf(inbox) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error),
    }
}

//! The bytes of a connection, and its permit among all connections.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::accept::{Accepted, Place};
use super::activity::Activity;
use super::framing::{BadChunk, Framing};
use super::observed::Observed;
use crate::{metrics, refusals};

/// The observer of a connection's bytes, by its protocol.
#[derive(Debug)]
pub(super) enum Seen {
    Http1(Framing),
    Http2(Box<Observed>),
}

/// A connection's socket, with its permit until it is dropped, also where a websocket goes on with it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    spoken: Seen,
    activity: Arc<Activity>,
    /// The fault after which nothing more is read.
    refused: Option<BadChunk>,
    _place: Place,
}

impl Wire {
    pub(super) fn new(accepted: Accepted, spoken: Seen, activity: Arc<Activity>) -> Self {
        Self { stream: accepted.stream, spoken, activity, refused: None, _place: accepted.place }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }

    /// Looks at bytes that came, and answers how many of them the library is to see.
    fn came(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.spoken {
            // A websocket has neither heads nor chunks.
            Seen::Http1(_) if self.activity.is_upgraded() => {}
            Seen::Http1(framing) => {
                self.activity.came();
                self.refused = framing.read(bytes).err();
            }
            // Over HTTP/2, most bytes between two requests begin no request.
            Seen::Http2(observed) => observed.came(bytes)?,
        }
        match self.refused {
            // What comes before the fault is good, and an upload keeps it.
            Some(bad) if bad.before > 0 => Ok(bad.before),
            Some(bad) => Err(io::Error::new(io::ErrorKind::InvalidData, bad)),
            None => Ok(bytes.len()),
        }
    }

    fn noted(&mut self, slices: &[IoSlice<'_>], written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.activity.blocked(written.is_pending());
        if let (Seen::Http2(observed), Poll::Ready(Ok(count))) = (&mut self.spoken, &written) {
            observed.went(slices, *count);
        }
        written
    }
}

/// Tells an HTTP/2 client that its connection ends because it asked for too much.
impl Drop for Wire {
    fn drop(&mut self) {
        let Seen::Http2(observed) = &self.spoken else { return };
        let Some(excess) = observed.excess() else { return };
        metrics::get().connections_ended.inc();
        refusals::connection(excess);
        if let Some(farewell) = observed.farewell() {
            // A client that does not read either is not waited for.
            let _ = self.stream.try_write(farewell.as_ref());
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(bad) = self.refused {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, bad)));
        }
        let before = buffer.filled().len();
        let read = self.as_mut().stream().poll_read(context, buffer);
        let came = &buffer.filled()[before..];
        if !came.is_empty() {
            let good = self.get_mut().came(came)?;
            buffer.set_filled(before + good);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write(context, bytes);
        self.noted(&[IoSlice::new(bytes)], written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write_vectored(context, slices);
        self.noted(slices, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }
}

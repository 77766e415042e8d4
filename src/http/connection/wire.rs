//! The bytes of a connection, and its place among all of them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::accept::Accepted;
use super::activity::Activity;
use super::framing::Framing;
use super::spoken::Spoken;

/// A connection's socket. It takes a place until it is dropped, also where a websocket goes on with it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    spoken: Spoken,
    framing: Framing,
    activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Wire {
    pub(super) fn new(accepted: Accepted, spoken: Spoken, activity: Arc<Activity>) -> Self {
        Self { stream: accepted.stream, spoken, framing: Framing::new(), activity, _permit: accepted.permit }
    }

    fn stream(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        Pin::new(&mut self.get_mut().stream)
    }

    fn noted(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.activity.blocked(written.is_pending());
        written
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.as_mut().stream().poll_read(context, buffer);
        let came = &buffer.filled()[before..];
        // On HTTP/2 most of what comes between two requests begins none. A websocket has neither heads nor chunks.
        if self.spoken == Spoken::Http1 && !came.is_empty() && !self.activity.is_upgraded() {
            self.activity.came();
            if let Err(bad) = self.framing.read(came) {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, bad)));
            }
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
        self.noted(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.as_mut().stream().poll_write_vectored(context, slices);
        self.noted(written)
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

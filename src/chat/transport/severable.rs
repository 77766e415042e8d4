//! A stream that can be ended from outside.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long a stream that is ended may still be written to, for the last packets and the closing frame. A
/// client that does not read would hold its connection for ever.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A stream that can be ended by its [`Shears`]: for its reader at once, for its writer a little later.
pub(super) struct Severable<S> {
    stream: S,
    no_more_reading: Pin<Box<WaitForCancellationFutureOwned>>,
    no_more_writing: Pin<Box<WaitForCancellationFutureOwned>>,
    _until_dropped: Option<Box<dyn Send>>,
}

/// The means to end a stream. Clones end the same one.
#[derive(Debug, Clone)]
pub(super) struct Shears {
    no_more_reading: CancellationToken,
    no_more_writing: CancellationToken,
}

impl<S> Severable<S> {
    /// Wraps this stream; answers it, and the means to end it.
    pub(super) fn new(stream: S) -> (Self, Shears) {
        let [no_more_reading, no_more_writing] = [CancellationToken::new(), CancellationToken::new()];
        let severable = Self {
            stream,
            no_more_reading: Box::pin(no_more_reading.clone().cancelled_owned()),
            no_more_writing: Box::pin(no_more_writing.clone().cancelled_owned()),
            _until_dropped: None,
        };
        (severable, Shears { no_more_reading, no_more_writing })
    }

    /// Keeps a value as long as the stream exists.
    pub(super) fn until_dropped(self, value: impl Send + 'static) -> Self {
        Self { _until_dropped: Some(Box::new(value)), ..self }
    }

    fn poll_writable(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.no_more_writing.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::BrokenPipe.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl Shears {
    /// Ends the stream at once, even if something is still to be written.
    pub(super) fn tear(&self) {
        self.no_more_reading.cancel();
        self.no_more_writing.cancel();
    }

    /// Ends the stream, and waits until it can no longer be written to.
    pub(super) async fn cut(self) {
        self.no_more_reading.cancel();
        tokio::time::sleep(LAST_WORDS).await;
        self.no_more_writing.cancel();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Severable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.no_more_reading.as_mut().poll(context) {
            // A read of no bytes says that the stream has ended.
            Poll::Ready(()) => Poll::Ready(Ok(())),
            Poll::Pending => Pin::new(&mut self.stream).poll_read(context, buffer),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Severable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_writable(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writable(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writable(context)?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> fmt::Debug for Severable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Severable")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_cut_ends_reading_at_once_and_writing_a_little_later() {
        let (near, mut far) = tokio::io::duplex(4);
        let (mut near, shears) = Severable::new(near);
        far.write_all(b"ab").await.expect("room");
        assert_eq!(near.read_u8().await.expect("a byte"), b'a');
        near.write_all(b"cd").await.expect("room");
        let cutting = tokio::spawn(shears.cut());
        tokio::task::yield_now().await;
        assert_eq!(near.read(&mut [0; 1]).await.expect("the end"), 0);
        near.write_all(b"ef").await.expect("its last words");
        // The other side does not read: the writer waits, and not for ever.
        let error = near.write_all(b"gh").await.expect_err("no more room");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        cutting.await.expect("cut");
    }

    #[tokio::test]
    async fn a_torn_stream_is_not_written_to_any_more() {
        let (mut near, shears) = Severable::new(tokio::io::empty());
        shears.tear();
        let error = near.write_all(b"a").await.expect_err("the end");
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn what_is_kept_goes_with_the_stream() {
        let (stream, _shears) = Severable::new(tokio::io::empty());
        let kept = std::sync::Arc::new(());
        let stream = stream.until_dropped(std::sync::Arc::clone(&kept));
        assert_eq!(std::sync::Arc::strong_count(&kept), 2);
        drop(stream);
        assert_eq!(std::sync::Arc::strong_count(&kept), 1);
    }
}

//! An HTTP/2 connection as seen from outside the library: frames that carry neither a request nor data, and
//! bytes that are not read. If there are too many of either, the client is told so and the connection ends.

use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::time::Instant;

use super::credit::Credit;
use super::frames::{Frames, HEADERS, enhance_your_calm};
use super::holdings::Account;
use super::spoken::PREFACE;
use super::windows::Windows;

/// Observations of one HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Observed {
    read: Frames,
    written: Frames,
    credit: Credit,
    windows: Windows,
    account: Arc<Account>,
    /// How many bytes from the client the account counts as unread.
    unread: u64,
    last_stream: u32,
    /// Why the connection is to end.
    excess: Option<&'static str>,
}

impl Observed {
    pub(super) fn new(account: Arc<Account>) -> Self {
        Self {
            read: Frames::after(PREFACE.len()),
            written: Frames::after(0),
            credit: Credit::new(Instant::now()),
            windows: Windows::new(),
            account,
            unread: 0,
            last_stream: 0,
            excess: None,
        }
    }

    /// Observes bytes from the client.
    ///
    /// # Errors
    /// If the client sends what it may not. The library then ends the connection.
    pub(super) fn came(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Self { read, credit, windows, last_stream, excess, .. } = self;
        read.pass(bytes, |frame| {
            if frame.kind == HEADERS {
                *last_stream = (*last_stream).max(frame.stream);
            }
            if !credit.came(frame, Instant::now()) {
                *excess = Some("too many frames that bring nothing");
            }
            if !windows.came(frame) {
                *excess = Some("settings without an acknowledgement");
            }
        });
        self.note_unread();
        self.excess.map_or(Ok(()), |excess| Err(io::Error::other(excess)))
    }

    /// Observes the first `count` bytes of these slices, which went to the client.
    pub(super) fn went(&mut self, slices: &[IoSlice<'_>], mut count: usize) {
        let Self { written, credit, windows, .. } = self;
        for slice in slices {
            let some = count.min(slice.len());
            count -= some;
            written.pass(&slice[..some], |frame| {
                credit.went(frame);
                windows.went(frame);
            });
        }
        self.note_unread();
    }

    fn note_unread(&mut self) {
        let held = self.windows.held();
        self.account.change(held, self.unread);
        self.unread = held;
    }

    /// Why the connection is to end, if it is.
    pub(super) fn excess(&self) -> Option<&'static str> {
        self.excess.or_else(|| self.account.end().is_cancelled().then_some("too much that is not read"))
    }

    /// GOAWAY frame for a client whose connection ends, unless another frame is only partly written.
    pub(super) fn farewell(&self) -> Option<impl AsRef<[u8]> + use<>> {
        self.written.is_between().then(|| enhance_your_calm(self.last_stream))
    }
}

//! What is seen of a connection of HTTP/2 from outside of the library: frames that bring nothing, and bytes that nobody
//! reads. A client that sends too many of them is told so and let go.

use std::io::{self, IoSlice};
use std::sync::Arc;

use tokio::time::Instant;

use super::credit::Credit;
use super::frames::{Frames, HEADERS, enhance_your_calm};
use super::holdings::Account;
use super::spoken::PREFACE;
use super::windows::Windows;

/// What is seen of a connection.
#[derive(Debug)]
pub(super) struct Observed {
    read: Frames,
    written: Frames,
    credit: Credit,
    windows: Windows,
    account: Arc<Account>,
    /// What of the account is unread.
    unread: u64,
    last_stream: u32,
    /// Why it is to end.
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

    /// Takes in what came.
    ///
    /// # Errors
    /// When the client sends what it may not; the library ends the connection then.
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

    /// Takes in so many bytes of these, which went to the client.
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

    /// What the client is told at the end, unless that would be in the middle of something else.
    pub(super) fn farewell(&self) -> Option<impl AsRef<[u8]> + use<>> {
        self.written.is_between().then(|| enhance_your_calm(self.last_stream))
    }
}

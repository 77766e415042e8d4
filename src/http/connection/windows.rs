//! PURE: how much of what came over an HTTP/2 connection is still held. The server makes room again for what
//! was read; where it has not, the bytes are held, or were read a moment ago.

use super::frames::{DATA, Frame};

/// The first window of every connection (RFC 9113 §6.9.2).
const FIRST: u64 = 65_535;

/// The window of a connection: how much its client may send.
#[derive(Debug)]
pub(super) struct Windows {
    /// Size of the window. The library gives the connection the same size as each stream.
    whole: u64,
    /// How much the client may still send.
    left: u64,
    /// How much came since the client was sent a new window, until it acknowledges that.
    untold: Option<u64>,
}

impl Windows {
    pub(super) fn new() -> Self {
        Self { whole: FIRST, left: FIRST, untold: None }
    }

    /// Counts a frame from the client, and answers whether the client keeps to its window. A client that
    /// never acknowledges a window's size would have a larger window than is known here.
    pub(super) fn came(&mut self, frame: &Frame<'_>) -> bool {
        if frame.acknowledges_settings() {
            self.untold = None;
        }
        if frame.kind != DATA {
            return true;
        }
        let length = u64::from(frame.length);
        self.left = self.left.saturating_sub(length);
        let Some(untold) = &mut self.untold else { return true };
        *untold += length;
        *untold <= 2 * self.whole
    }

    /// Counts a frame sent to the client.
    pub(super) fn went(&mut self, frame: &Frame<'_>) {
        if let Some(window) = frame.window() {
            self.whole = u64::from(window);
            self.untold = Some(0);
        }
        self.left += u64::from(frame.room_for_all().unwrap_or(0));
    }

    /// How many bytes may be held at most.
    pub(super) fn held(&self) -> u64 {
        self.whole.saturating_sub(self.left)
    }
}

#[cfg(test)]
mod tests {
    use super::super::frames::Frames;
    use super::*;

    fn data(windows: &mut Windows, length: u32) -> bool {
        let [_, a, b, c] = length.to_be_bytes();
        let mut keeps = false;
        Frames::after(0).pass(&[a, b, c, DATA, 0, 0, 0, 0, 1], |frame| keeps = windows.came(frame));
        keeps
    }

    fn room(windows: &mut Windows, bytes: u32) {
        let frame = [&[0, 0, 4, 8, 0, 0, 0, 0, 0][..], &bytes.to_be_bytes()].concat();
        Frames::after(0).pass(&frame, |frame| windows.went(frame));
    }

    fn window(windows: &mut Windows, bytes: u32) {
        let frame = [&[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4][..], &bytes.to_be_bytes()].concat();
        Frames::after(0).pass(&frame, |frame| windows.went(frame));
    }

    #[test]
    fn what_came_is_held_until_there_is_room_for_more() {
        let mut windows = Windows::new();
        assert!(data(&mut windows, 60_000));
        assert_eq!(windows.held(), 60_000);
        room(&mut windows, 50_000);
        assert_eq!(windows.held(), 10_000);
        window(&mut windows, 1 << 20);
        room(&mut windows, (1 << 20) - 65_535);
        assert_eq!(windows.held(), 10_000, "a larger window holds no more");
    }

    #[test]
    fn a_window_that_is_not_acknowledged_takes_only_so_much() {
        let acknowledgement = [0, 0, 0, 4, 1, 0, 0, 0, 0];
        for is_acknowledged in [true, false] {
            let mut windows = Windows::new();
            window(&mut windows, 100_000);
            assert!(data(&mut windows, 100_000) && data(&mut windows, 100_000));
            if is_acknowledged {
                Frames::after(0).pass(&acknowledgement, |frame| assert!(windows.came(frame)));
            }
            assert_eq!(data(&mut windows, 1), is_acknowledged);
        }
    }
}

//! The outgoing frames of a WebSocket: an event waits no more once its frame has been written.

use std::sync::Arc;

use super::frames::{Frame, parse};
use super::guests::Guest;
use super::packets::is_event;

/// A reader of what has been written, in pieces of any size.
#[derive(Debug)]
pub(super) struct Sent {
    guest: Arc<Guest>,
    header: Vec<u8>,
    frame: Option<Frame>,
    /// The first bytes of the frame's payload, which tell the kind of its packet.
    beginning: Vec<u8>,
}

impl Sent {
    /// A reader for this session.
    pub(super) fn new(guest: Arc<Guest>) -> Self {
        Self { guest, header: Vec::new(), frame: None, beginning: Vec::new() }
    }

    /// Reads the next bytes. The library writes each packet in a frame of its own.
    pub(super) fn read(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = match self.frame.take() {
                Some(frame) => self.payload(frame, bytes),
                None => {
                    self.header.push(byte);
                    if let Some((_, frame)) = parse(&self.header) {
                        self.header.clear();
                        self.beginning.clear();
                        self.go_on(frame);
                    }
                    rest
                }
            };
        }
    }

    fn payload<'a>(&mut self, mut frame: Frame, bytes: &'a [u8]) -> &'a [u8] {
        let (piece, rest) = frame.take(bytes);
        let missing = 2_usize.saturating_sub(self.beginning.len()).min(piece.len());
        self.beginning.extend_from_slice(&piece[..missing]);
        self.go_on(frame);
        rest
    }

    fn go_on(&mut self, frame: Frame) {
        if !frame.is_whole() {
            self.frame = Some(frame);
        } else if is_event(&self.beginning) {
            self.guest.backlog().written();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::backlog::{LEAST_BYTES, SESSION_BYTES};
    use super::super::guests::Guests;
    use super::*;

    fn frame(first: u8, payload: &str) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("short");
        let mut frame = match u8::try_from(length) {
            Ok(length @ 0..126) => vec![first, length],
            _ => [&[first, 126][..], &length.to_be_bytes()].concat(),
        };
        frame.extend(payload.as_bytes());
        frame
    }

    #[test]
    fn an_event_waits_until_all_of_its_frame_is_written() {
        let guest = Guests::default().enter(&[]).expect("room");
        let mut sent = Sent::new(Arc::clone(&guest));
        let most = SESSION_BYTES / LEAST_BYTES;
        assert!((0..most).all(|_| guest.backlog().add(1)));
        let long = format!("43[\"{}\"]", "a".repeat(1000));
        let written = [
            frame(0x81, "0{\"sid\":\"42\"}"),
            frame(0x81, "40{}"),
            frame(0x81, "2"),
            frame(0x81, ""),
            frame(0x89, "4"),
            frame(0x81, "42[\"a\"]"),
            frame(0x81, &long),
        ];
        let written = written.concat();
        for piece in written[..written.len() - 1].chunks(3) {
            sent.read(piece);
        }
        assert!(guest.backlog().add(1), "one has been written");
        sent.read(&written[written.len() - 1..]);
        assert!(guest.backlog().add(1), "and another one");
        assert!(!guest.backlog().add(1), "and that was all");
    }
}

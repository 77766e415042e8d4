//! The incoming frames of a WebSocket (RFC 6455 §5.2). Their headers are parsed, and the beginnings of the
//! packets in them, so that a session keeps within its bounds before the library keeps anything.

use std::sync::Arc;

use super::body::Fault;
use super::guests::{Guest, Held};
use super::packets::Packets;

const FIN: u8 = 0x80;
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;
/// The most bytes of a header: two, eight of length, and four of mask.
const LONGEST_HEADER: usize = 14;

/// A reader of frames in pieces of any size.
#[derive(Debug)]
pub(super) struct Frames {
    guest: Arc<Guest>,
    /// The room for the message that is being read.
    held: Held,
    packets: Packets,
    is_text: bool,
    header: Vec<u8>,
    frame: Option<Frame>,
}

/// A frame whose payload is being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    is_control: bool,
    ends_message: bool,
    mask: [u8; 4],
    at: usize,
    left: u64,
}

impl Frames {
    /// A reader for this session.
    pub(super) fn new(guest: Arc<Guest>) -> Self {
        let header = Vec::with_capacity(LONGEST_HEADER);
        Self {
            guest,
            held: Held::default(),
            packets: Packets::default(),
            is_text: false,
            header,
            frame: None,
        }
    }

    /// Reads the next bytes.
    ///
    /// # Errors
    /// [`Fault`], if the session goes beyond its bounds.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            bytes = match self.frame {
                Some(frame) => self.payload(frame, bytes)?,
                None => self.header(bytes)?,
            };
        }
        Ok(())
    }

    /// Reads one byte of a header.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let Some((&byte, rest)) = bytes.split_first() else { return Ok(bytes) };
        self.header.push(byte);
        if let Some((opcode, frame)) = parse(&self.header) {
            self.header.clear();
            // The frame of a session without a user is judged by the length it announces: the library
            // allocates that at once.
            self.guest.judge(frame.left, 1)?;
            if !frame.is_control && opcode != CONTINUATION {
                (self.is_text, self.packets) = (opcode == TEXT, Packets::default());
            }
            // A frame counts even if it is empty.
            self.guest.hold(&mut self.held, 0, 1)?;
            self.go_on(frame);
        }
        Ok(rest)
    }

    /// Reads the bytes that belong to the frame's payload.
    fn payload<'a>(&mut self, mut frame: Frame, bytes: &'a [u8]) -> Result<&'a [u8], Fault> {
        let (before, mask) = (frame.at, frame.mask);
        let (piece, rest) = frame.take(bytes);
        self.guest.hold(&mut self.held, piece.len(), 0)?;
        if self.is_text && !frame.is_control {
            for (at, byte) in piece.iter().enumerate() {
                if self.packets.is_within() {
                    break;
                }
                let begun = self.packets.read(&[byte ^ mask[(before + at) % 4]])?;
                self.guest.ask(begun.connects)?;
            }
        }
        self.go_on(frame);
        Ok(rest)
    }

    fn go_on(&mut self, frame: Frame) {
        if !frame.is_whole() {
            self.frame = Some(frame);
            return;
        }
        self.frame = None;
        if frame.ends_message {
            // The event that is made of the message counts for itself.
            self.held = Held::default();
        }
    }
}

impl Frame {
    /// Splits these bytes into the frame's part and what follows.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        self.at += count;
        self.left -= u64::try_from(count).unwrap_or(u64::MAX);
        bytes.split_at(count)
    }

    /// Whether the whole payload has been read.
    pub(super) fn is_whole(&self) -> bool {
        self.left == 0
    }
}

/// The opcode and the frame, once the header is whole.
pub(super) fn parse(header: &[u8]) -> Option<(u8, Frame)> {
    let (&[first, second], rest) = header.split_first_chunk()?;
    let (length, rest) = match second & !MASKED {
        126 => rest.split_first_chunk().map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        length => (u64::from(length), rest),
    };
    let mask = if second & MASKED == 0 { [0; 4] } else { *rest.first_chunk()? };
    let (opcode, is_control) = (first & 0x0f, first & CONTROL != 0);
    let ends_message = !is_control && first & FIN != 0;
    Some((opcode, Frame { is_control, ends_message, mask, at: 0, left: length }))
}

#[cfg(test)]
mod tests {
    use super::super::super::line::Hall;
    use super::super::guests::{Excess, Guests};
    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn frame(first: u8, length: usize, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first];
        match u16::try_from(length) {
            Ok(short @ 0..126) => frame.push(MASKED | u8::try_from(short).expect("small")),
            Ok(length) => {
                frame.push(MASKED | 126);
                frame.extend(length.to_be_bytes());
            }
            Err(_) => {
                frame.push(MASKED | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    fn whole(first: u8, payload: &[u8]) -> Vec<u8> {
        frame(first, payload.len(), payload)
    }

    fn guest(is_user: bool) -> Arc<Guest> {
        let guest = Guests::default().enter(&[]).expect("room");
        if is_user {
            let user = "user@example.com".parse().expect("valid");
            guest.admit(Arc::new(Hall::new().line(&user).expect("room")));
        }
        guest
    }

    fn both(bytes: &[u8], is_user: bool) -> Result<(), Fault> {
        let at_once = Frames::new(guest(is_user)).read(bytes);
        let mut frames = Frames::new(guest(is_user));
        let in_pieces = bytes.chunks(3).try_for_each(|piece| frames.read(piece));
        assert_eq!(at_once, in_pieces);
        at_once
    }

    #[test]
    fn a_stranger_is_judged_by_what_a_frame_announces() {
        let stranger = Err(Fault::Excess(Excess::Stranger));
        for (what, bytes, expected) in [
            ("a token", whole(0x81, b"40{\"token\":\"a\"}"), Ok(())),
            ("the largest", whole(0x81, &[b'4'; 64 << 10]), Ok(())),
            ("one that is larger", frame(0x81, (64 << 10) + 1, b""), stranger),
            ("49 MiB", frame(0x82, 49 << 20, b""), stranger),
            ("a piece of 49 MiB", frame(0x01, 49 << 20, b""), stranger),
            ("beyond 2^63", [0x81, 0xff].into_iter().chain([0xff; 12]).collect(), stranger),
            ("two that are too much together", whole(0x81, &[b'4'; 40 << 10]).repeat(2), stranger),
            (
                "two pieces of one",
                [whole(0x01, &[b'4'; 40 << 10]), whole(0x80, &[b'4'; 40 << 10])].concat(),
                stranger,
            ),
            ("sixteen packets", whole(0x81, b"2").repeat(16), Ok(())),
            ("seventeen packets", whole(0x81, b"2").repeat(17), stranger),
        ] {
            assert_eq!(both(&bytes, false), expected, "{what}");
            let of_user = both(&bytes, true);
            assert_eq!(of_user, Ok(()), "{what} of a user");
        }
    }

    #[test]
    fn a_users_message_may_be_large_and_counts_until_it_is_whole() {
        let guest = guest(true);
        let mut frames = Frames::new(Arc::clone(&guest));
        let message = whole(0x82, &vec![7; 40 << 20]);
        for _ in 0..4 {
            assert_eq!(frames.read(&message), Ok(()));
        }
        let begun = whole(0x02, &vec![7; 40 << 20]);
        for _ in 0..3 {
            assert_eq!(frames.read(&begun), Ok(()));
        }
        assert_eq!(frames.read(&begun), Err(Fault::Excess(Excess::Reading)), "pieces of one message add up");
    }

    #[test]
    fn a_session_asks_for_few_namespaces() {
        let asks = whole(0x81, b"40/a,");
        assert_eq!(both(&asks.repeat(16), true), Ok(()));
        assert_eq!(both(&asks.repeat(17), true), Err(Fault::Excess(Excess::Namespaces)));
        assert_eq!(both(&whole(0x81, b"42[\"40\"]").repeat(100), true), Ok(()));
    }

    #[test]
    fn a_namespaces_name_is_short_in_whatever_frames_it_comes() {
        let long = format!("40/{},", "a".repeat(64));
        let (left, right) = long.as_bytes().split_at(30);
        for bytes in [
            whole(0x81, long.as_bytes()),
            [whole(0x01, left), whole(0x89, b"ping"), whole(0x80, right)].concat(),
        ] {
            for is_user in [false, true] {
                assert!(matches!(both(&bytes, is_user), Err(Fault::LongName(_))));
            }
        }
        assert_eq!(both(&whole(0x82, long.as_bytes()), true), Ok(()), "bytes are no packet");
        assert_eq!(both(&whole(0x81, format!("42[\"{long}\"]").as_bytes()), true), Ok(()));
    }
}

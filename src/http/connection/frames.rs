//! PURE: the frames in one direction of an HTTP/2 connection (RFC 9113 §4.1 and §6). Of a payload only the
//! beginning is kept, and only in frames that say how much may be sent: SETTINGS and WINDOW_UPDATE.

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const GOAWAY: u8 = 7;

const ACK: u8 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;
const ENHANCE_YOUR_CALM: u32 = 11;

const HEAD: usize = 9;
const SETTING: usize = 6;
/// The most bytes of a payload that are kept: more than the settings that a server sends.
const MOST_LOOKED_AT: usize = 20 * SETTING;

/// A frame: its head, and the beginning of its payload if that is kept.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) kind: u8,
    /// Length of the payload, without the head.
    pub(super) length: u32,
    /// The stream's number; 0 is the connection.
    pub(super) stream: u32,
    flags: u8,
    beginning: &'a [u8],
}

impl Frame<'_> {
    /// Whether the frame acknowledges settings.
    pub(super) fn acknowledges_settings(&self) -> bool {
        self.kind == SETTINGS && self.flags & ACK != 0
    }

    /// Whether the other side has to answer the frame.
    pub(super) fn asks(&self) -> bool {
        matches!(self.kind, SETTINGS | PING) && self.flags & ACK == 0
    }

    /// How much more the frame allows on all streams together.
    pub(super) fn room_for_all(&self) -> Option<u32> {
        (self.kind == WINDOW_UPDATE && self.stream == 0).then(|| number(self.beginning)).flatten()
    }

    /// How much the frame allows on each stream.
    pub(super) fn window(&self) -> Option<u32> {
        if self.kind != SETTINGS {
            return None;
        }
        let mut settings = self.beginning.chunks_exact(SETTING);
        settings
            .find(|setting| setting.starts_with(&INITIAL_WINDOW_SIZE.to_be_bytes()))
            .and_then(|setting| number(&setting[2..]))
    }
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Finds the frames in one direction of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    /// The bytes kept so far of the current frame.
    seen: Vec<u8>,
    /// How many bytes to skip before the next frame.
    passed_over: usize,
}

impl Frames {
    /// A finder that first skips this many bytes, which belong to no frame.
    pub(super) fn after(passed_over: usize) -> Self {
        Self { seen: Vec::with_capacity(HEAD), passed_over }
    }

    /// Calls `show` for each frame of which enough has come.
    pub(super) fn pass(&mut self, mut bytes: &[u8], mut show: impl FnMut(&Frame<'_>)) {
        loop {
            let over = self.passed_over.min(bytes.len());
            self.passed_over -= over;
            bytes = &bytes[over..];
            let wanted = self.wanted();
            let some = wanted.saturating_sub(self.seen.len()).min(bytes.len());
            self.seen.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
            if self.seen.len() < HEAD || self.seen.len() < self.wanted() {
                if bytes.is_empty() {
                    return;
                }
                continue;
            }
            let frame = frame(&self.seen);
            self.passed_over = frame.length as usize - frame.beginning.len();
            show(&frame);
            self.seen.clear();
        }
    }

    /// Whether a frame has ended and no other has begun.
    pub(super) fn is_between(&self) -> bool {
        self.seen.is_empty() && self.passed_over == 0
    }

    /// How many bytes of the current frame to keep, as far as that is known.
    fn wanted(&self) -> usize {
        if self.seen.len() < HEAD {
            return HEAD;
        }
        let frame = frame(&self.seen);
        let looked_at = matches!(frame.kind, SETTINGS | WINDOW_UPDATE);
        HEAD + if looked_at { (frame.length as usize).min(MOST_LOOKED_AT) } else { 0 }
    }
}

fn frame(seen: &[u8]) -> Frame<'_> {
    let (head, beginning) = seen.split_at(HEAD);
    Frame {
        kind: head[3],
        length: u32::from_be_bytes([0, head[0], head[1], head[2]]),
        stream: u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]),
        flags: head[4],
        beginning,
    }
}

/// GOAWAY frame for a client that asks too much. It names the last stream that may have been processed.
pub(super) fn enhance_your_calm(last_stream: u32) -> [u8; HEAD + 8] {
    let mut frame = [0; HEAD + 8];
    (frame[2], frame[3]) = (8, GOAWAY);
    frame[HEAD..HEAD + 4].copy_from_slice(&last_stream.to_be_bytes());
    frame[HEAD + 4..].copy_from_slice(&ENHANCE_YOUR_CALM.to_be_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("small").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let settings = [0, 3, 0, 0, 0, 64, 0, 4, 0, 1, 0, 0];
        let all = [
            b"PRI".to_vec(),
            bytes(SETTINGS, 0, 0, &settings),
            bytes(SETTINGS, ACK, 0, &[]),
            bytes(WINDOW_UPDATE, 0, 0, &[0, 0, 1, 2]),
            bytes(DATA, 1, 0x8000_0005, &[8; 1000]),
            bytes(WINDOW_UPDATE, 0, 5, &[0, 0, 1, 3]),
            bytes(SETTINGS, 0, 0, &[0; 6000]),
            bytes(PING, 0, 0, &[6; 8]),
            enhance_your_calm(5).to_vec(),
        ]
        .concat();
        let expected = [
            (SETTINGS, 12, 0, true, None, Some(65536)),
            (SETTINGS, 0, 0, false, None, None),
            (WINDOW_UPDATE, 4, 0, false, Some(258), None),
            (DATA, 1000, 5, false, None, None),
            (WINDOW_UPDATE, 4, 5, false, None, None),
            (SETTINGS, 6000, 0, true, None, None),
            (PING, 8, 0, true, None, None),
            (GOAWAY, 8, 0, false, None, None),
        ];
        for cut in [1, 2, 7, 9, 10, 100, all.len()] {
            let (mut frames, mut found) = (Frames::after(3), Vec::new());
            for piece in all.chunks(cut) {
                frames.pass(piece, |frame| {
                    let Frame { kind, length, stream, .. } = *frame;
                    found.push((kind, length, stream, frame.asks(), frame.room_for_all(), frame.window()));
                });
            }
            assert_eq!(found, expected, "in pieces of {cut}");
            assert!(frames.is_between());
            frames.pass(&[0], |_| panic!("no frame is so short"));
            assert!(!frames.is_between());
        }
    }
}

//! Contents of uploads: bytes that can be made again from any position on, and their digest.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::Digest as _;

/// Size of the pieces in which contents are made; no more than one is held at a time.
const PIECE: usize = 1 << 20;

/// Random bytes of any length, made as they are needed.
///
/// One random piece is repeated with its number written into it: no two pieces are alike, a byte depends on
/// its position, and a gigabyte takes a megabyte of memory.
#[derive(Debug, Clone)]
pub struct Content {
    piece: Vec<u8>,
    start: u64,
    len: u64,
}

impl Content {
    /// New random bytes of this length.
    #[must_use]
    pub fn random(len: u64) -> Self {
        let size = usize::try_from(len).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; size];
        getrandom::fill(&mut piece).expect("the system has random bytes");
        Self { piece, start: 0, len }
    }

    /// These bytes as a content of their own.
    #[must_use]
    pub fn part(&self, range: Range<u64>) -> Self {
        Self { piece: self.piece.clone(), start: self.start + range.start, len: range.end - range.start }
    }

    /// How many bytes there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes from `start` to the end, in pieces of at most a megabyte.
    pub fn pieces(&self, start: u64) -> impl Iterator<Item = Vec<u8>> {
        let size = self.piece.len().max(1) as u64;
        let (start, end) = (self.start + start, self.start + self.len);
        (start / size..end.div_ceil(size)).map(move |number| {
            let begin = number * size;
            let kept = index((end - begin).min(size));
            let skipped = index(start.saturating_sub(begin)).min(kept);
            self.numbered(number)[skipped..kept].to_vec()
        })
    }

    /// These bytes and no others.
    #[must_use]
    pub fn slice(&self, range: Range<u64>) -> Vec<u8> {
        let wanted = index(range.end - range.start);
        let mut bytes = Vec::with_capacity(wanted);
        for piece in self.pieces(range.start) {
            bytes.extend_from_slice(&piece[..piece.len().min(wanted - bytes.len())]);
            if bytes.len() == wanted {
                break;
            }
        }
        bytes
    }

    /// These bytes and no others, in pieces of at most a megabyte.
    pub fn pieces_of(&self, range: Range<u64>) -> impl Iterator<Item = Vec<u8>> {
        let mut left = range.end.saturating_sub(range.start);
        self.pieces(range.start).map_while(move |mut piece| {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
            (!piece.is_empty()).then_some(piece)
        })
    }

    /// Every byte, for contents that are small.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.slice(0..self.len)
    }

    /// SHA-256 of the whole, in lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        let mut digest = Digest::default();
        self.pieces(0).for_each(|piece| digest.take(&piece));
        digest.hex()
    }

    /// Writes the whole into a new file.
    pub fn write_to(&self, path: &Path) {
        let mut file = File::create(path).expect("the test's folder can be written");
        self.pieces(0).for_each(|piece| file.write_all(&piece).expect("the disk has room"));
    }

    fn numbered(&self, number: u64) -> Vec<u8> {
        let mut piece = self.piece.clone();
        let width = piece.len().min(8);
        for (byte, mark) in piece[..width].iter_mut().zip(number.to_le_bytes()) {
            *byte ^= mark;
        }
        piece
    }
}

/// A running SHA-256 of bytes that are not kept.
#[derive(Debug, Default, Clone)]
pub struct Digest {
    state: sha2::Sha256,
    len: u64,
}

impl Digest {
    /// Takes further bytes in.
    pub fn take(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.len += bytes.len() as u64;
    }

    /// How many bytes were taken in.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was taken in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The digest in lower-case hex.
    #[must_use]
    pub fn hex(self) -> String {
        HEXLOWER.encode(&self.state.finalize())
    }
}

/// SHA-256 of these bytes, in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let mut digest = Digest::default();
    digest.take(bytes);
    digest.hex()
}

fn index(count: u64) -> usize {
    usize::try_from(count).expect("a piece fits into memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_what_the_whole_has_there() {
        let content = Content::random(3 * (1 << 20) + 5);
        let whole: Vec<u8> = content.pieces(0).flatten().collect();
        assert_eq!(whole.len() as u64, content.len());
        assert_eq!(sha256(&whole), content.sha256());
        for range in [0..1, 0..content.len(), 1_048_570..1_048_590, 2_000_000..3_145_733] {
            let expected = &whole[index(range.start)..index(range.end)];
            assert!(content.slice(range.clone()) == expected, "{range:?}");
        }
        let part = content.part(1_000_000..3_000_000);
        assert!(part.bytes() == whole[1_000_000..3_000_000]);
        assert!(part.part(5..1_500_000).slice(1..9) == whole[1_000_006..1_000_014]);
        let tail: Vec<u8> = content.pieces(1_048_577).flatten().collect();
        assert!(tail == whole[1_048_577..]);
    }

    #[test]
    fn pieces_of_a_range_are_the_slice() {
        let content = Content::random(3 * (1 << 20) + 5);
        for range in [0..0, 0..1, 0..content.len(), 1_048_570..1_048_590, 2_000_000..3_145_733] {
            let pieces: Vec<u8> = content.pieces_of(range.clone()).flatten().collect();
            assert!(pieces == content.slice(range.clone()), "{range:?}");
        }
    }

    #[test]
    fn two_pieces_are_never_alike() {
        let mut pieces: Vec<_> = Content::random(4 << 20).pieces(0).collect();
        pieces.sort();
        pieces.dedup();
        assert_eq!(pieces.len(), 4);
    }

    #[test]
    fn an_empty_content_has_no_bytes() {
        assert!(Content::random(0).bytes().is_empty());
    }
}

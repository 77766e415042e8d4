/// The length of the pattern before it repeats: a prime, so that it never falls together with a server's
/// boundaries.
const PERIOD: u64 = 1_048_583;

/// The longest piece that is handed to the kernel at once.
const PIECE: u64 = 256 * 1024;

/// A piece of the pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) len: u64,
}

impl Span {
    pub(crate) fn advance(&mut self, count: u64) {
        self.start += count;
        self.len -= count;
    }

    pub(crate) fn truncated(self, len: u64) -> Self {
        Self { start: self.start, len: self.len.min(len) }
    }
}

/// The content of all uploads: an endless pattern in which every byte depends on its position.
///
/// A piece that a server drops, doubles or misplaces shows when the result is compared. Every upload starts
/// at another place in the pattern, so a mixture of two uploads shows, too. The bytes are made before a clock
/// runs.
#[derive(Debug)]
pub(crate) struct Payload {
    block: Vec<u8>,
}

impl Payload {
    pub(crate) fn random() -> Self {
        let mut block = vec![0; index(PERIOD)];
        getrandom::fill(&mut block).expect("the system has random bytes");
        // The first bytes are repeated at the end, so that a piece never wraps around.
        block.extend_from_within(..index(PIECE));
        Self { block }
    }

    /// The longest contiguous piece at the start of `span`.
    pub(crate) fn piece(&self, span: Span) -> &[u8] {
        let start = index(span.start % PERIOD);
        &self.block[start..start + index(span.len.min(PIECE))]
    }

    pub(crate) fn bytes(&self, mut span: Span) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(index(span.len));
        while span.len > 0 {
            let piece = self.piece(span);
            bytes.extend_from_slice(piece);
            span.advance(piece.len() as u64);
        }
        bytes
    }
}

/// Compares bytes, as they come, with the expected ones.
#[derive(Debug)]
pub(crate) struct Comparison<'a> {
    payload: &'a Payload,
    left: Span,
    differs: bool,
}

impl<'a> Comparison<'a> {
    pub(crate) fn with(payload: &'a Payload, span: Span) -> Self {
        Self { payload, left: span, differs: false }
    }

    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.differs {
            let wanted = self.payload.piece(self.left);
            let count = wanted.len().min(bytes.len());
            self.differs = count == 0 || wanted[..count] != bytes[..count];
            if !self.differs {
                self.left.advance(count as u64);
                bytes = &bytes[count..];
            }
        }
    }

    /// Whether every byte was right and none was missing.
    pub(crate) fn is_same(&self) -> bool {
        !self.differs && self.left.len == 0
    }
}

/// A length that fits into memory, as an index.
pub(crate) fn index(count: u64) -> usize {
    usize::try_from(count).expect("what is held in memory can be counted")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_has_no_seam() {
        let payload = Payload::random();
        let across = payload.bytes(Span { start: PERIOD - 10, len: 20 });
        assert_eq!(across[..10], payload.bytes(Span { start: PERIOD - 10, len: 10 }));
        assert_eq!(across[10..], payload.bytes(Span { start: 0, len: 10 }));
    }

    #[test]
    fn bytes_that_are_shifted_missing_or_too_many_differ() {
        let payload = Payload::random();
        let span = Span { start: 5, len: 600_000 };
        let right = payload.bytes(span);
        let is_same = |bytes: &[u8]| {
            let mut comparison = Comparison::with(&payload, span);
            bytes.chunks(70_001).for_each(|piece| comparison.take(piece));
            comparison.is_same()
        };
        assert!(is_same(&right));
        assert!(!is_same(&right[1..]));
        assert!(!is_same(&right[..right.len() - 1]));
        assert!(!is_same(&[&right[..], b"x"].concat()));
    }
}

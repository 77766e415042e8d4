use std::ops::Range;

use super::fault::{Moment, Way};

/// The size of a chunk, of clients that upload in chunks.
const CHUNK: u64 = 1 << 20;

/// How many parts a client uploads at the same time.
pub(super) const PARTS: usize = 4;

/// How far the places of trouble lie from round numbers, so that they meet no boundary.
const ASIDE: u64 = 1801;

/// The shape of every upload of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// How many bytes an upload has.
    pub size: u64,
}

impl Shape {
    /// The bytes that a PATCH at this offset carries.
    pub(super) fn patch(&self, way: Way, offset: u64) -> Range<u64> {
        let end = match way {
            Way::OnePatch | Way::CreationWithUpload | Way::Parallel => self.size,
            // A small upload has smaller chunks, so that it has several.
            Way::Chunks | Way::DeferredLength => offset + CHUNK.min(self.size.div_ceil(4)),
        };
        offset.min(self.size)..end.min(self.size)
    }

    /// The bytes that a creation carries.
    pub(super) fn creation(&self, way: Way) -> Range<u64> {
        if way == Way::CreationWithUpload { 0..self.size } else { 0..0 }
    }

    /// The ranges of the parts that are uploaded at the same time, as equal as possible.
    pub(super) fn parts(&self) -> [Range<u64>; PARTS] {
        let each = self.size / PARTS as u64;
        let mut start = 0;
        std::array::from_fn(|number| {
            let end = if number + 1 == PARTS { self.size } else { start + each };
            let part = start..end;
            start = end;
            part
        })
    }

    /// How many bytes of the content are sent at this moment; none if the moment is not within the content.
    pub(super) fn place(&self, moment: Moment) -> Option<u64> {
        match moment {
            Moment::Tenth => Some(self.part(10)),
            Moment::Half | Moment::Head => Some(self.part(50)),
            Moment::End => Some(self.size.saturating_sub(1)),
            Moment::Post | Moment::PostAnswer | Moment::LastAnswer | Moment::Throughout => None,
        }
    }

    fn part(&self, percent: u64) -> u64 {
        self.size * percent / 100 + ASIDE.min(self.size / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { size: 8 << 20 };

    #[test]
    fn chunks_cover_everything_and_end_with_the_content() {
        let mut offset = 0;
        for _ in 0..8 {
            let range = SHAPE.patch(Way::Chunks, offset);
            assert_eq!((range.start, range.end - range.start), (offset, CHUNK));
            offset = range.end;
        }
        assert_eq!(offset, SHAPE.size);
        assert!(SHAPE.patch(Way::Chunks, offset).is_empty());
        assert_eq!(SHAPE.patch(Way::OnePatch, 5), 5..SHAPE.size);
    }

    #[test]
    fn parts_cover_everything() {
        let parts = Shape { size: 1003 }.parts();
        assert_eq!(parts, [0..250, 250..500, 500..750, 750..1003]);
    }

    #[test]
    fn the_places_of_trouble_are_where_they_are_said_to_be() {
        for (moment, percent) in [(Moment::Tenth, 10), (Moment::Half, 50)] {
            let place = SHAPE.place(moment).expect("it is a place");
            assert_eq!(place * 100 / SHAPE.size, percent);
        }
        assert_eq!(SHAPE.place(Moment::End), Some(SHAPE.size - 1));
        assert_eq!(SHAPE.place(Moment::Post), None);
    }
}

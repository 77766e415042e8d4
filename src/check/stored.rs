//! The bytes as the next start will have them: those that the journal carries override those in the files.

use std::collections::HashMap;
use std::ops::Range;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::store::embedded::Carried;
use crate::store::{ByteStream, Payloads, Source, StoreError};
use crate::time::Timestamp;
use crate::upload::UploadId;

/// The stored bytes, and those that the journal carries for them.
pub(crate) struct Stored<'a> {
    payloads: &'a dyn Payloads,
    carried: HashMap<UploadId, Carried>,
}

impl<'a> Stored<'a> {
    pub(crate) fn new(payloads: &'a dyn Payloads, carried: Vec<Carried>) -> Self {
        let carried = carried.into_iter().map(|carried| (carried.id, carried)).collect();
        Self { payloads, carried }
    }

    pub(super) async fn parts(&self) -> Result<Vec<UploadId>, StoreError> {
        self.payloads.parts(Timestamp::from_millis(u64::MAX), None, usize::MAX).await
    }

    /// Whether the journal carries bytes of this upload.
    pub(super) fn is_carried(&self, id: UploadId) -> bool {
        self.carried.get(&id).is_some_and(|carried| !carried.pieces.is_empty())
    }

    /// Reads a range of the source, as it will be after the next start.
    pub(crate) async fn read(&self, source: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let (Source::Part(id) | Source::Placed(_, id)) = source;
        let Some(carried) = self.carried.get(id) else { return self.payloads.read(source, range).await };
        let source = match source {
            // The move of the file was undone, and will be done again.
            Source::Placed(..) if self.payloads.read(source, 0..0).await.is_err() => Source::Part(*id),
            source => source.clone(),
        };
        if range.is_empty() && carried.pieces.is_empty() {
            return self.payloads.read(&source, range).await;
        }
        let mut streams: Vec<ByteStream> = Vec::new();
        for segment in segments(carried, range) {
            streams.push(match segment {
                Segment::Carried(bytes) => stream::iter([Ok(bytes)]).boxed(),
                Segment::Stored(range) => self.payloads.read(&source, range).await?,
            });
        }
        Ok(stream::iter(streams.into_iter().map(Ok::<_, StoreError>)).try_flatten().boxed())
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Carried(bytes::Bytes),
    Stored(Range<u64>),
}

/// The range, cut into segments that the journal carries and segments that are stored.
fn segments(carried: &Carried, range: Range<u64>) -> Vec<Segment> {
    let (mut segments, mut at) = (Vec::new(), range.start);
    for (offset, bytes) in &carried.pieces {
        let end = offset + u64::try_from(bytes.len()).expect("a length fits");
        if end <= at || *offset >= range.end {
            continue;
        }
        if *offset > at {
            segments.push(Segment::Stored(at..*offset));
            at = *offset;
        }
        let within = |at: u64| usize::try_from(at - offset).expect("within a piece");
        segments.push(Segment::Carried(bytes.slice(within(at)..within(end.min(range.end)))));
        at = end.min(range.end);
    }
    if at < range.end {
        segments.push(Segment::Stored(at..range.end));
    }
    segments
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_range_is_cut_where_bytes_are_carried() {
        let pieces = vec![
            (4, Bytes::from_static(b"efg")),
            (7, Bytes::from_static(b"h")),
            (10, Bytes::from_static(b"kl")),
        ];
        let carried = Carried { id: UploadId::from_bytes([1; 16]), pieces, place: None };
        let text = b"abcdefghijklmn";
        let index = |at: u64| usize::try_from(at).expect("small");
        for start in 0..14 {
            for end in start..14 {
                let (mut read, range) = (Vec::new(), start..end);
                for segment in segments(&carried, range) {
                    match segment {
                        Segment::Carried(bytes) => read.extend(bytes),
                        Segment::Stored(range) => {
                            assert!(!range.is_empty());
                            assert!(
                                range.clone().all(|at| !matches!(at, 4..8 | 10..12)),
                                "{range:?} is carried"
                            );
                            read.extend(&text[index(range.start)..index(range.end)]);
                        }
                    }
                }
                assert_eq!(read, text[index(start)..index(end)]);
            }
        }
    }
}

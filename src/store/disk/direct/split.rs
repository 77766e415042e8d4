//! Which bytes of a piece are whole blocks, in memory as in the file.

use bytes::Bytes;

use crate::store::buffer::{BLOCK, behind_block};

/// The fewest bytes for which a write past the page cache is worth its wait for the disk.
const FEWEST: usize = 64 * 1024;

/// A piece in three: whole blocks, and what comes before and after them. The blocks that its ends share with
/// other pieces are written through the page cache, and no others of them: a block that is written past the
/// cache is never in it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store::disk) struct Split {
    pub(in crate::store::disk) head: Bytes,
    pub(in crate::store::disk) blocks: Bytes,
    pub(in crate::store::disk) tail: Bytes,
}

/// Splits the bytes for this offset; `None` if there are few whole blocks, or if they lie in memory otherwise
/// than in the file.
pub(in crate::store::disk) fn split(bytes: &Bytes, offset: u64) -> Option<Split> {
    let behind = behind_block(offset);
    if bytes.as_ptr().addr() % BLOCK != behind {
        return None;
    }
    let head = (BLOCK - behind) % BLOCK;
    let whole = bytes.len().checked_sub(head)? / BLOCK * BLOCK;
    (whole >= FEWEST).then(|| Split {
        head: bytes.slice(..head),
        blocks: bytes.slice(head..head + whole),
        tail: bytes.slice(head + whole..),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::store::buffer::{BUFFER_BYTES, Buffers};

    fn bytes_at(offset: u64, length: usize) -> Bytes {
        let mut buffer = Arc::new(Buffers::new(1)).take(offset).expect("free");
        buffer.fill(
            &mut (0..length).map(|at| u8::try_from(at % 251).expect("small")).collect::<Vec<_>>().into(),
        );
        buffer.freeze()
    }

    fn check(offset: u64, length: usize) {
        let bytes = bytes_at(offset, length);
        let Some(Split { head, blocks, tail }) = split(&bytes, offset) else {
            assert!(length < FEWEST + 2 * BLOCK, "{length} bytes at {offset} have many blocks");
            return;
        };
        assert_eq!([&head[..], &blocks, &tail].concat(), bytes, "in order, and all");
        assert!(head.len() < BLOCK && tail.len() < BLOCK && blocks.len() >= FEWEST);
        assert_eq!(behind_block(offset + head.len() as u64), 0);
        assert_eq!((blocks.len() % BLOCK, blocks.as_ptr().addr() % BLOCK), (0, 0));
    }

    /// Every place in a block, and every length around where the last block ends.
    #[test]
    fn whole_blocks_are_found_at_each_offset_in_a_block() {
        let near = |at: usize| [at - 1, at, at + 1];
        for behind in [0, 1, 2, 511, 512, 513, 2047, BLOCK - 2, BLOCK - 1] {
            let ends = [FEWEST, FEWEST + BLOCK - behind, FEWEST + BLOCK, FEWEST + 2 * BLOCK - behind];
            for length in ends.into_iter().flat_map(near) {
                check((BLOCK * 7 + behind) as u64, length);
            }
        }
    }

    proptest! {
        #[test]
        fn a_piece_is_split_into_whole_blocks_and_less_than_one_at_each_end(
            offset in 0u64..1 << 42, length in 0..BUFFER_BYTES - BLOCK
        ) {
            check(offset, length);
        }

        #[test]
        fn bytes_that_lie_otherwise_than_in_the_file_are_not_split(
            offset in 0u64..1 << 42, other in 1u64..BLOCK as u64, length in FEWEST..2 * FEWEST
        ) {
            prop_assert_eq!(split(&bytes_at(offset, length), offset + other), None);
        }
    }
}

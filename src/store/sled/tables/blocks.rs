//! An upload's bytes as rows of 4 KiB. A leaf of sled holds several rows, and one that is too large ends in a
//! file that sled never syncs.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use sled::IVec;

use super::super::engine::layered::Rows;
use super::super::engine::view::View;
use super::keys;
use crate::store::StoreError;
use crate::upload::UploadId;

const BLOCK_BYTES: usize = 4096;
const BLOCK: u64 = 4096;

/// The number of bytes, as the last block says.
pub(crate) fn length(rows: &impl Rows, id: UploadId) -> Result<u64, StoreError> {
    let Some((key, block)) = rows.last(&keys::blocks(id))? else { return Ok(0) };
    let number = keys::number_at_end(&key).ok_or_else(|| damaged(id))?;
    Ok(number * BLOCK + size(&block))
}

/// Whether the upload has bytes that were not placed.
pub(crate) fn is_part(rows: &impl Rows, id: UploadId) -> Result<bool, StoreError> {
    Ok(rows.get(&keys::part(id))?.is_some())
}

/// Appends at an offset. Bytes beyond it in its block are replaced.
///
/// # Errors
/// [`StoreError::Damaged`] if the byte before the offset is missing.
pub(crate) fn write(
    view: &mut View<'_>,
    id: UploadId,
    offset: u64,
    data: &[Bytes],
) -> Result<(), StoreError> {
    let mut number = offset / BLOCK;
    let mut block = before(view, id, offset)?;
    for bytes in data {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (fits, later) = rest.split_at(rest.len().min(BLOCK_BYTES - block.len()));
            block.extend_from_slice(fits);
            rest = later;
            if block.len() == BLOCK_BYTES {
                view.put(keys::block(id, number), block.as_slice())?;
                number += 1;
                block.clear();
            }
        }
    }
    if !block.is_empty() {
        view.put(keys::block(id, number), block)?;
    }
    view.mark(keys::part(id), true)
}

/// The bytes of an offset's block that are before the offset.
fn before(view: &View<'_>, id: UploadId, offset: u64) -> Result<Vec<u8>, StoreError> {
    let Some(last) = offset.checked_sub(1) else { return Ok(Vec::new()) };
    let block = view.get(&keys::block(id, last / BLOCK))?.ok_or_else(|| damaged(id))?;
    let kept = block.get(..=in_block(last)).ok_or_else(|| damaged(id))?;
    Ok(if kept.len() == BLOCK_BYTES { Vec::new() } else { kept.to_vec() })
}

/// Cuts off bytes beyond a length, from the end, at most `limit` blocks of them; answers whether there are
/// more.
pub(crate) fn cut(view: &mut View<'_>, id: UploadId, length: u64, limit: usize) -> Result<bool, StoreError> {
    for _ in 0..limit {
        let Some((key, block)) = view.last(&keys::blocks(id))? else { return Ok(false) };
        let start = keys::number_at_end(&key).ok_or_else(|| damaged(id))? * BLOCK;
        if start + size(&block) <= length {
            return Ok(false);
        }
        if start < length {
            let kept = &block[..=in_block(length - 1)];
            view.put(key, kept)?;
            return Ok(false);
        }
        view.delete(key);
    }
    Ok(true)
}

/// Frees the blocks of a part, at most `limit` of them; answers whether there are more. A kill in between
/// leaves a part that is still listed as one.
pub(crate) fn free(view: &mut View<'_>, id: UploadId, limit: usize) -> Result<bool, StoreError> {
    if !is_part(view, id)? {
        return Ok(false);
    }
    let blocks = view.keys(&keys::blocks(id), limit)?;
    let are_more = blocks.len() == limit;
    blocks.into_iter().for_each(|key| view.delete(key));
    if !are_more {
        view.mark(keys::part(id), false)?;
    }
    Ok(are_more)
}

/// Marks a part of exactly this length as placed. The bytes stay where they are.
pub(crate) fn place(view: &mut View<'_>, id: UploadId, length: u64) -> Result<(), StoreError> {
    let found = self::length(view, id)?;
    if found != length {
        return Err(StoreError::Damaged(format!("upload {id} has {found} of {length} bytes")));
    }
    view.mark(keys::part(id), false)
}

/// The bytes of a range.
pub(crate) fn read(rows: &impl Rows, id: UploadId, range: Range<u64>) -> Result<Bytes, StoreError> {
    let mut found = BytesMut::new();
    let mut at = range.start;
    while at < range.end {
        let number = at / BLOCK;
        let block = rows.get(&keys::block(id, number))?.ok_or_else(|| damaged(id))?;
        let end = range.end.min((number + 1) * BLOCK);
        let bytes = block.get(in_block(at)..=in_block(end - 1)).ok_or_else(|| damaged(id))?;
        found.extend_from_slice(bytes);
        at = end;
    }
    Ok(found.freeze())
}

fn in_block(offset: u64) -> usize {
    usize::try_from(offset % BLOCK).expect("less than a block")
}

fn size(block: &IVec) -> u64 {
    u64::try_from(block.len()).expect("a row is small")
}

fn damaged(id: UploadId) -> StoreError {
    StoreError::Damaged(format!("upload {id} has fewer bytes than its record says"))
}

//! The sectors of the disk that a file lies on.
//!
//! A disk writes whole sectors. One that says 512 bytes to the outside may have 4,096 within: for 512 bytes
//! it reads a sector, changes it and writes it again, and a power cut in the middle may cost what else was in
//! there. So no sector has the bytes of two records that are synced one after the other. What is assumed of a
//! disk is that it leaves alone the sectors that it was not told to write.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{major, minor};

/// No disk has smaller ones.
pub(super) const SMALLEST: u32 = 512;
/// What is taken for a disk that does not tell, such as that of a network file system, and for one with still
/// larger ones: more than the page cache has at once would be of no use.
const LARGEST: u32 = 4096;

/// How large the sectors are that this file lies in.
pub(super) fn of(file: &File) -> u32 {
    let told = file.metadata().ok().and_then(|metadata| told_of(metadata.dev()));
    told.unwrap_or(LARGEST).clamp(SMALLEST, LARGEST)
}

/// What the kernel says of a disk; a partition's own folder says nothing of it, but the one above does.
fn told_of(device: u64) -> Option<u32> {
    let folder = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).ok()?.trim().parse().ok();
    let told: u32 = read("queue/physical_block_size").or_else(|| read("../queue/physical_block_size"))?;
    told.is_power_of_two().then_some(told)
}

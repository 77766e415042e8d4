//! The sectors of the disk that a file lies on.
//!
//! A disk writes whole sectors. One that reports 512 bytes may have 4,096 inside: for 512 bytes it reads a
//! sector, changes it and writes it again, and a power cut in the middle may cost the other bytes in it. So
//! no sector has bytes of two records that are synced one after the other. The assumption about a disk is
//! that it leaves alone the sectors that it was not told to write.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

use rustix::fs::{major, minor};

/// The smallest sector of any disk.
pub(super) const SMALLEST: u32 = 512;
/// The sector size taken for a disk that reports none, such as that of a network file system, and for one
/// with still larger sectors: more than a page of the cache would be of no use.
const LARGEST: u32 = 4096;

/// The size of the sectors that this file lies in.
pub(super) fn of(file: &File) -> u32 {
    let told = file.metadata().ok().and_then(|metadata| told_of(metadata.dev()));
    told.unwrap_or(LARGEST).clamp(SMALLEST, LARGEST)
}

/// The sector size that the kernel reports for a disk. A partition's own folder does not have it, but the one
/// above does.
fn told_of(device: u64) -> Option<u32> {
    let folder = format!("/sys/dev/block/{}:{}", major(device), minor(device));
    let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).ok()?.trim().parse().ok();
    let told: u32 = read("queue/physical_block_size").or_else(|| read("../queue/physical_block_size"))?;
    told.is_power_of_two().then_some(told)
}

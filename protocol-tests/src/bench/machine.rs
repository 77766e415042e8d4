use std::fs;
use std::path::Path;
use std::thread::available_parallelism;

use rustix::process::{Resource, getrlimit};
use sha2::{Digest, Sha256};

use tus_lab::load::cpu_secs_of_this_process;

/// How much is hashed to measure the cost of SHA-256.
const HASHED_MIB: u32 = 512;
const MIB_PER_GIB: f64 = 1024.0;

/// The machine in one line: processors, memory, kernel, file system of the folder.
pub(super) fn description(folder: &Path) -> String {
    let processor = value("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    let count = cores();
    let kib = value("/proc/meminfo", "MemTotal");
    let kib = kib.and_then(|text| text.trim_end_matches(" kB").parse::<f64>().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{count} × {processor}, {:.0} GiB of memory, Linux {}, {}",
        kib / 1024.0 / 1024.0,
        kernel.trim(),
        file_system(folder).unwrap_or_else(|| "unknown file system".to_owned())
    )
}

/// How many bytes have passed the loopback device so far.
pub(super) fn loopback_bytes() -> u64 {
    let devices = fs::read_to_string("/proc/net/dev").unwrap_or_default();
    let counts = devices.lines().find_map(|line| line.trim().strip_prefix("lo:"));
    counts.and_then(|counts| counts.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// How many processors there are.
pub(super) fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
}

/// The cost of bare SHA-256, in CPU seconds for a GiB.
pub(super) fn sha256_secs_per_gib() -> f64 {
    let piece = vec![7; 1 << 20];
    let before = cpu_secs_of_this_process();
    let mut sha256 = Sha256::new();
    (0..HASHED_MIB).for_each(|_| sha256.update(&piece));
    std::hint::black_box(sha256.finalize());
    (cpu_secs_of_this_process() - before) * MIB_PER_GIB / f64::from(HASHED_MIB)
}

/// How many files a process may have open.
pub(super) fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn value(path: &str, key: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(key))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// The file system type of the folder's mount: the one whose mount point is the longest prefix of the path.
fn file_system(folder: &Path) -> Option<String> {
    let folder = folder.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/mounts").ok()?;
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()?.to_owned()))
    });
    let holding = mounts.filter(|(place, _)| folder.starts_with(place));
    holding.max_by_key(|(place, _)| place.len()).map(|(_, kind)| kind)
}

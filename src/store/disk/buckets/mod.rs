//! The small folders of part files, which come and go.
//!
//! A folder of ext4 keeps, for good, the blocks for the most entries that it ever had, and a creation writes
//! the one that the hash of the name selects. In one flat folder every later creation would cost more once
//! many uploads were under way. So a part lies in a folder, its *bucket*, which its id names. Uploads of the
//! same minute lie together, and their bucket goes when they are gone.
//!
//! ```text
//! parts/0192f3a4/0192f3a4…                           an id that begins with a time: its first 8 digits, 65.5 s
//! parts/x7c/7c…                                      an id without a time, as of a final upload: its first 2
//!
//! left behind by a kill                              what the next start does
//! a bucket that nothing was created in yet           removes it
//! a part of the former layout, in `parts/` itself    moves it
//! ```
//! A bucket is not removed with its last part, because the next may come at once, but a while later. A bucket
//! with parts is never removed: the kernel refuses that. A creation that does not find its bucket makes it,
//! and tries again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::upload::UploadId;

/// How long a bucket may stay empty. In this time it is made, or removed, at most once.
const ROUND: Duration = Duration::from_secs(64);
/// The most buckets that are removed along with the change of one part.
const REMOVED_AT_ONCE: usize = 8;
/// How often a creation is tried, should its bucket be removed as often as it is made.
const ATTEMPTS: usize = 16;

/// The folder that a part's id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bucket {
    /// The first four of the six bytes of the id's time in milliseconds.
    Time(u32),
    /// The first byte of an id without a time: one of few buckets, so that each holds several parts.
    Share(u8),
}

impl Bucket {
    pub(super) fn of(id: UploadId) -> Self {
        let [a, b, c, d, ..] = *id.as_bytes();
        if id.begins_with_time() { Self::Time(u32::from_be_bytes([a, b, c, d])) } else { Self::Share(a) }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) => write!(f, "{time:08x}"),
            Self::Share(byte) => write!(f, "x{byte:02x}"),
        }
    }
}

/// The name is not that of a bucket.
#[derive(Debug)]
pub(super) struct NoBucket;

impl FromStr for Bucket {
    type Err = NoBucket;

    fn from_str(name: &str) -> Result<Self, NoBucket> {
        let bucket = match name.strip_prefix('x') {
            Some(byte) => u8::from_str_radix(byte, 16).map(Self::Share),
            None => u32::from_str_radix(name, 16).map(Self::Time),
        };
        // A bucket has one name only: without a sign, and in lower case.
        bucket.ok().filter(|bucket| bucket.to_string() == name).ok_or(NoBucket)
    }
}

/// The buckets below `parts/`.
#[derive(Debug)]
pub(super) struct Buckets {
    parts: PathBuf,
    round: Duration,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// Buckets that may have become empty since the round began.
    left: BTreeSet<Bucket>,
    round_began: Instant,
    /// Buckets that may have become empty in a former round, and were not looked at since.
    due: Vec<Bucket>,
    /// Buckets whose names in `parts/` are not durable yet, and how many had been made when each was.
    undurable: BTreeMap<Bucket, u64>,
    made: u64,
}

impl Buckets {
    pub(super) fn new(parts: PathBuf) -> Self {
        Self::with_round(parts, ROUND)
    }

    pub(super) fn with_round(parts: PathBuf, round: Duration) -> Self {
        let known = Known {
            left: BTreeSet::new(),
            round_began: Instant::now(),
            due: Vec::new(),
            undurable: BTreeMap::new(),
            made: 0,
        };
        Self { parts, round, known: Mutex::new(known) }
    }

    /// The folder of the buckets.
    pub(super) fn parts(&self) -> &Path {
        &self.parts
    }

    pub(super) fn folder(&self, bucket: Bucket) -> PathBuf {
        self.parts.join(bucket.to_string())
    }

    /// The path of an upload's part.
    pub(super) fn part(&self, id: UploadId) -> PathBuf {
        self.folder(Bucket::of(id)).join(id.to_string())
    }

    /// The path of an upload's part in the former layout.
    pub(super) fn former_part(&self, id: UploadId) -> PathBuf {
        self.parts.join(id.to_string())
    }

    /// Creates something in the bucket of an upload, and makes the bucket if it does not exist.
    ///
    /// # Errors
    /// The errors of `create`, and of making the bucket.
    pub(super) fn create<T>(&self, id: UploadId, create: impl Fn() -> io::Result<T>) -> io::Result<T> {
        let bucket = Bucket::of(id);
        for _ in 1..ATTEMPTS {
            match create() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => self.make(bucket)?,
                outcome => return outcome,
            }
        }
        create()
    }

    fn make(&self, bucket: Bucket) -> io::Result<()> {
        let mut known = self.known();
        match fs::create_dir(self.folder(bucket)) {
            Ok(()) => {
                known.made += 1;
                let made = known.made;
                known.undurable.insert(bucket, made);
                // In case nothing is created in it after all.
                known.left.insert(bucket);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Notes that a file was moved out of a bucket, or deleted; removes some buckets that became empty
    /// before.
    pub(super) fn left(&self, bucket: Bucket) {
        let mut known = self.known();
        if known.round_began.elapsed() >= self.round {
            let left = std::mem::take(&mut known.left);
            known.due.extend(left);
            known.round_began = Instant::now();
        }
        known.left.insert(bucket);
        for _ in 0..REMOVED_AT_ONCE {
            let Some(due) = known.due.pop() else { break };
            // A bucket with parts stays, and is looked at again after one of them left.
            if fs::remove_dir(self.folder(due)).is_ok() {
                known.undurable.remove(&due);
            }
        }
    }

    /// Makes the name of a bucket durable, if it is not yet: `sync` syncs the folder of the buckets.
    ///
    /// # Errors
    /// The errors of `sync`.
    pub(super) fn make_durable(
        &self,
        bucket: Bucket,
        sync: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(made) = self.known().undurable.get(&bucket).copied() else { return Ok(()) };
        sync(&self.parts)?;
        let mut known = self.known();
        // Only if the bucket was not removed and made again meanwhile.
        if known.undurable.get(&bucket) == Some(&made) {
            known.undurable.remove(&bucket);
        }
        Ok(())
    }

    /// Uploads that have parts, in the order of their buckets, after `after`, at most `limit`; in the former
    /// layout as well. A file is foreign, and does not count, if it is not named like a part or not in its
    /// place.
    pub(super) fn page(&self, after: Option<UploadId>, limit: usize) -> io::Result<Vec<UploadId>> {
        let place = |id: UploadId| (Bucket::of(id), id);
        let after = after.map(place);
        let former = self.former()?;
        let mut buckets: BTreeSet<_> = self.buckets()?.into_iter().collect();
        buckets.extend(former.iter().map(|id| Bucket::of(*id)));
        let mut page = Vec::new();
        for bucket in buckets.into_iter().filter(|bucket| after.is_none_or(|(first, _)| *bucket >= first)) {
            let mut ids = self.ids_in(bucket)?;
            ids.extend(former.iter().filter(|id| Bucket::of(**id) == bucket));
            ids.sort_unstable();
            page.extend(ids.into_iter().filter(|id| after.is_none_or(|after| place(*id) > after)));
            if page.len() >= limit {
                break;
            }
        }
        page.truncate(limit);
        Ok(page)
    }

    fn ids_in(&self, bucket: Bucket) -> io::Result<Vec<UploadId>> {
        let entries = match fs::read_dir(self.folder(bucket)) {
            // The bucket was removed meanwhile, or is a foreign file.
            Err(error) if is_no_folder(&error) => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut ids = Vec::new();
        for entry in entries {
            ids.extend(id_of(&entry?).filter(|id| Bucket::of(*id) == bucket));
        }
        Ok(ids)
    }

    /// The names below `parts/` that are foreign, sorted; an empty bucket is not foreign.
    pub(super) fn foreign(&self) -> io::Result<Vec<String>> {
        let former: BTreeSet<_> = self.former()?.iter().map(ToString::to_string).collect();
        let mut foreign: Vec<_> =
            names_in(&self.parts)?.into_iter().filter(|name| !former.contains(name)).collect();
        for bucket in self.buckets()? {
            let Ok(names) = names_in(&self.folder(bucket)) else { continue };
            let bucket_name = bucket.to_string();
            foreign.retain(|name| *name != bucket_name);
            let is_ours = |name: &str| name.parse().is_ok_and(|id| Bucket::of(id) == bucket);
            let others = names.into_iter().filter(|name| !is_ours(name));
            foreign.extend(others.map(|name| format!("{bucket_name}/{name}")));
        }
        foreign.sort();
        Ok(foreign)
    }

    /// Moves the parts of the former layout, and removes empty buckets; answers whether there were such
    /// parts.
    pub(super) fn tidy(&self) -> io::Result<bool> {
        let former = self.former()?;
        for id in &former {
            let part = self.part(*id);
            // A part is never moved over another file.
            if !part.exists() {
                self.create(*id, || fs::rename(self.former_part(*id), &part))?;
            }
        }
        for bucket in self.buckets()? {
            _ = fs::remove_dir(self.folder(bucket));
        }
        Ok(!former.is_empty())
    }

    /// The parts in no bucket, as in the former layout.
    fn former(&self) -> io::Result<Vec<UploadId>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.parts)? {
            let entry = entry?;
            if let Some(id) = id_of(&entry)
                && entry.file_type()?.is_file()
            {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn buckets(&self) -> io::Result<Vec<Bucket>> {
        let mut buckets = Vec::new();
        for entry in fs::read_dir(&self.parts)? {
            buckets.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Bucket>().ok()));
        }
        Ok(buckets)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn id_of(entry: &fs::DirEntry) -> Option<UploadId> {
    entry.file_name().to_str()?.parse().ok()
}

fn is_no_folder(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(test)]
mod tests;

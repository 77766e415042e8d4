//! The small folders of part files, which come and go.
//!
//! A folder of ext4 has blocks for the most entries that it ever had, for good, and a creation writes one of them
//! wherever the hash of a name leads: one flat folder makes every later creation dearer once many uploads were under
//! way. So a part lies in a folder, its *bucket*, that its id names. Uploads of the same minute lie together, and
//! their bucket goes when they are gone.
//!
//! ```text
//! parts/0192f3a4/0192f3a4…                           an id that begins with a time: 65.5 s, its first 8 digits
//! parts/x7c/7c…                                      one that does not, as of a final upload: its first two
//!
//! left behind by a kill                              what the next start does
//! a bucket that nothing was created in yet           removes it
//! a part of the former layout, in `parts/` itself    moves it
//! ```
//! A bucket is not removed with its last part, because the next may come at once, but a while later, and never while
//! it has parts: the kernel sees to that. A creation that does not find its bucket makes it, and tries again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::upload::UploadId;

/// How long a bucket may stay empty. In this time it is made, or removed, once at most.
const ROUND: Duration = Duration::from_secs(64);
/// At most this many buckets are removed along with the change of one part.
const REMOVED_AT_ONCE: usize = 8;
/// A bucket that is removed as often as it is made is no reason to try for ever.
const ATTEMPTS: usize = 16;

/// The folder that a part's id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bucket {
    /// The first four of the six bytes that are the time in milliseconds.
    Time(u32),
    /// The first byte of an id that is no time: one of few buckets, so that each holds several parts.
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
        // In one way only: neither signs nor capitals.
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
    /// Buckets that may have been left empty since the round began.
    left: BTreeSet<Bucket>,
    round_began: Instant,
    /// Buckets that were left in a former round and not looked at since.
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

    /// The folder that the buckets are in.
    pub(super) fn parts(&self) -> &Path {
        &self.parts
    }

    pub(super) fn folder(&self, bucket: Bucket) -> PathBuf {
        self.parts.join(bucket.to_string())
    }

    /// Where the part of an upload is.
    pub(super) fn part(&self, id: UploadId) -> PathBuf {
        self.folder(Bucket::of(id)).join(id.to_string())
    }

    /// Where the former layout has it.
    pub(super) fn former_part(&self, id: UploadId) -> PathBuf {
        self.parts.join(id.to_string())
    }

    /// Creates something in the bucket of an upload, which is made if it is not there.
    ///
    /// # Errors
    /// What `create` answers.
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
                // Should nothing be created in it after all.
                known.left.insert(bucket);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Says that something was moved out of a bucket, or deleted; removes some that were left empty before.
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
            // One that has parts stays, and is looked at again after one of them left.
            if fs::remove_dir(self.folder(due)).is_ok() {
                known.undurable.remove(&due);
            }
        }
    }

    /// Makes the name of a bucket durable with `sync`, which syncs the folder that they are in, unless it is.
    ///
    /// # Errors
    /// Those of `sync`.
    pub(super) fn make_durable(
        &self,
        bucket: Bucket,
        sync: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(made) = self.known().undurable.get(&bucket).copied() else { return Ok(()) };
        sync(&self.parts)?;
        let mut known = self.known();
        // Unless it was removed and made again meanwhile.
        if known.undurable.get(&bucket) == Some(&made) {
            known.undurable.remove(&bucket);
        }
        Ok(())
    }

    /// The uploads that have parts. What is not named like a part, or not where it belongs, is not ours; parts of the
    /// former layout count.
    pub(super) fn list(&self) -> io::Result<Vec<UploadId>> {
        let mut ids = self.former()?;
        for bucket in self.buckets()? {
            let entries = match fs::read_dir(self.folder(bucket)) {
                // Removed meanwhile, or somebody's file.
                Err(error) if is_no_folder(&error) => continue,
                entries => entries?,
            };
            for entry in entries {
                ids.extend(id_of(&entry?).filter(|id| Bucket::of(*id) == bucket));
            }
        }
        Ok(ids)
    }

    /// What is below `parts/` and is no part of ours, sorted; an empty bucket is ours.
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

    /// Moves the parts of the former layout, and removes buckets without parts; answers whether anything was moved.
    pub(super) fn tidy(&self) -> io::Result<bool> {
        let former = self.former()?;
        for id in &former {
            let part = self.part(*id);
            // Never over another file.
            if !part.exists() {
                self.create(*id, || fs::rename(self.former_part(*id), &part))?;
            }
        }
        for bucket in self.buckets()? {
            _ = fs::remove_dir(self.folder(bucket));
        }
        Ok(!former.is_empty())
    }

    /// Parts that are in no bucket.
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

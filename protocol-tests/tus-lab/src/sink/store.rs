use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::{FallocateFlags, Mode, OFlags, fallocate};
use sha2::{Digest, Sha256};

use super::direct::{Target, fits};
use super::keeping::Keeping;

/// The state of an upload, which does not survive the process.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) id: u64,
    pub(super) length: u64,
    pub(super) offset: AtomicU64,
}

/// The store: files named by numbers.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    keeping: Keeping,
    uploads: Mutex<HashMap<u64, Arc<Upload>>>,
    next: AtomicU64,
}

impl Store {
    pub(super) fn new(folder: PathBuf, keeping: Keeping) -> Self {
        Self { folder, keeping, uploads: Mutex::default(), next: AtomicU64::new(1) }
    }

    pub(super) fn create(&self, length: u64) -> io::Result<Arc<Upload>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        if self.keeping != Keeping::Discard {
            File::create_new(self.path(id))?;
        }
        let upload = Arc::new(Upload { id, length, offset: AtomicU64::new(0) });
        self.uploads().insert(id, Arc::clone(&upload));
        Ok(upload)
    }

    /// Joins uploads; the kernel copies their bytes.
    pub(super) fn join(&self, parts: &[Arc<Upload>]) -> io::Result<Arc<Upload>> {
        let whole = self.create(parts.iter().map(|part| part.length).sum())?;
        if let Some(mut to) = self.file(&whole)? {
            for part in parts {
                io::copy(&mut File::open(self.path(part.id))?, &mut to)?;
            }
        }
        whole.offset.store(whole.length, Ordering::Release);
        Ok(whole)
    }

    pub(super) fn find(&self, id: Option<u64>) -> Option<Arc<Upload>> {
        self.uploads().get(&id?).cloned()
    }

    pub(super) fn remove(&self, id: u64) {
        self.uploads().remove(&id);
        _ = fs::remove_file(self.path(id));
    }

    /// The file of the upload's bytes, if they are kept.
    pub(super) fn file(&self, upload: &Upload) -> io::Result<Option<File>> {
        if self.keeping == Keeping::Discard {
            return Ok(None);
        }
        OpenOptions::new().write(true).open(self.path(upload.id)).map(Some)
    }

    /// The file that a body of this length goes into past the page cache, where it does. The room of the
    /// whole upload is reserved with its first byte.
    pub(super) fn direct(&self, upload: &Upload, length: u64) -> io::Result<Option<Target>> {
        let offset = upload.offset.load(Ordering::Acquire);
        if !self.keeping.is_direct() || !fits(offset, length) {
            return Ok(None);
        }
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(self.path(upload.id), flags, Mode::empty())?);
        if offset == 0 {
            fallocate(&file, FallocateFlags::KEEP_SIZE, 0, upload.length)?;
        }
        let digests = self.keeping == Keeping::DirectSha256;
        let digest = digests.then(|| Arc::new(Mutex::new(Sha256::new())));
        Ok(Some(Target { file: Arc::new(file), digest }))
    }

    pub(super) fn append(upload: &Upload, file: Option<&File>, bytes: &[u8]) -> io::Result<()> {
        let offset = upload.offset.load(Ordering::Acquire);
        if let Some(file) = file {
            file.write_all_at(bytes, offset)?;
        }
        upload.offset.store(offset + bytes.len() as u64, Ordering::Release);
        Ok(())
    }

    pub(super) async fn sync(&self, file: Option<Arc<File>>) -> io::Result<()> {
        match file {
            Some(file) if self.keeping.syncs() => {
                let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
                synced.expect("syncing does not panic")
            }
            _ => Ok(()),
        }
    }

    fn path(&self, id: u64) -> PathBuf {
        self.folder.join(id.to_string())
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<u64, Arc<Upload>>> {
        self.uploads.lock().expect("nobody panics while holding it")
    }
}

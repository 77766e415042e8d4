use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use hyper::StatusCode;

use super::Wrong;
use super::answer::Answer;

/// How long an upload lives without a new byte: longer than a loaded machine stalls, and short enough for a
/// case that waits for the end.
const LIFE: Duration = Duration::from_secs(6);

/// The uploads, and the server's faults.
pub(super) struct Store {
    wrongs: Vec<Wrong>,
    uploads: Mutex<BTreeMap<String, Upload>>,
}

#[derive(Default)]
pub(super) struct Upload {
    pub(super) bytes: Vec<u8>,
    pub(super) length: Option<u64>,
    pub(super) metadata: Option<String>,
    /// The value of `Upload-Concat`, as it was sent.
    pub(super) concat: Option<String>,
    /// The ids of the partials that a final upload still waits for.
    pub(super) parts: Vec<String>,
    /// The epoch grows with each PATCH and DELETE: a request that sees it grow was displaced.
    pub(super) epoch: u64,
    pub(super) touched: Option<SystemTime>,
}

impl Upload {
    pub(super) fn offset(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn is_complete(&self) -> bool {
        self.parts.is_empty() && self.length == Some(self.offset())
    }

    pub(super) fn is_final(&self) -> bool {
        self.concat.as_ref().is_some_and(|concat| concat.starts_with("final"))
    }

    /// When the upload expires.
    pub(super) fn expires(&self) -> Option<SystemTime> {
        let touched = self.touched.filter(|_| !self.is_complete() && !self.is_final());
        touched.map(|touched| touched + LIFE)
    }

    /// Displaces the writing request, as [`Store::claim`] does, while the caller holds the lock.
    pub(super) fn claim(&mut self) -> u64 {
        self.epoch += 1;
        self.touch();
        self.epoch
    }

    fn touch(&mut self) {
        self.touched = Some(SystemTime::now());
    }
}

impl Store {
    pub(super) fn new(wrongs: &[Wrong]) -> Self {
        Self { wrongs: wrongs.to_vec(), uploads: Mutex::default() }
    }

    pub(super) fn does(&self, wrong: Wrong) -> bool {
        self.wrongs.contains(&wrong)
    }

    pub(super) fn add(&self, mut upload: Upload) -> String {
        upload.touch();
        let mut uploads = self.held();
        let number = uploads.last_key_value().and_then(|(id, _)| id.strip_prefix('u')?.parse::<u32>().ok());
        let id = format!("u{:06}", number.unwrap_or_default() + 1);
        uploads.insert(id.clone(), upload);
        id
    }

    pub(super) fn remove(&self, id: &str) -> Option<Upload> {
        self.held().remove(id)
    }

    /// Runs `act` on an upload, with its partials joined if they are complete.
    pub(super) fn on<T>(&self, id: &str, act: impl FnOnce(&mut Upload) -> T) -> Result<T, Answer> {
        let mut uploads = self.held();
        join(&mut uploads, id);
        let upload = uploads.get_mut(id).ok_or_else(|| Answer::of(StatusCode::NOT_FOUND))?;
        if upload.expires().is_some_and(|at| at < SystemTime::now()) {
            return Err(Answer::of(StatusCode::GONE));
        }
        Ok(act(upload))
    }

    /// The length of a final upload; none unless the lengths of all its partials are known.
    pub(super) fn joint_length(&self, parts: &[String]) -> Option<u64> {
        let uploads = self.held();
        parts.iter().map(|part| uploads.get(part).and_then(|part| part.length)).sum()
    }

    /// Displaces the writing request, and returns the claim of the new one.
    pub(super) fn claim(&self, id: &str) -> Result<u64, Answer> {
        self.on(id, Upload::claim)
    }

    /// Keeps bytes of the request that made this claim.
    pub(super) fn keep(&self, id: &str, claim: u64, bytes: &[u8]) -> Result<(), Answer> {
        let (past, late) = (self.does(Wrong::GoesPastTheLength), self.does(Wrong::KeepsLateBytes));
        self.on(id, |upload| {
            if upload.epoch != claim && !late {
                return Err(Answer::of(StatusCode::CONFLICT));
            }
            upload.touch();
            let room = upload.length.map_or(u64::MAX, |length| length.saturating_sub(upload.offset()));
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let fits = past || bytes.len() <= room;
            upload.bytes.extend_from_slice(if fits { bytes } else { &bytes[..room] });
            if fits { Ok(()) } else { Err(Answer::of(StatusCode::PAYLOAD_TOO_LARGE)) }
        })?
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Upload>> {
        self.uploads.lock().expect("nobody panics while holding it")
    }
}

fn join(uploads: &mut BTreeMap<String, Upload>, id: &str) {
    let Some(upload) = uploads.get(id).filter(|upload| !upload.parts.is_empty()) else {
        return;
    };
    let parts: Option<Vec<_>> = upload.parts.iter().map(|part| uploads.get(part)).collect();
    let Some(parts) = parts.filter(|parts| parts.iter().all(|part| part.is_complete())) else {
        return;
    };
    let bytes: Vec<_> = parts.iter().flat_map(|part| part.bytes.iter().copied()).collect();
    let whole = uploads.get_mut(id).expect("it was there");
    whole.length = Some(bytes.len() as u64);
    whole.bytes = bytes;
    whole.parts.clear();
}

//! The uploads that other processes receive, as far as they are heard of, and those from before this start.
//! Pure; time enters in milliseconds of any clock that never runs backwards.
//!
//! Events may be lost, and processes die: an upload that flows is heard of every second, so one that is not
//! is paused after a while; and one that is silent for long may be gone.

use std::collections::HashMap;

use super::{MOST_FOLLOWED, Sending};
use crate::store::{Announcement, Progress};
use crate::upload::UploadId;

/// How long an upload that flows may be silent: it would be paused by its own process before.
const PAUSED_AFTER_MS: u64 = 8000;
/// How long an upload is taken for being there without a word of it.
const SURE_FOR_MS: u64 = 60_000;

/// The uploads on other processes.
#[derive(Debug, Default)]
pub(super) struct Elsewhere(HashMap<UploadId, Heard>);

#[derive(Debug)]
struct Heard {
    progress: Progress,
    is_paused: bool,
    at: u64,
}

impl Elsewhere {
    /// Takes in an event of another process.
    pub(super) fn hear(&mut self, event: &Announcement, now: u64) {
        let (progress, is_paused) = match event {
            Announcement::UploadStarted(progress) | Announcement::UploadProgress(progress) => {
                (progress, false)
            }
            Announcement::UploadPaused(progress) => (progress, true),
            Announcement::NewMessage(message) => return self.forget(message.upload_id.into()),
            Announcement::UploadFinished(progress, _) | Announcement::UploadCancelled(progress) => {
                return self.forget(progress.upload_id);
            }
        };
        if self.0.len() < MOST_FOLLOWED || self.0.contains_key(&progress.upload_id) {
            let heard = Heard { progress: progress.clone(), is_paused, at: now };
            self.0.insert(progress.upload_id, heard);
        }
    }

    /// Takes in an upload from before this start, which another process may be receiving.
    pub(super) fn recall(&mut self, progress: Progress, now: u64) {
        if self.0.len() < MOST_FOLLOWED {
            self.0.entry(progress.upload_id).or_insert(Heard { progress, is_paused: true, at: now });
        }
    }

    /// Forgets an upload, which is here now, or nowhere.
    pub(super) fn forget(&mut self, id: UploadId) {
        self.0.remove(&id);
    }

    /// The upload, if it is on another process.
    pub(super) fn sending_now(&self, id: UploadId) -> Option<Sending> {
        self.0.get(&id).map(Heard::sending)
    }

    /// All uploads on other processes.
    pub(super) fn all(&self) -> impl Iterator<Item = Sending> {
        self.0.values().map(Heard::sending)
    }

    /// Pauses the uploads that flowed and are silent, and answers their progress.
    pub(super) fn pause_silent(&mut self, now: u64) -> Vec<Progress> {
        let is_silent =
            |heard: &&mut Heard| !heard.is_paused && now.saturating_sub(heard.at) >= PAUSED_AFTER_MS;
        let silent = self.0.values_mut().filter(is_silent);
        silent
            .map(|heard| {
                heard.is_paused = true;
                heard.progress.clone()
            })
            .collect()
    }

    /// Whether the upload is silent for so long that it may be gone.
    pub(super) fn may_be_gone(&self, id: UploadId, now: u64) -> bool {
        self.0.get(&id).is_some_and(|heard| now.saturating_sub(heard.at) >= SURE_FOR_MS)
    }

    /// Notes that the upload is there.
    pub(super) fn is_there(&mut self, id: UploadId, now: u64) {
        if let Some(heard) = self.0.get_mut(&id) {
            heard.at = now;
        }
    }
}

impl Heard {
    fn sending(&self) -> Sending {
        Sending { progress: self.progress.clone(), is_paused: self.is_paused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{MessageId, Stamp};
    use crate::store::contract::samples;

    #[test]
    fn an_upload_elsewhere_is_known_until_it_ends() {
        let stamp = Stamp { id: MessageId::from_bytes([1; 12]), at: samples::at(7) };
        let message = samples::whole(None).message(stamp).expect("bound");
        let progress = Progress::of_message(&message);
        let id = progress.upload_id;
        let ends = [
            Announcement::NewMessage(Box::new(message.clone())),
            Announcement::UploadFinished(progress.clone(), message.id),
            Announcement::UploadCancelled(progress.clone()),
        ];
        for end in ends {
            let mut elsewhere = Elsewhere::default();
            for (event, is_paused) in [
                (Announcement::UploadStarted(progress.clone()), false),
                (Announcement::UploadPaused(progress.clone()), true),
                (Announcement::UploadProgress(progress.clone()), false),
            ] {
                elsewhere.hear(&event, 0);
                assert_eq!(elsewhere.sending_now(id).map(|sending| sending.is_paused), Some(is_paused));
            }
            elsewhere.hear(&end, 0);
            assert_eq!(elsewhere.all().count(), 0, "{end:?}");
        }
    }

    #[test]
    fn what_is_silent_is_paused_once_and_then_uncertain() {
        let stamp = Stamp { id: MessageId::from_bytes([1; 12]), at: samples::at(7) };
        let progress = Progress::of_message(&samples::whole(None).message(stamp).expect("bound"));
        let (id, mut elsewhere) = (progress.upload_id, Elsewhere::default());
        elsewhere.hear(&Announcement::UploadProgress(progress.clone()), 1000);
        assert_eq!(elsewhere.pause_silent(8999), []);
        assert_eq!(elsewhere.pause_silent(9000), [progress]);
        assert_eq!(elsewhere.pause_silent(90_000), []);
        assert!(!elsewhere.may_be_gone(id, 60_999) && elsewhere.may_be_gone(id, 61_000));
        elsewhere.is_there(id, 61_000);
        assert!(!elsewhere.may_be_gone(id, 62_000));
    }
}

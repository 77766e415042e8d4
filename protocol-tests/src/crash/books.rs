use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::watch;

use super::way::Way;
use harness::content::Content;

/// The books: everything that the server told its clients, and must keep to.
#[derive(Debug, Default)]
pub(super) struct Books {
    jobs: Mutex<Vec<Job>>,
    verified: Mutex<BTreeSet<String>>,
    acknowledgements: watch::Sender<u64>,
    refusals: watch::Sender<u64>,
}

/// A file that a client sends, and what the server told the client of it.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// The `client_message_id` of the file.
    pub(super) id: String,
    pub(super) way: Way,
    pub(super) length: u64,
    pub(super) sha256: String,
    /// The server's last word about each upload resource, by its URL.
    pub(super) uploads: BTreeMap<String, Told>,
    /// The message that the client was told of.
    pub(super) message: Option<String>,
    /// Whether the client has gone on to something else.
    pub(super) is_over: bool,
}

/// The latest state of an upload that a client knows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The server has acknowledged this offset.
    Offset(u64),
    /// The server has refused the upload for good.
    Refused,
    /// The upload has expired.
    Expired,
    /// The client has asked to end the upload, and has no answer yet.
    Ending,
    /// The server has ended the upload on request.
    Ended,
}

/// A job's number in the books.
pub(super) type Number = usize;

impl Books {
    /// Adds a new job.
    pub(super) fn open(&self, way: Way, content: &Content) -> Number {
        let mut jobs = self.jobs();
        let id = format!("{}-{}", way.name(), harness::chat::conversation_id());
        jobs.push(Job {
            id,
            way,
            length: content.len(),
            sha256: content.sha256(),
            uploads: BTreeMap::new(),
            message: None,
            is_over: false,
        });
        jobs.len() - 1
    }

    pub(super) fn id(&self, number: Number) -> String {
        self.jobs()[number].id.clone()
    }

    /// Notes what the server told of an upload.
    pub(super) fn told(&self, number: Number, location: &str, told: Told) {
        self.jobs()[number].uploads.insert(location.to_owned(), told);
        self.acknowledged();
    }

    /// Notes the message that the server told of.
    pub(super) fn message(&self, number: Number, id: &str) {
        let before = self.jobs()[number].message.replace(id.to_owned());
        assert!(before.as_deref().is_none_or(|before| before == id), "{before:?}, and now {id}");
        self.acknowledged();
    }

    pub(super) fn close(&self, number: Number) {
        self.jobs()[number].is_over = true;
    }

    /// Notes that a client was told to come again, or got no answer.
    pub(super) fn refused(&self) {
        self.refusals.send_modify(|count| *count += 1);
    }

    fn acknowledged(&self) {
        self.acknowledgements.send_modify(|count| *count += 1);
    }

    pub(super) fn acknowledgements(&self) -> watch::Receiver<u64> {
        self.acknowledgements.subscribe()
    }

    pub(super) fn refusals(&self) -> watch::Receiver<u64> {
        self.refusals.subscribe()
    }

    /// All jobs so far.
    pub(super) fn all(&self) -> Vec<Job> {
        self.jobs().clone()
    }

    /// Whether the bytes of a message were already compared.
    pub(super) fn is_verified(&self, message: &str) -> bool {
        self.verified.lock().expect("nobody panics while holding it").contains(message)
    }

    pub(super) fn verified(&self, message: &str) {
        self.verified.lock().expect("nobody panics while holding it").insert(message.to_owned());
    }

    fn jobs(&self) -> MutexGuard<'_, Vec<Job>> {
        self.jobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

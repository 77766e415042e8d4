//! The uploads that are being sent now, and the events about them for the members of their conversations.
//! Events are hints: they may be lost, and nothing waits for them. [`Live`] decides which one is due.
//!
//! An upload is in the table from its start until its message is committed, or until it is cancelled.
//! What other processes receive is known by their events (`elsewhere`). An upload that a client continues
//! on another process leaves the table with the first event from there.
//! `upload_finished` is told once the message has been announced. Of an upload with a record, the durable
//! offset is told. An upload in one piece has no record before its end, so the received offset is told.

mod announcer;
mod elsewhere;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::message::{ConversationId, Message, MessageId};
use crate::store::{Announcement, Progress, Stores};
use crate::upload::{Due, Live, State, Upload, UploadId};
use announcer::Announcer;
use elsewhere::Elsewhere;

/// The most uploads that are followed. Of any others only the start and the end are told.
pub(crate) const MOST_FOLLOWED: usize = 10_000;
/// How often events are looked for that are due by time.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Announces what happens to bound uploads, to all members of the conversation.
#[derive(Debug, Clone)]
pub(crate) struct Teller {
    announcer: Announcer,
    table: Arc<Mutex<Table>>,
    began: Instant,
}

#[derive(Debug, Default)]
struct Table {
    running: HashMap<UploadId, Running>,
    /// Uploads that repeat a message which is still to be announced.
    repeats: HashMap<MessageId, Vec<Progress>>,
    elsewhere: Elsewhere,
}

#[derive(Debug)]
struct Running {
    progress: Progress,
    live: Live,
}

/// An upload that is being sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The upload's progress.
    pub progress: Progress,
    /// Whether no bytes come.
    pub is_paused: bool,
}

impl Teller {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { announcer: Announcer::new(stores), table: Arc::default(), began: Instant::now() }
    }

    pub(crate) fn started(&self, upload: &Upload) {
        if let Some(progress) = progress_of(upload) {
            self.begun(progress);
        }
    }

    /// Tells of the start of an upload that may have no record yet.
    pub(crate) fn begun(&self, progress: Progress) {
        let mut table = self.table();
        table.follow(progress.clone(), Live::begin(progress.offset, self.now()));
        self.announcer.push(Announcement::UploadStarted(progress));
    }

    /// Follows an upload from before this start, whose members were told by the previous process.
    pub(crate) fn recall(&self, upload: &Upload) {
        let Some(progress) = progress_of(upload).filter(|_| upload.state == State::Receiving) else { return };
        let mut table = self.table();
        if !table.running.contains_key(&upload.id) {
            table.elsewhere.recall(progress, self.now());
        }
    }

    /// Follows an upload that is not followed here yet: it is from before this start, or was elsewhere.
    fn take_up(&self, upload: &Upload) {
        let Some(progress) = progress_of(upload).filter(|_| upload.state == State::Receiving) else { return };
        let mut table = self.table();
        if !table.running.contains_key(&upload.id) {
            table.follow(progress, Live::paused(0, self.now()));
        }
    }

    pub(crate) fn progressed(&self, upload: &Upload) {
        self.take_up(upload);
        if upload.state == State::Receiving {
            self.change(upload.id, |running, now| {
                running.progress.length = upload.length.known();
                running.live.reached(upload.offset, now)
            });
        }
    }

    /// Notes that this many bytes have come of an upload in one piece.
    pub(crate) fn reached(&self, id: UploadId, offset: u64) {
        self.change(id, |running, now| running.live.reached(offset, now));
    }

    /// Notes that the upload's connection brings bytes, though none that count yet.
    pub(crate) fn heard(&self, id: UploadId) {
        self.change(id, |running, now| {
            running.live.heard(now);
            None
        });
    }

    /// Notes that the upload's connection is dead.
    pub(crate) fn broke(&self, id: UploadId) {
        self.change(id, |running, now| running.live.broke(now));
    }

    /// Notes that the upload's message is committed.
    pub(crate) fn committed(&self, id: UploadId) {
        self.table().forget(id);
    }

    /// Notes that the upload repeats this message of another upload. [`Teller::announced`] tells the members.
    pub(crate) fn repeats(&self, upload: &Upload, message: MessageId) {
        let mut table = self.table();
        table.forget(upload.id);
        if let Some(progress) = progress_of(upload) {
            table.repeats.entry(message).or_default().push(progress);
        }
    }

    /// Waits until all events that were pushed are handed over, as far as that can be waited for.
    pub(crate) async fn flush(&self) {
        self.announcer.flush().await;
    }

    /// Tells that the upload of this message is finished, after the message was announced.
    pub(crate) fn finished(&self, message: &Message) {
        let finished = Announcement::UploadFinished(Progress::of_message(message), message.id);
        self.announcer.push(finished);
        self.announced(message.id);
    }

    /// Tells that the uploads that repeat this message are finished.
    pub(crate) fn announced(&self, message: MessageId) {
        let repeats = self.table().repeats.remove(&message).unwrap_or_default();
        for progress in repeats {
            self.announcer.push(Announcement::UploadFinished(progress, message));
        }
    }

    pub(crate) fn cancelled(&self, upload: &Upload) {
        self.committed(upload.id);
        if let Some(progress) = progress_of(upload) {
            self.announcer.push(Announcement::UploadCancelled(progress));
        }
    }

    /// Tells that an upload without a record is cancelled: nothing of it remains.
    pub(crate) fn came_to_nothing(&self, id: UploadId) {
        let running = self.table().running.remove(&id);
        if let Some(running) = running {
            self.announcer.push(Announcement::UploadCancelled(running.now()));
        }
    }

    /// Takes in an event of another process. An upload that is here as well, and farther, was taken over.
    pub(crate) fn heard_elsewhere(&self, event: &Announcement) {
        let (id, offset) = match event {
            Announcement::NewMessage(message) => (message.upload_id.into(), message.file_size),
            Announcement::UploadStarted(progress)
            | Announcement::UploadProgress(progress)
            | Announcement::UploadPaused(progress) => (progress.upload_id, progress.offset),
            Announcement::UploadFinished(progress, _) | Announcement::UploadCancelled(progress) => {
                (progress.upload_id, u64::MAX)
            }
        };
        let mut table = self.table();
        let here = table.running.get(&id);
        if here.is_some_and(|here| !here.live.is_paused() && here.live.offset() > offset) {
            return;
        }
        table.running.remove(&id);
        table.elsewhere.hear(event, self.now());
    }

    /// The uploads that are being sent, in this conversation or in all, here and on other processes.
    pub(crate) fn sending(&self, conversation: Option<ConversationId>) -> Vec<Sending> {
        let table = self.table();
        let is_asked_for = |sending: &Sending| {
            conversation.is_none_or(|conversation| sending.progress.conversation_id == conversation)
        };
        let all = table.running.values().map(Running::sending).chain(table.elsewhere.all());
        let mut sending: Vec<_> = all.filter(is_asked_for).collect();
        sending.sort_by_key(|sending| sending.progress.upload_id);
        sending
    }

    /// The upload as it is being sent now, if it still is.
    pub(crate) fn sending_now(&self, id: UploadId) -> Option<Sending> {
        let table = self.table();
        table.running.get(&id).map(Running::sending).or_else(|| table.elsewhere.sending_now(id))
    }

    /// Whether the upload was on another process, which is silent about it for so long that it may be gone.
    pub(crate) fn may_be_gone(&self, id: UploadId) -> bool {
        self.table().elsewhere.may_be_gone(id, self.now())
    }

    /// Notes that an upload on another process is there, or that it is gone.
    pub(crate) fn is_there(&self, id: UploadId, is_there: bool) {
        let mut table = self.table();
        if is_there { table.elsewhere.is_there(id, self.now()) } else { table.elsewhere.forget(id) }
    }

    /// Tells events that are due by time, until cancelled.
    pub(crate) async fn keep_looking(&self, cancelled: &CancellationToken) {
        while cancelled.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await.is_some() {
            let (now, mut table) = (self.now(), self.table());
            for running in table.running.values_mut() {
                let due = running.live.look(now);
                self.tell(running, due);
            }
            // Their process has died, or cannot be heard. Each process tells its own connections.
            for progress in table.elsewhere.pause_silent(now) {
                self.announcer.push_here(Announcement::UploadPaused(progress));
            }
        }
    }

    fn change(&self, id: UploadId, change: impl FnOnce(&mut Running, u64) -> Option<Due>) {
        let mut table = self.table();
        if let Some(running) = table.running.get_mut(&id) {
            let due = change(running, self.now());
            self.tell(running, due);
        }
    }

    fn tell(&self, running: &Running, due: Option<Due>) {
        match due {
            Some(Due::Progress) => self.announcer.push(Announcement::UploadProgress(running.now())),
            Some(Due::Paused) => self.announcer.push(Announcement::UploadPaused(running.now())),
            None => {}
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget(&mut self, id: UploadId) {
        self.running.remove(&id);
        self.elsewhere.forget(id);
    }

    /// Follows an upload. In a full table, a paused upload makes room for one that begins.
    fn follow(&mut self, progress: Progress, live: Live) {
        if self.running.len() >= MOST_FOLLOWED {
            let paused = self.running.iter().find(|(_, running)| running.live.is_paused()).map(|(id, _)| *id);
            match paused {
                Some(id) if !live.is_paused() => self.running.remove(&id),
                _ => return,
            };
        }
        self.elsewhere.forget(progress.upload_id);
        self.running.insert(progress.upload_id, Running { progress, live });
    }
}

impl Running {
    fn now(&self) -> Progress {
        Progress { offset: self.live.offset(), ..self.progress.clone() }
    }

    fn sending(&self) -> Sending {
        Sending { progress: self.now(), is_paused: self.live.is_paused() }
    }
}

pub(crate) fn progress_of(upload: &Upload) -> Option<Progress> {
    Some(Progress {
        upload_id: upload.id,
        conversation_id: upload.binding.as_ref()?.conversation_id,
        sender: upload.owner.clone(),
        file_name: upload.file_name().to_owned(),
        mime_type: upload.mime_type(),
        kind: upload.kind(),
        offset: upload.offset,
        length: upload.length.known(),
    })
}

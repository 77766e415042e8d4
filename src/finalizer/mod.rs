//! The finalizer: from bytes to message. Owed messages are found from what is stored; a request that waits
//! for one only drives it sooner.
//!
//! ```text
//!  step                       durable afterwards            a kill here leaves
//!  join (of a final upload)   a row for each stretch        receiving: goes on behind the last row
//!  judge                      (a rejection, if any)         complete: judged again
//!  claim                      finalizing(id, created_at)    finalizing: placed again, under the same id
//!  place                      the file in its folder        finalizing: placing twice is placing once
//!  or give up lost bytes      nothing that can be placed    finalizing: given up again
//!  and reject                 rejected                      rejected: nothing is left
//!  commit                     message, indexes, outbox      committed: published from the outbox
//!  publish                    the outbox entry is gone      announced again, with the same id
//! ```
//! An upload whose `client_message_id` has a message already gets that message at the claim if it is the same
//! file, and is rejected if it is not. The claim is mostly made with the last row, in one sync, and where the
//! bytes are at the file's place by then, the commit as well. Where a record store carries the places of
//! files, the place is durable with the commit.

mod committed;
mod comparison;
mod health;
mod join;
mod judge;
mod left;
mod overdue;
mod publisher;
mod queue;
mod same_file;
mod steps;
mod waiting;
mod worker;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::message::Message;
use crate::metrics;
use crate::outlive::outlive;
use crate::reservations::Allowance;
use crate::store::Stores;
use crate::telling::Teller;
use crate::upload::{Concat, RejectionReason, State, Upload, UploadId};
use committed::Committed;
pub(crate) use comparison::Comparison;
pub use health::Ability;
use health::Health;
use left::Left;
pub use overdue::Overdue;
use queue::Queue;
use waiting::Waiting;

/// How long a request waits for its message. Clients retry after it; most finalizations take milliseconds.
pub const FINALIZE_WAIT: Duration = Duration::from_secs(20);

/// Makes messages of complete uploads, each once.
#[derive(Debug)]
pub struct Finalizer {
    stores: Stores,
    teller: Teller,
    tasks: TaskTracker,
    flights: Mutex<HashMap<UploadId, watch::Receiver<Option<Ending>>>>,
    committed: Committed,
    waiting: Waiting,
    left: Left,
    joins: Queue,
    allowance: Allowance,
    health: Health,
}

/// The outcome of a drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The upload's message.
    Message(Box<Message>),
    /// The upload can become no message.
    Rejected(RejectionReason),
    /// The upload is not owed a message (any longer).
    NotOwed,
    /// The storage failed, or there is much to do first; the upload will be driven again.
    Failed,
    /// There is no room for the upload now; it will be driven again.
    NoRoom,
    /// Another request holds the upload, and may be joining its parts on another process; it will be driven
    /// again.
    Held,
}

impl Finalizer {
    /// A finalizer over these stores, whose tasks the tracker has. Bytes that it copies get their room from
    /// the allowance.
    pub fn new(stores: Stores, tasks: TaskTracker, allowance: Allowance) -> Arc<Self> {
        let teller = Teller::new(stores.clone());
        Arc::new(Self {
            stores,
            teller,
            tasks,
            flights: Mutex::default(),
            committed: Committed::default(),
            waiting: Waiting::default(),
            left: Left::default(),
            joins: Queue::default(),
            allowance,
            health: Health::default(),
        })
    }

    /// The allowance that all room comes from.
    pub(crate) fn allowance(&self) -> &Allowance {
        &self.allowance
    }

    /// The teller, which tells the other members of uploads.
    pub(crate) fn teller(&self) -> &Teller {
        &self.teller
    }

    /// Drives the upload on, and waits for the outcome; `None` if that takes longer than [`FINALIZE_WAIT`].
    /// The drive goes on even if no caller waits any more. Callers at the same time share one drive. Where
    /// another process joins the upload, that is waited for.
    pub async fn drive(self: &Arc<Self>, id: UploadId) -> Option<Ending> {
        let ending = async {
            loop {
                let ending = self.drive_here(id).await;
                if ending != Ending::Held || !self.is_to_look_again(id).await {
                    return ending;
                }
            }
        };
        tokio::time::timeout(FINALIZE_WAIT, ending).await.ok()
    }

    async fn drive_here(self: &Arc<Self>, id: UploadId) -> Ending {
        match self.depart(id) {
            Flight::Own(work) => outlive(&self.tasks, work).await.unwrap_or(Ending::Failed),
            // The sender is dropped without an outcome only if the work panicked.
            Flight::Shared(mut flight) => match flight.wait_for(Option::is_some).await {
                Ok(ending) => ending.clone().unwrap_or(Ending::Failed),
                Err(_) => Ending::Failed,
            },
        }
    }

    /// Drives the upload on without waiting.
    pub fn nudge(self: &Arc<Self>, id: UploadId) {
        if let Flight::Own(work) = self.depart(id) {
            self.tasks.spawn(work.in_current_span());
        }
    }

    /// Drives on what has become possible with an upload's last byte: its own message, or the final uploads
    /// that are known to wait for it, here or elsewhere. A hint: the worker finds those that are missed. An
    /// upload that is owed no message is sealed; if that fails, its bytes are sealed when they are read.
    pub async fn received(self: &Arc<Self>, upload: &Upload) {
        if upload.is_owed() {
            return self.nudge(upload.id);
        }
        if upload.state != State::Complete {
            return;
        }
        if let Err(error) = self.stores.payloads.seal(upload.id, upload.offset).await {
            tracing::warn!(upload = %upload.id, %error, "a complete upload could not be sealed yet");
        }
        if upload.concat == Concat::Partial {
            self.completed(upload.id);
            self.stores.hints.complete(upload.id);
        }
    }

    /// Waits for a drive under way to end. Only for a caller that has seen to it that it ends soon.
    pub async fn landed(&self, id: UploadId) {
        let flight = self.flights.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(mut flight) = flight {
            // A sender that is dropped without an outcome is an end as well.
            let _ = flight.wait_for(Option::is_some).await;
        }
    }

    fn depart(self: &Arc<Self>, id: UploadId) -> Flight {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&id) {
            return Flight::Shared(flight.clone());
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(id, flight);
        let landing = Landing { finalizer: Arc::clone(self), id };
        let work = async move {
            let begun = Instant::now();
            let ending = landing.finalizer.finalize(id).await;
            if matches!(ending, Ending::Message(_)) {
                metrics::get().finalize_seconds.since(begun);
            }
            // A drive that begins from now on reads what is stored by now.
            drop(landing);
            sender.send_replace(Some(ending.clone()));
            ending
        };
        Flight::Own(work.boxed())
    }
}

/// A drive of an upload.
enum Flight {
    /// The caller's own drive, which it carries out.
    Own(BoxFuture<'static, Ending>),
    /// Another caller's drive, whose outcome is shared.
    Shared(watch::Receiver<Option<Ending>>),
}

/// Takes a drive out of the table, even if it panics or is dropped.
struct Landing {
    finalizer: Arc<Finalizer>,
    id: UploadId,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.finalizer.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

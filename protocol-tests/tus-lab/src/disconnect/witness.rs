use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::http::Head;
use crate::proxy::{Event, Observer};

/// The events that the proxy saw and the client cannot know.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    struck: Option<Instant>,
    lost: Vec<Head>,
}

impl Witness {
    /// The observer that tells this witness of events.
    pub(super) fn observer(&self) -> Observer {
        let witness = self.clone();
        Observer::new(move |event| witness.see(event))
    }

    /// The time of the first trouble.
    pub(super) fn struck(&self) -> Option<Instant> {
        self.seen().struck
    }

    /// The answers that were lost since the last call.
    pub(super) fn lost(&self) -> Vec<Head> {
        std::mem::take(&mut self.seen().lost)
    }

    /// Notes a trouble that the client made itself.
    pub(super) fn strike(&self) {
        self.seen().struck.get_or_insert_with(Instant::now);
    }

    fn see(&self, event: &Event) {
        match event {
            Event::Struck { .. } => self.strike(),
            Event::AnswerLost { answer, .. } => {
                self.seen().lost.extend(Head::read(answer).ok().flatten());
            }
            _ => {}
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().expect("nobody panicked while holding it")
    }
}

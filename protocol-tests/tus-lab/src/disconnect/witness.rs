use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::http::Head;
use crate::proxy::{Event, Observer};

/// What the proxy saw that the client cannot know.
#[derive(Debug, Clone, Default)]
pub(super) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    struck: Option<Instant>,
    lost: Vec<Head>,
}

impl Witness {
    /// What tells this witness.
    pub(super) fn observer(&self) -> Observer {
        let witness = self.clone();
        Observer::new(move |event| witness.see(event))
    }

    /// When the first trouble came.
    pub(super) fn struck(&self) -> Option<Instant> {
        self.seen().struck
    }

    /// The answers that were lost since this was asked last.
    pub(super) fn lost(&self) -> Vec<Head> {
        std::mem::take(&mut self.seen().lost)
    }

    /// Something happened that the client did by itself.
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

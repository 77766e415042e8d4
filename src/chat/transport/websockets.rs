//! The WebSockets that sessions have changed to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::severable::Shears;

/// The WebSockets by session, each as long as it exists.
#[derive(Debug, Clone, Default)]
pub(super) struct WebSockets(Arc<Mutex<HashMap<String, Shears>>>);

/// A WebSocket's entry, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    websockets: WebSockets,
    sid: String,
}

impl WebSockets {
    /// Enters the session's WebSocket, unless there is one already: the library refuses a second one.
    pub(super) fn enter(&self, sid: &str, shears: Shears) -> Option<Place> {
        match self.lock().entry(sid.to_owned()) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert(shears);
                Some(Place { websockets: self.clone(), sid: sid.to_owned() })
            }
        }
    }

    /// The means to end the session's WebSocket.
    pub(super) fn of(&self, sid: &str) -> Option<Shears> {
        self.lock().get(sid).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Shears>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.websockets.lock().remove(&self.sid);
    }
}

#[cfg(test)]
mod tests {
    use super::super::severable::Severable;
    use super::*;

    #[test]
    fn a_session_has_one_websocket_and_only_while_it_is_there() {
        let websockets = WebSockets::default();
        let shears = || Severable::new(tokio::io::empty()).1;
        let place = websockets.enter("a", shears()).expect("the first");
        assert!(websockets.enter("a", shears()).is_none());
        assert!(websockets.of("a").is_some() && websockets.of("b").is_none());
        drop(place);
        assert!(websockets.of("a").is_none());
        assert!(websockets.enter("a", shears()).is_some());
    }
}

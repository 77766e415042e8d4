//! The final uploads that wait for parts, as far as this process knows.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::upload::{Parts, UploadId};

/// Final uploads by the parts that they are made of.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<UploadId, HashSet<UploadId>>>);

impl Waiting {
    /// Notes that the final upload waits for its parts.
    pub(super) fn add(&self, id: UploadId, parts: &Parts) {
        let mut waiting = self.lock();
        for part in parts.ids() {
            waiting.entry(*part).or_default().insert(id);
        }
    }

    /// Notes that the final upload waits no more.
    pub(super) fn remove(&self, id: UploadId, parts: &Parts) {
        let mut waiting = self.lock();
        for part in parts.ids() {
            if let Some(finals) = waiting.get_mut(part) {
                finals.remove(&id);
                if finals.is_empty() {
                    waiting.remove(part);
                }
            }
        }
    }

    /// The final uploads that wait for the part.
    pub(super) fn for_part(&self, part: UploadId) -> Vec<UploadId> {
        self.lock().get(&part).into_iter().flatten().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UploadId, HashSet<UploadId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upload::Concat;

    #[test]
    fn what_is_forgotten_leaves_nothing() {
        let [part, other, id] = [(); 3].map(|()| UploadId::random());
        let concat = Concat::parse(&format!("final;/files/{part} /files/{other} /files/{part}"));
        let Ok(Concat::Final(parts)) = concat else { panic!("{concat:?}") };
        let waiting = Waiting::default();
        waiting.add(id, &parts);
        waiting.add(id, &parts);
        assert_eq!(waiting.for_part(other), [id]);
        assert_eq!(waiting.for_part(part), [id]);
        waiting.remove(id, &parts);
        assert_eq!(waiting.for_part(part), []);
        assert!(waiting.lock().is_empty());
    }
}

//! Tokens whose signature was found valid. It stays valid as long as the keys do, so it is checked once.
//! Whether a token has expired is checked every time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::grant::Grant;

/// The most tokens that are remembered, and the most bytes of them, as a token may be long. A full cache is
/// cleared; it fills again by itself.
const MOST: usize = 4096;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// The grants of tokens, by the whole token.
#[derive(Debug, Default)]
pub(super) struct Cache(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    grants: HashMap<Box<str>, Arc<Grant>>,
    bytes: usize,
}

impl Cache {
    /// The grant of a token that was verified before.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Grant>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).grants.get(token).cloned()
    }

    /// Remembers the grant of a verified token.
    pub(super) fn insert(&self, token: &str, grant: Grant) -> Arc<Grant> {
        let grant = Arc::new(grant);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.grants.len() >= MOST || known.bytes + token.len() > MOST_BYTES {
            *known = Known::default();
        }
        if known.grants.insert(token.into(), Arc::clone(&grant)).is_none() {
            known.bytes += token.len();
        }
        grant
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::MAX_TOKEN_BYTES;

    fn grant() -> Grant {
        Grant { user: "ada".parse().expect("valid"), admin: false, backend: false, begins: None, ends: 1.0 }
    }

    #[test]
    fn a_flood_of_tokens_is_forgotten() {
        let long = "x".repeat(MAX_TOKEN_BYTES);
        for (end, number) in [("", 3 * MOST), (long.as_str(), 3 * MOST_BYTES / MAX_TOKEN_BYTES)] {
            let cache = Cache::default();
            for number in 0..number {
                cache.insert(&format!("{number}{end}"), grant());
                let known = cache.0.read().expect("not poisoned");
                assert!(known.grants.len() <= MOST && known.bytes <= MOST_BYTES);
            }
            assert!(cache.get(&format!("0{end}")).is_none());
            assert!(cache.get(&format!("{}{end}", number - 1)).is_some());
        }
    }

    #[test]
    fn a_token_that_comes_twice_counts_once() {
        let cache = Cache::default();
        cache.insert("token", grant());
        cache.insert("token", grant());
        assert_eq!(cache.0.read().expect("not poisoned").bytes, "token".len());
    }
}

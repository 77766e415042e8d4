//! Tokens whose signature was found to be good: it stays good, so it is checked once. Whether a token has expired
//! is asked every time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::claims::Claims;

/// As many tokens are remembered. A full cache is forgotten; it fills again by itself.
const MOST: usize = 4096;

/// Claims by the token that they were in, all of it.
#[derive(Debug, Default)]
pub(super) struct Cache(RwLock<HashMap<Box<str>, Arc<Claims>>>);

impl Cache {
    /// The claims of a token that was verified before.
    pub(super) fn get(&self, token: &str) -> Option<Arc<Claims>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// Remembers the claims of a verified token.
    pub(super) fn insert(&self, token: &str, claims: Claims) -> Arc<Claims> {
        let claims = Arc::new(claims);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(token.into(), Arc::clone(&claims));
        claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_tokens_is_forgotten() {
        let cache = Cache::default();
        let claims = || serde_json::from_str(r#"{"sub":"ada"}"#).expect("an object");
        for number in 0..3 * MOST {
            cache.insert(&number.to_string(), claims());
            assert!(cache.0.read().expect("not poisoned").len() <= MOST);
        }
        assert!(cache.get("0").is_none() && cache.get(&(3 * MOST - 1).to_string()).is_some());
    }
}

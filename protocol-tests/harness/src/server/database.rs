//! A PostgreSQL for servers that are to store there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// The address of a folder's own schema in the PostgreSQL of `LONGHAUL_TESTS_DATABASE`, if the tests are to
/// have their servers store there.
pub(super) fn database(data: &Path) -> Option<String> {
    let server = std::env::var("LONGHAUL_TESTS_DATABASE").ok()?;
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    Some(format!("{server} options='-c search_path=tests_{:x}'", hasher.finish()))
}

//! A PostgreSQL, and an object store, for servers that are to store there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

/// The settings with which the server of a folder stores elsewhere, if the tests are to have their servers do
/// so: a schema of its own in the PostgreSQL of `LONGHAUL_TESTS_DATABASE`, and a prefix of its own in the
/// bucket of `LONGHAUL_TESTS_BUCKET`, on the object store of `LONGHAUL_TESTS_S3`.
pub(super) fn elsewhere(data: &Path) -> Vec<(&'static str, String)> {
    let Ok(server) = std::env::var("LONGHAUL_TESTS_DATABASE") else { return Vec::new() };
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    let own = format!("tests_{:x}", hasher.finish());
    let mut settings = vec![("LONGHAUL_DATABASE", format!("{server} options='-c search_path={own}'"))];
    if let Ok(bucket) = std::env::var("LONGHAUL_TESTS_BUCKET") {
        settings.push(("LONGHAUL_BUCKET", format!("{bucket}/{own}")));
    }
    if let Ok(endpoint) = std::env::var("LONGHAUL_TESTS_S3") {
        settings.push(("LONGHAUL_S3_ENDPOINT", endpoint));
    }
    settings
}

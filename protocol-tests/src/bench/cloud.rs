//! The servers beside those that are measured in the works with an object store: PostgreSQL, which syncs each
//! commit, Redis and an S3 server.

use std::sync::{Arc, OnceLock};

use harness::cluster::{Place, Services};

use super::Options;

/// An empty place on these servers, which are started with the first one and end with this process. Their
/// files are on the disk that is measured.
pub(super) fn place(options: &Options) -> Place {
    static SERVICES: OnceLock<Arc<Services>> = OnceLock::new();
    Place::on(SERVICES.get_or_init(|| Services::lasting(&options.folder)))
}

//! wire <-> use cases
pub(crate) mod caller;
pub(crate) mod error;

use crate::auth::Verifier;
use crate::chats::Chats;
use crate::uploads::Uploads;
use std::sync::Arc;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Api(pub(crate) Arc<Inner>);

/// Inner
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) max_oneshot_size: u64,
}

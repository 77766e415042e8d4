//! wire <-> use cases
pub(crate) mod caller;
mod conversations;
pub(crate) mod error;
mod json_body;
mod media;
mod messages;
mod one_shot;
pub(crate) mod range;
#[cfg(test)]
mod testing;

use std::sync::Arc;
use std::time::Duration;

use crate::auth::Verifier;
use crate::chats::Chats;
use crate::uploads::Uploads;

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct Api(pub(crate) Arc<Inner>);

/// Inner
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) uploads: Arc<Uploads>,
    pub(crate) chats: Arc<Chats>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) max_oneshot_size: u64,
    /// How long a request body may say nothing.
    pub(crate) body_idle: Duration,
}

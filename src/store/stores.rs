//! All ports together, as the composition root hands them out.

use std::fmt;
use std::sync::Arc;

use super::{Announcements, Appends, Duties, Hints, Leases, Memberships, Messages, Payloads, Records};

/// One implementation of each port.
#[derive(Clone)]
pub struct Stores {
    /// Upload records and ledgers.
    pub records: Arc<dyn Records>,
    /// Messages; of the same database as the records.
    pub messages: Arc<dyn Messages>,
    /// The participants of conversations.
    pub memberships: Arc<dyn Memberships>,
    /// The holders of uploads.
    pub leases: Arc<dyn Leases>,
    /// The work that this process does for all that serve these stores.
    pub duties: Arc<dyn Duties>,
    /// The hints between those processes.
    pub hints: Arc<dyn Hints>,
    /// The bytes of uploads and of messages.
    pub payloads: Arc<dyn Payloads>,
    /// Bytes that arrive, and the rows that tell of them; of the same records and bytes as above.
    pub appends: Arc<dyn Appends>,
    /// The connections of users.
    pub announcements: Arc<dyn Announcements>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stores")
    }
}

//! The place where everything is stored: the settings choose the implementations of the ports, and no module
//! above names one.

mod between;
mod bucket;
mod embedded;
mod examined;
mod postgres;
mod shared;

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use crate::config::Config;
use crate::data_folder::{DataFolder, FolderError};
use crate::store::postgres::{Moving, Postgres};
use crate::store::{
    Announcements, Appends, Dependency, Durability, Duties, Hints, Leases, Memberships, Messages, Payloads,
    Records, StoreError, Stores,
};

pub use between::Between;
pub use examined::Examined;
pub use shared::Shared;

/// The ports to what is stored, all to one place.
pub struct Backend {
    /// The data folder of this process.
    pub folder: DataFolder,
    /// The failure that an acknowledged change survives.
    pub durability: Durability,
    /// The lock on the folder, where the records do not keep other processes out of it.
    alone: Option<File>,
    records: Arc<dyn Records>,
    messages: Arc<dyn Messages>,
    memberships: Arc<dyn Memberships>,
    leases: Arc<dyn Leases>,
    duties: Arc<dyn Duties>,
    hints: Arc<dyn Hints>,
    payloads: Arc<dyn Payloads>,
    appends: Arc<dyn Appends>,
    between: Option<Between>,
    dependencies: Vec<Arc<dyn Dependency>>,
}

/// The reason why the store cannot be opened. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The records are in use, or damaged as a whole.
    #[error(transparent)]
    Records(Box<dyn std::error::Error + Send + Sync>),
    /// The bytes are kept in a way that this version does not know.
    #[error("its bytes are kept in `{0}`, which this version does not know")]
    Payload(String),
    /// The records are in a database, whose address was not given.
    #[error("its records are in PostgreSQL: give --database")]
    InDatabase,
    /// The folder is not the one that belongs to the database.
    #[error("{0} is not the data folder that belongs to this database")]
    AnotherFolder(String),
    /// Another process has the folder.
    #[error("{0}: another process has this data folder")]
    InUse(String),
    /// A folder is being moved into the database.
    #[error(
        "a data folder is moved into this database, and not all of it is there: run `longhaul move` again"
    )]
    HalfMoved,
    /// Reading failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Backend {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// [`BackendError`]
    pub async fn open(config: &Config) -> Result<Self, BackendError> {
        match (&config.database, &config.bucket) {
            (Some(address), Some(s3)) => bucket::open(config, address, s3).await,
            (Some(address), None) => postgres::open(config, address).await,
            (None, _) => embedded::open(config),
        }
    }

    /// What keeps other processes out of the data folder as long as it lives.
    pub fn alone(&mut self) -> Option<File> {
        self.alone.take()
    }

    /// What goes between this process and others, if there may be any.
    pub fn between(&self) -> Option<Between> {
        self.between.clone()
    }

    /// The port of messages.
    pub fn messages(&self) -> Arc<dyn Messages> {
        Arc::clone(&self.messages)
    }

    /// The port of memberships.
    pub fn memberships(&self) -> Arc<dyn Memberships> {
        Arc::clone(&self.memberships)
    }

    /// The servers that this one uses.
    pub fn dependencies(&self) -> Vec<Arc<dyn Dependency>> {
        self.dependencies.clone()
    }

    /// All ports, together with this one to connected users.
    pub fn stores(&self, announcements: Arc<dyn Announcements>) -> Stores {
        Stores {
            records: Arc::clone(&self.records),
            messages: Arc::clone(&self.messages),
            memberships: Arc::clone(&self.memberships),
            leases: Arc::clone(&self.leases),
            duties: Arc::clone(&self.duties),
            hints: Arc::clone(&self.hints),
            payloads: Arc::clone(&self.payloads),
            appends: Arc::clone(&self.appends),
            announcements,
        }
    }
}

/// Refuses a database into which a folder is being moved. A server asks after it has told of itself: so one
/// of the two sees the other.
async fn refuse_half_moved(store: &Postgres) -> Result<(), BackendError> {
    match store.moving().await? {
        Some(Moving::Half(_)) => Err(BackendError::HalfMoved),
        Some(Moving::Done(_)) | None => Ok(()),
    }
}

impl fmt::Debug for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backend").field("folder", &self.folder).finish_non_exhaustive()
    }
}

//! The store: connections, and the allocator of message ids.

use std::fmt;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Row;
use uuid::Uuid;

use super::borrowed::Params;
use super::connect::Connections;
use super::migrations::{self, MigrationError};
use super::rows;
use crate::message::{MessageIds, Stamp};
use crate::store::{Dependency, StoreError};
use crate::time::Timestamp;

/// How long the database may take to say that it is there.
const ANSWER_WAIT: Duration = Duration::from_secs(1);

/// Records, messages and memberships in one schema of a database.
pub struct Postgres {
    connections: Connections,
    ids: Mutex<MessageIds>,
    /// Whether no other process may have missed an announcement.
    pub(super) is_alone: bool,
    /// Done once the log says that this process is too old.
    outdated: Once,
}

impl Postgres {
    /// The store behind these connections, once its tables are those of this version.
    ///
    /// # Errors
    /// [`MigrationError`]
    pub async fn open(connections: Connections) -> Result<Self, MigrationError> {
        migrations::apply(&connections).await?;
        Ok(Self::over(connections))
    }

    /// The store behind these connections, whose tables are those of this version.
    pub fn over(connections: Connections) -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("the system has random numbers");
        Self { connections, ids: Mutex::new(MessageIds::new(seed)), is_alone: false, outdated: Once::new() }
    }

    /// The store of a process that shares it with no other. It remembers no announcements.
    #[must_use]
    pub fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// The connections.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// The rows that a single statement answers.
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        self.connections.query(sql, params).await
    }

    /// The row that a single statement answers, if it answers one.
    pub(in crate::store) async fn row(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.pop())
    }

    /// The next stamp after the latest one of a conversation, which may be that of another message.
    pub(super) fn stamp(&self, now: Timestamp, latest: Option<Stamp>) -> Stamp {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(stamp) = ids.stamp(now, latest, |_| Ok::<_, std::convert::Infallible>(false));
        stamp
    }
}

impl Postgres {
    /// What tells the processes that share these tables from any others.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be asked.
    pub async fn cluster(&self) -> Result<Uuid, StoreError> {
        let row = self.row("select id from cluster", &[]).await?;
        let row = row.ok_or_else(|| StoreError::Damaged("the cluster has no id".into()))?;
        rows::column(&row, "id")
    }
}

#[async_trait]
impl Dependency for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn is_needed(&self) -> bool {
        true
    }

    async fn answers(&self) -> bool {
        let answer = tokio::time::timeout(ANSWER_WAIT, migrations::are_usable(&self.connections)).await;
        if matches!(answer, Ok(Ok(false))) {
            self.outdated
                .call_once(|| tracing::error!("the tables are for newer versions than this one now"));
        }
        matches!(answer, Ok(Ok(true)))
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

//! Connections of the pool, each for one piece of work, and how long that may take.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool_postgres::Client;
use tokio_postgres::types::ToSql;

use crate::store::StoreError;

/// How long a request waits for the database, with everything that one step of it needs: a connection, and
/// all statements and attempts of a change. A database that stands still answers nothing at all.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Parameters of a statement.
pub(in crate::store) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection of the pool. Only one whose work came to its end goes back: if the work is given up, as with
/// a request that is cancelled, the connection is closed. Otherwise its next user would wait for a statement
/// of the request before, or be in the middle of a transaction.
pub(super) struct Borrowed {
    client: Option<Client>,
    is_done: bool,
}

impl Borrowed {
    pub(super) fn new(client: Client) -> Self {
        Self { client: Some(client), is_done: false }
    }

    /// Gives the connection back to the pool.
    pub(super) fn give_back(mut self) {
        self.is_done = true;
    }
}

/// The outcome of a step, if it comes in time.
pub(super) async fn in_time<T, E>(
    patience: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    match tokio::time::timeout(patience, step).await {
        Ok(outcome) => Ok(outcome?),
        Err(_) => Err(StoreError::Unavailable("the database does not answer".into())),
    }
}

impl Deref for Borrowed {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("only one that is being dropped has no connection")
    }
}

impl DerefMut for Borrowed {
    fn deref_mut(&mut self) -> &mut Client {
        self.client.as_mut().expect("only one that is being dropped has no connection")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if let Some(client) = self.client.take().filter(|_| !self.is_done) {
            drop(Client::take(client));
        }
    }
}

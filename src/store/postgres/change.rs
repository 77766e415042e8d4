//! Changes as transactions, and the attempts at them.

use async_trait::async_trait;
use futures_util::try_join;
use tokio_postgres::Row;

use super::borrowed::{self, Borrowed, Params, in_time};
use super::fault::Fault;
use super::store::Postgres;
use crate::message::MessageId;
use crate::store::StoreError;

/// How often a change is begun anew. Each attempt but the last met another transaction that went through.
const ATTEMPTS: usize = 32;

/// A change of what is stored, which may be attempted several times.
#[async_trait]
pub(in crate::store) trait Change: Sync {
    type Answer: Send;

    /// Reads rows under locks, decides, and writes. What is written goes together; the order must not matter,
    /// as a statement that its connection does not know yet comes after the others.
    async fn make(&self, tx: &Tx) -> Result<Self::Answer, Fault>;
}

/// Statements that go along with a change, in its transaction.
#[async_trait]
pub(in crate::store) trait Along: Send + Sync {
    /// Whether these make the file of the upload's message: then the message is committed by the change that
    /// claims it.
    fn makes_file(&self) -> bool {
        false
    }

    /// Runs the statements; of an upload whose message is committed along, with that message.
    async fn write(&self, tx: &Tx, message: Option<MessageId>) -> Result<(), Fault>;
}

/// A transaction. If it is dropped before its end, as with a request that is cancelled, its connection is
/// closed: the server rolls it back.
pub(in crate::store) struct Tx(Borrowed);

impl Postgres {
    /// Makes a change, in as many attempts as other transactions make necessary.
    pub(in crate::store) async fn change<C: Change>(&self, change: &C) -> Result<C::Answer, StoreError> {
        in_time(borrowed::PATIENCE, self.attempts(change)).await
    }

    async fn attempts<C: Change>(&self, change: &C) -> Result<C::Answer, StoreError> {
        for _ in 0..ATTEMPTS {
            match self.attempt(change).await {
                Ok(answer) => return Ok(answer),
                Err(Fault::Store(error)) => return Err(error),
                Err(Fault::Again) => {}
            }
        }
        Err(StoreError::Unavailable("other transactions change the same rows all the time".into()))
    }

    async fn attempt<C: Change>(&self, change: &C) -> Result<C::Answer, Fault> {
        let tx = Tx(self.connections().client().await?);
        // The first statement follows at once: the futures are polled in this order.
        let begin = tx.batch("begin isolation level read committed");
        let outcome = try_join!(begin, change.make(&tx));
        let end = if outcome.is_ok() { "commit" } else { "rollback" };
        let ended = tx.batch(end).await;
        // A connection that the database is not fit for, as after a failover, is not used again either.
        if ended.is_ok() && !matches!(outcome, Err(Fault::Store(StoreError::Unavailable(_)))) {
            tx.0.give_back();
        }
        let ((), answer) = outcome?;
        ended?;
        Ok(answer)
    }
}

impl Tx {
    /// A transaction that sees all tables as they are now, and changes nothing. Its connection ends with it.
    pub(super) async fn reading(store: &Postgres) -> Result<Self, StoreError> {
        let tx = Self(store.connections().client().await?);
        // What it compares may take longer than a request may.
        let begin = "begin isolation level repeatable read read only;
            set local idle_in_transaction_session_timeout = '10min'; set local statement_timeout = '1h'";
        tx.batch(begin).await?;
        Ok(tx)
    }

    async fn batch(&self, sql: &str) -> Result<(), Fault> {
        Ok(self.0.batch_execute(sql).await?)
    }

    /// The rows that the statement answers.
    pub(in crate::store) async fn query(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, Fault> {
        let statement = self.0.prepare_cached(sql).await?;
        Ok(self.0.query(&statement, params).await?)
    }

    /// The row that the statement answers, if it answers one.
    pub(in crate::store) async fn row(&self, sql: &str, params: Params<'_>) -> Result<Option<Row>, Fault> {
        Ok(self.query(sql, params).await?.pop())
    }

    /// Runs a statement; answers how many rows it changed.
    pub(in crate::store) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, Fault> {
        let statement = self.0.prepare_cached(sql).await?;
        Ok(self.0.execute(&statement, params).await?)
    }
}

//! The failures of statements.

use std::error::Error;

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

use crate::store::StoreError;
use crate::upload::Conflict;

/// The reason why an attempt at a change ended.
#[derive(Debug)]
pub(in crate::store) enum Fault {
    /// Another transaction came in between: the change begins anew, and finds what that one left.
    Again,
    /// The change cannot be made.
    Store(StoreError),
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let met = [
            &SqlState::UNIQUE_VIOLATION,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::T_R_SERIALIZATION_FAILURE,
            // One of the statements before this one failed, and its answer has not been looked at yet.
            &SqlState::IN_FAILED_SQL_TRANSACTION,
        ];
        match error.code() {
            Some(code) if met.contains(&code) => Self::Again,
            _ => Self::Store(error.into()),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Again => Self::Unavailable("another transaction came in between".into()),
            Fault::Store(error) => error,
        }
    }
}

impl From<Conflict> for Fault {
    fn from(conflict: Conflict) -> Self {
        Self::Store(conflict.into())
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// The texts are for the log: the one of a failed statement says what the database found.
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(found) if *found.code() == SqlState::DISK_FULL => Self::Full,
            Some(found) => Self::Unavailable(describe(found)),
            None => Self::Unavailable(match error.source() {
                Some(cause) => format!("{error}: {cause}"),
                None => error.to_string(),
            }),
        }
    }
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Self::Unavailable(error.to_string()),
        }
    }
}

fn describe(found: &DbError) -> String {
    format!("{} ({})", found.message(), found.code().code())
}

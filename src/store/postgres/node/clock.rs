//! The database's clock, which all nodes go by.
//!
//! A node learns it when it is entered, so before it serves, and with every beat. What it hands in, and what
//! it compares with what others handed in, are times of that clock: when uploads expire, when messages count
//! as left, how long tokens and links are valid.

use std::sync::Once;
use std::time::{Duration, Instant};

use tokio_postgres::Row;

use super::super::rows;
use crate::store::StoreError;
use crate::time::Reading;

/// The column with the time of the answer.
pub(super) const TIME: &str = "(extract(epoch from clock_timestamp()) * 1000)::bigint as time";
/// How far a machine's clock may be off before its operator is told.
const UNTOLD: Duration = Duration::from_secs(2);

/// Makes the time in an answer the one that this process goes by.
pub(super) fn heed(answer: &Row, asked: Instant) -> Result<(), StoreError> {
    static TOLD: Once = Once::new();
    let reading = Reading::of(rows::timestamp(answer, "time")?, asked);
    reading.go_by();
    let off = reading.machine_is_off_by();
    if off > UNTOLD {
        TOLD.call_once(|| {
            let off_secs = off.as_secs();
            tracing::warn!(off_secs, "the clock of this machine is wrong; the database's is gone by");
        });
    }
    Ok(())
}

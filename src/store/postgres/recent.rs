//! The messages that were announced lately, and other rows that are kept for a while only.

use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Client;

use super::rows;
use super::store::Postgres;
use crate::message::MessageId;
use crate::store::{Recent, StoreError};

/// How long announced messages are kept.
pub(super) const KEPT: Duration = Duration::from_secs(10 * 60);
/// The most messages that a process looks for.
const MOST: i64 = 100_000;

#[async_trait]
impl Recent for Postgres {
    async fn announced_within(&self, period: Duration) -> Result<Option<Vec<MessageId>>, StoreError> {
        if period >= KEPT {
            return Ok(None);
        }
        let sql = "select m.id from (select message_id from outbox
                 union select message_id from announced where at >= now() - $1 * interval '1 second'
                 limit $2) a
             join messages m on m.id = a.message_id order by m.position";
        let found = self.query(sql, &[&period.as_secs_f64(), &(MOST + 1)]).await?;
        if found.len() > usize::try_from(MOST).unwrap_or(usize::MAX) {
            return Ok(None);
        }
        found
            .iter()
            .map(|row| rows::twelve(row, "id").map(MessageId::from_bytes))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

/// Deletes what is not kept any more. Rows that another process deletes are left to it.
pub(super) async fn sweep(client: &Client) -> Result<(), tokio_postgres::Error> {
    let announced = "delete from announced where message_id in (select message_id from announced
        where at < now() - $1 * interval '1 second' limit 10000 for update skip locked)";
    client.execute(announced, &[&KEPT.as_secs_f64()]).await?;
    let parcels = "delete from parcels where id in (select id from parcels
        where at < now() - interval '5 minutes' limit 10000 for update skip locked)";
    client.execute(parcels, &[]).await.map(drop)
}

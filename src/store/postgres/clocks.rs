//! The latest stamp and the last position of each conversation. All claims and commits of a conversation wait
//! for each other at its row.

use tokio_postgres::Row;

use super::change::Tx;
use super::fault::Fault;
use super::rows;
use crate::message::{ConversationId, MessageId, Stamp};
use crate::store::{Position, StoreError};

/// The clock of a conversation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    pub(super) latest: Stamp,
    /// The position of the message that was committed last, if one was.
    pub(super) position: Option<Position>,
}

impl Clock {
    /// The clock in the columns of its names.
    pub(super) fn of(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some(id) = rows::maybe_twelve(row, "latest_id")? else { return Ok(None) };
        let latest = Stamp { id: MessageId::from_bytes(id), at: rows::timestamp(row, "latest_at")? };
        let position = rows::maybe_twelve(row, "position")?.map(|id| Position(MessageId::from_bytes(id)));
        Ok(Some(Self { latest, position }))
    }
}

/// Sets the clock of a conversation. It is inserted if none was seen, which fails if there is one by now.
pub(super) async fn set(
    tx: &Tx,
    conversation: ConversationId,
    before: Option<Clock>,
    clock: Clock,
) -> Result<(), Fault> {
    let sql = match before {
        None => "insert into clocks (conversation, latest_id, latest_at, position) values ($1, $2, $3, $4)",
        Some(_) => "update clocks set latest_id = $2, latest_at = $3, position = $4 where conversation = $1",
    };
    let position = clock.position.as_ref().map(|position| position.0.as_bytes().as_slice());
    let (id, at) = (clock.latest.id.as_bytes().as_slice(), rows::time(clock.latest.at));
    tx.execute(sql, &[&conversation.as_bytes().as_slice(), &id, &at, &position]).await?;
    Ok(())
}

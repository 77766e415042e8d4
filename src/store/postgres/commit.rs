//! Commits of messages.

use async_trait::async_trait;
use futures_util::try_join;

use super::change::{Change, Tx};
use super::clocks::{self, Clock};
use super::fault::Fault;
use super::rows;
use super::seen::{self, Beside};
use super::uploads;
use crate::message::{Message, Stamp};
use crate::store::Position;
use crate::time::Timestamp;

/// Commits a message.
pub(super) struct Commit<'a> {
    pub(super) message: &'a Message,
    pub(super) now: Timestamp,
}

#[async_trait]
impl Change for Commit<'_> {
    type Answer = ();

    async fn make(&self, tx: &Tx) -> Result<(), Fault> {
        let message = self.message;
        let beside = Beside { clock: true, ..Beside::default() };
        let seen = seen::existing(tx, message.upload_id.into(), beside).await?;
        let Some(committed) = seen.upload.clone().commit(message.id, self.now)? else { return Ok(()) };
        let (clock, position) = clock(message, seen.clock);
        try_join!(
            clocks::set(tx, message.conversation_id, seen.clock, clock),
            uploads::replace(tx, &seen, &committed),
            insert(tx, message, position, self.now)
        )?;
        Ok(())
    }
}

/// The clock of a conversation once this message is committed, and the message's position.
pub(super) fn clock(message: &Message, before: Option<Clock>) -> (Clock, Position) {
    let position = Position::of(message.id, before.and_then(|clock| clock.position));
    let own = Stamp { id: message.id, at: message.created_at };
    let latest = before.map_or(own, |clock| clock.latest).max(own);
    (Clock { latest, position: Some(position) }, position)
}

/// Inserts a message, and its place in the outbox.
pub(super) async fn insert(
    tx: &Tx,
    message: &Message,
    position: Position,
    now: Timestamp,
) -> Result<(), Fault> {
    let sql = "with m as (insert into messages (id, conversation, position, sender, upload, body)
            values ($1, $2, $3, $4, $5, $6) returning id)
        insert into outbox (message_id, committed_at) select id, $7 from m";
    let (id, conversation) =
        (message.id.as_bytes().as_slice(), message.conversation_id.as_bytes().as_slice());
    let (position, sender) = (position.0.as_bytes().as_slice(), message.sender.as_str());
    let (body, now) = (rows::body(message), rows::time(now));
    tx.execute(sql, &[&id, &conversation, &position, &sender, &message.upload_id, &body, &now]).await?;
    Ok(())
}

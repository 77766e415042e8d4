//! The order of a conversation's messages, which is that of their commits.
//!
//! A message gets its id before its file is placed, and others may overtake it meanwhile. A client that has
//! seen one of those asks for what is newer, and would never hear of a message that is committed later with a
//! lower id. So the message that was overtaken goes to the end, as [`Position::of`] says. That is rare: such
//! messages are in tables of their own, which are mostly empty.

use std::collections::HashMap;

use super::super::engine::layered::{Layered, Rows};
use super::super::engine::view::View;
use super::keys::{self, Key};
use super::rows;
use crate::message::{ConversationId, MessageId};
use crate::store::{Position, StoreError};

/// Gives a message that is committed now the position after all others.
pub(crate) fn append(
    view: &mut View<'_>,
    conversation: ConversationId,
    id: MessageId,
) -> Result<(), StoreError> {
    let last = view.end(&keys::order_of(conversation))?.map(|(key, _)| position_of(&key)).transpose()?;
    let position = Position::of(id, last);
    if position != Position(id) {
        view.put(keys::moved(conversation, position), rows::encode(&id))?;
        view.put(keys::position(id), rows::encode(&position.0))?;
    }
    view.mark(keys::order(conversation, position), true)
}

/// The position of a message, or the one that a message with this id would have.
pub(crate) fn position(tree: &impl Rows, id: MessageId) -> Result<Position, StoreError> {
    let moved = tree.get(&keys::position(id))?.map(|row| rows::decode("position", &row)).transpose()?;
    Ok(Position(moved.unwrap_or(id)))
}

/// The messages before this one, newest first, at most `limit`.
pub(crate) fn page(
    tree: &Layered<'_>,
    conversation: ConversationId,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let start = keys::order_of(conversation);
    let end = end(tree, conversation, before)?;
    let newest_first = tree.rows_back(start..end).take(limit);
    messages(tree, conversation, newest_first.map(|row| Ok(row?.0)))
}

/// The messages after this one, oldest first, at most `limit`.
pub(crate) fn newer(
    tree: &Layered<'_>,
    conversation: ConversationId,
    after: MessageId,
    before: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageId>, StoreError> {
    let start = keys::after(&keys::order(conversation, position(tree, after)?));
    let end = end(tree, conversation, before)?.max(start.clone());
    let oldest_first = tree.rows(start..end).take(limit);
    messages(tree, conversation, oldest_first.map(|row| Ok(row?.0)))
}

fn end(
    tree: &Layered<'_>,
    conversation: ConversationId,
    before: Option<MessageId>,
) -> Result<Key, StoreError> {
    Ok(match before {
        Some(id) => keys::order(conversation, position(tree, id)?),
        None => keys::end_of(&keys::order_of(conversation)),
    })
}

/// The messages at these positions.
fn messages(
    tree: &Layered<'_>,
    conversation: ConversationId,
    places: impl Iterator<Item = Result<Key, StoreError>>,
) -> Result<Vec<MessageId>, StoreError> {
    let places = places.map(|key| position_of(&key?)).collect::<Result<Vec<_>, _>>()?;
    let moved = match (places.iter().min(), places.iter().max()) {
        (Some(first), Some(last)) => moved(tree, conversation, *first, *last)?,
        _ => HashMap::new(),
    };
    Ok(places.into_iter().map(|place| moved.get(&place).copied().unwrap_or(place.0)).collect())
}

/// The messages between two positions that are not at their ids.
fn moved(
    tree: &Layered<'_>,
    conversation: ConversationId,
    first: Position,
    last: Position,
) -> Result<HashMap<Position, MessageId>, StoreError> {
    let end = keys::after(&keys::moved(conversation, last));
    let rows = tree.rows(keys::moved(conversation, first)..end).map(|row| {
        let (key, row) = row?;
        Ok((position_of(&key)?, rows::decode("moved", &row)?))
    });
    rows.collect()
}

fn position_of(key: &[u8]) -> Result<Position, StoreError> {
    let place =
        keys::place_in_order(key).ok_or_else(|| StoreError::Damaged("the order of a conversation".into()))?;
    Ok(place.1)
}

//! The layout of keys. One tree holds every table, because one batch has to change several of them at once.
//!
//! | first byte | table | key | row |
//! | --- | --- | --- | --- |
//! | `00` | format | | the version of this layout |
//! | `10` | upload | upload id | [`UploadRow`](super::rows::UploadRow), and mostly the description behind it: `Upload-Metadata` as it was given, and after a zero byte `Upload-Concat` |
//! | `11` | metadata | upload id | a long description: with the record, which changes, it would be too large for one value |
//! | `12` | ledger | upload id ‖ offset | [`ChunkRow`](super::rows::ChunkRow); the end of the last one is the upload's offset. Without any it is in the record |
//! | `13` | unfinished | owner ‖ created at ‖ upload id | empty; every upload that is not committed |
//! | `14` | owed | upload id | empty |
//! | `15` | used | upload id | empty; a part that an upload was made of |
//! | `16` | committed | committed at ‖ upload id | empty |
//! | `20` | claim | conversation ‖ owner ‖ `client_message_id` | [`ClaimRow`](super::rows::ClaimRow) |
//! | `30` | conversation | conversation | empty; it exists |
//! | `31` | participant | conversation ‖ user | empty |
//! | `32` | latest | conversation | the stamp that was claimed last |
//! | `33` | membership | user ‖ conversation | empty; the participants, by user |
//! | `40` | message | message id | the message without its content |
//! | `41` | content | message id | the message's content, if it has any; apart for the same reason |
//! | `42` | order | conversation ‖ [position](crate::store::Position) | empty; mostly the position is the message's id |
//! | `43` | outbox | message id | empty; committed and not published |
//! | `44` | moved | conversation ‖ position | the message at a position that is not its id |
//! | `45` | position | message id | that position |
//! | `50` | part | upload id | empty; has bytes that are not placed |
//! | `51` | block | upload id ‖ block number | up to 4 KiB of the upload's bytes |
//! | `60` | carried | upload id ‖ offset | bytes whose file may not be synced yet |
//! | `61` | placed | upload id | [`PlacedRow`](super::rows::PlacedRow); where a file went that may not be synced yet |
//! | `7f` | flushed | | the number of the journal's last record that is in sled; written after everything else of it, so that a log which ends early has an older one |
//!
//! Carried and placed are in the journal only, and never get to sled; unfinished, committed and order get there as
//! [`runs`](super::super::engine::runs). Numbers are big-endian, so that the order of keys is the order of numbers. An owner, or a user before
//! something else, is preceded by its length in two bytes, so that no owner is another one's prefix.

pub(crate) use super::super::engine::key::{Key, after, end_of, number_at_end};
use super::super::engine::layout::Layout;
use crate::message::{ClientMessageId, ConversationId, MessageId, UserId};
use crate::store::Position;
use crate::time::Timestamp;
use crate::upload::UploadId;

const FORMAT: u8 = 0x00;
const UPLOAD: u8 = 0x10;
const METADATA: u8 = 0x11;
const LEDGER: u8 = 0x12;
const UNFINISHED: u8 = 0x13;
const OWED: u8 = 0x14;
const USED: u8 = 0x15;
const COMMITTED: u8 = 0x16;
const CLAIM: u8 = 0x20;
const CONVERSATION: u8 = 0x30;
const PARTICIPANT: u8 = 0x31;
const LATEST: u8 = 0x32;
const MEMBERSHIP: u8 = 0x33;
const MESSAGE: u8 = 0x40;
const CONTENT: u8 = 0x41;
const ORDER: u8 = 0x42;
const OUTBOX: u8 = 0x43;
const MOVED: u8 = 0x44;
const POSITION: u8 = 0x45;
const PART: u8 = 0x50;
const BLOCK: u8 = 0x51;
const CARRIED: u8 = 0x60;
const PLACED: u8 = 0x61;
const FLUSHED: u8 = 0x7f;

/// What the engine has to know of all this.
pub(crate) const LAYOUT: Layout = Layout {
    format: &[FORMAT],
    flushed: &[FLUSHED],
    is_volatile: |key| matches!(key.first(), Some(&(CARRIED | PLACED))),
    suffix_of_set,
};

/// A table that is read from its beginning to its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table(u8);

impl Table {
    pub(crate) const UPLOAD: Self = Self(UPLOAD);
    pub(crate) const METADATA: Self = Self(METADATA);
    pub(crate) const LEDGER: Self = Self(LEDGER);
    pub(crate) const UNFINISHED: Self = Self(UNFINISHED);
    pub(crate) const OWED: Self = Self(OWED);
    pub(crate) const USED: Self = Self(USED);
    pub(crate) const COMMITTED: Self = Self(COMMITTED);
    pub(crate) const CLAIM: Self = Self(CLAIM);
    pub(crate) const PARTICIPANT: Self = Self(PARTICIPANT);
    pub(crate) const MEMBERSHIP: Self = Self(MEMBERSHIP);
    pub(crate) const MESSAGE: Self = Self(MESSAGE);
    pub(crate) const CONTENT: Self = Self(CONTENT);
    pub(crate) const ORDER: Self = Self(ORDER);
    pub(crate) const OUTBOX: Self = Self(OUTBOX);
    pub(crate) const MOVED: Self = Self(MOVED);
    pub(crate) const POSITION: Self = Self(POSITION);

    pub(crate) fn start(self) -> Key {
        key(self.0, &[])
    }

    pub(crate) fn end(self) -> Key {
        end_of(&self.start())
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

pub(crate) fn upload(id: UploadId) -> Key {
    key(UPLOAD, &[id.as_bytes()])
}

pub(crate) fn metadata(id: UploadId) -> Key {
    key(METADATA, &[id.as_bytes()])
}

pub(crate) fn ledger(id: UploadId) -> Key {
    key(LEDGER, &[id.as_bytes()])
}

pub(crate) fn chunk(id: UploadId, offset: u64) -> Key {
    key(LEDGER, &[id.as_bytes(), &offset.to_be_bytes()])
}

pub(crate) fn every_unfinished() -> Key {
    key(UNFINISHED, &[])
}

pub(crate) fn unfinished_of(owner: &UserId) -> Key {
    key(UNFINISHED, &[&length(owner), owner.as_str().as_bytes()])
}

pub(crate) fn unfinished(owner: &UserId, created_at: Timestamp, id: UploadId) -> Key {
    let created_at = created_at.millis().to_be_bytes();
    key(UNFINISHED, &[&length(owner), owner.as_str().as_bytes(), &created_at, id.as_bytes()])
}

pub(crate) fn every_owed() -> Key {
    key(OWED, &[])
}

pub(crate) fn owed(id: UploadId) -> Key {
    key(OWED, &[id.as_bytes()])
}

pub(crate) fn used(part: UploadId) -> Key {
    key(USED, &[part.as_bytes()])
}

pub(crate) fn every_committed() -> Key {
    key(COMMITTED, &[])
}

/// Where those begin that were committed at this time.
pub(crate) fn committed_at(at: Timestamp) -> Key {
    key(COMMITTED, &[&at.millis().to_be_bytes()])
}

pub(crate) fn committed(at: Timestamp, id: UploadId) -> Key {
    key(COMMITTED, &[&at.millis().to_be_bytes(), id.as_bytes()])
}

pub(crate) fn claim(conversation: ConversationId, owner: &UserId, id: &ClientMessageId) -> Key {
    let owner = (length(owner), owner.as_str().as_bytes());
    key(CLAIM, &[conversation.as_bytes(), &owner.0, owner.1, id.as_str().as_bytes()])
}

pub(crate) fn conversation(id: ConversationId) -> Key {
    key(CONVERSATION, &[id.as_bytes()])
}

pub(crate) fn participants(id: ConversationId) -> Key {
    key(PARTICIPANT, &[id.as_bytes()])
}

pub(crate) fn participant(id: ConversationId, user: &UserId) -> Key {
    key(PARTICIPANT, &[id.as_bytes(), user.as_str().as_bytes()])
}

pub(crate) fn memberships_of(user: &UserId) -> Key {
    key(MEMBERSHIP, &[&length(user), user.as_str().as_bytes()])
}

pub(crate) fn membership(user: &UserId, conversation: ConversationId) -> Key {
    key(MEMBERSHIP, &[&length(user), user.as_str().as_bytes(), conversation.as_bytes()])
}

pub(crate) fn latest(id: ConversationId) -> Key {
    key(LATEST, &[id.as_bytes()])
}

pub(crate) fn message(id: MessageId) -> Key {
    key(MESSAGE, &[id.as_bytes()])
}

pub(crate) fn content(id: MessageId) -> Key {
    key(CONTENT, &[id.as_bytes()])
}

pub(crate) fn order_of(conversation: ConversationId) -> Key {
    key(ORDER, &[conversation.as_bytes()])
}

pub(crate) fn order(conversation: ConversationId, position: Position) -> Key {
    key(ORDER, &[conversation.as_bytes(), position.0.as_bytes()])
}

pub(crate) fn moved(conversation: ConversationId, position: Position) -> Key {
    key(MOVED, &[conversation.as_bytes(), position.0.as_bytes()])
}

pub(crate) fn position(id: MessageId) -> Key {
    key(POSITION, &[id.as_bytes()])
}

pub(crate) fn every_outbox() -> Key {
    key(OUTBOX, &[])
}

pub(crate) fn outbox(id: MessageId) -> Key {
    key(OUTBOX, &[id.as_bytes()])
}

pub(crate) fn every_part() -> Key {
    key(PART, &[])
}

pub(crate) fn part(id: UploadId) -> Key {
    key(PART, &[id.as_bytes()])
}

pub(crate) fn blocks(id: UploadId) -> Key {
    key(BLOCK, &[id.as_bytes()])
}

pub(crate) fn block(id: UploadId, number: u64) -> Key {
    key(BLOCK, &[id.as_bytes(), &number.to_be_bytes()])
}

pub(crate) fn every_carried() -> Key {
    key(CARRIED, &[])
}

pub(crate) fn carried(id: UploadId, offset: u64) -> Key {
    key(CARRIED, &[id.as_bytes(), &offset.to_be_bytes()])
}

pub(crate) fn every_placed() -> Key {
    key(PLACED, &[])
}

pub(crate) fn placed(id: UploadId) -> Key {
    key(PLACED, &[id.as_bytes()])
}

/// The upload of a row that only the journal has.
pub(crate) fn upload_of_journal(key: &[u8]) -> Option<UploadId> {
    match key.first() {
        Some(&(CARRIED | PLACED)) => key.get(1..17)?.first_chunk().copied().map(UploadId::from_bytes),
        _ => None,
    }
}

/// The upload id at the end of a key.
pub(crate) fn upload_at_end(key: &[u8]) -> Option<UploadId> {
    key.last_chunk().copied().map(UploadId::from_bytes)
}

/// When the upload of a key of [`unfinished`] was created.
pub(crate) fn created_at_of_unfinished(key: &[u8]) -> Option<Timestamp> {
    let (before, _) = key.split_last_chunk::<16>()?;
    Some(Timestamp::from_millis(number_at_end(before)?))
}

/// The upload of a key of [`chunk`].
pub(crate) fn upload_of_chunk(key: &[u8]) -> Option<UploadId> {
    key.get(1..17)?.first_chunk().copied().map(UploadId::from_bytes)
}

/// The conversation of a key of [`participant`].
pub(crate) fn conversation_of_participant(key: &[u8]) -> Option<ConversationId> {
    key.get(1..13)?.first_chunk().copied().map(ConversationId::from_bytes)
}

/// The key of [`membership`] that goes with a key of [`participant`].
pub(crate) fn membership_of(participant: &[u8]) -> Option<Key> {
    let conversation = conversation_of_participant(participant)?;
    Some(membership(&user_at_end(participant, conversation)?, conversation))
}

/// The key of [`participant`] that goes with a key of [`membership`].
pub(crate) fn participant_of(membership: &[u8]) -> Option<Key> {
    let (before, conversation) = membership.split_last_chunk::<12>()?;
    let user = std::str::from_utf8(before.get(3..)?).ok()?.parse().ok()?;
    Some(participant(ConversationId::from_bytes(*conversation), &user))
}

/// The conversation at the end of a key.
pub(crate) fn conversation_at_end(key: &[u8]) -> Option<ConversationId> {
    key.last_chunk().copied().map(ConversationId::from_bytes)
}

/// The conversation and the position of a key of [`order`] or [`moved`].
pub(crate) fn place_in_order(key: &[u8]) -> Option<(ConversationId, Position)> {
    let (_, ids) = key.split_first()?;
    let (conversation, position) = ids.split_first_chunk()?;
    let position = MessageId::from_bytes(position.try_into().ok()?);
    Some((ConversationId::from_bytes(*conversation), Position(position)))
}

/// The message id at the end of a key.
pub(crate) fn message_at_end(key: &[u8]) -> Option<MessageId> {
    key.last_chunk().copied().map(MessageId::from_bytes)
}

/// The user at the end of a key of [`participant`].
pub(crate) fn user_at_end(key: &[u8], conversation: ConversationId) -> Option<UserId> {
    let user = key.strip_prefix(participants(conversation).as_slice())?;
    std::str::from_utf8(user).ok()?.parse().ok()
}

/// How many bytes at the end of its keys differ within a set, if the key's table is sets: its rows are empty, and
/// sled has them in [`runs`](super::super::engine::runs).
fn suffix_of_set(key: &[u8]) -> Option<usize> {
    match key.first() {
        Some(&(UNFINISHED | COMMITTED)) => Some(size_of::<u64>() + size_of::<UploadId>()),
        Some(&ORDER) => Some(size_of::<MessageId>()),
        _ => None,
    }
}

/// The first key after all those of the set that this one is in.
pub(crate) fn after_set(key: &[u8]) -> Key {
    let suffix = suffix_of_set(key).expect("it is in a set");
    end_of(&key[..key.len().saturating_sub(suffix)])
}

fn key(table: u8, parts: &[&[u8]]) -> Key {
    let mut key = Key::from_slice(&[table]);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

fn length(owner: &UserId) -> [u8; 2] {
    u16::try_from(owner.as_str().len()).expect("a user id has at most 256 bytes").to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_owner_is_the_prefix_of_another() {
        let of = |owner: &str| unfinished_of(&owner.parse().expect("valid"));
        for (one, other) in [("a", "ab"), ("a", "a\u{7ff}"), ("x", "xx")] {
            assert!(!of(other).starts_with(&of(one)), "{one} {other}");
        }
    }

    #[test]
    fn the_end_of_a_prefix_is_after_every_key_with_it() {
        let id = UploadId::from_bytes([0xff; 16]);
        for (prefix, last) in [(ledger(id), chunk(id, u64::MAX)), (every_owed(), owed(id))] {
            assert!(last < end_of(&prefix));
            assert!(after(&last) <= end_of(&prefix));
        }
    }

    #[test]
    fn keys_read_back() {
        let id = UploadId::from_bytes([7; 16]);
        let owner = "é@x".parse().expect("valid");
        assert_eq!(upload_at_end(&unfinished(&owner, Timestamp::from_millis(1), id)), Some(id));
        let created_at = Timestamp::from_millis(7);
        assert_eq!(created_at_of_unfinished(&unfinished(&owner, created_at, id)), Some(created_at));
        assert_eq!(number_at_end(&chunk(id, 1 << 40)), Some(1 << 40));
        let conversation = ConversationId::from_bytes([0xff; 12]);
        assert_eq!(user_at_end(&participant(conversation, &owner), conversation).as_ref(), Some(&owner));
        let membership = membership(&owner, conversation);
        assert_eq!(membership_of(&participant(conversation, &owner)), Some(membership.clone()));
        assert_eq!(participant_of(&membership), Some(participant(conversation, &owner)));
        assert_eq!(conversation_at_end(&membership), Some(conversation));
        let message = MessageId::from_bytes([9; 12]);
        assert_eq!(message_at_end(&outbox(message)), Some(message));
        let position = Position(message);
        for key in [order(conversation, position), moved(conversation, position)] {
            assert_eq!(place_in_order(&key), Some((conversation, position)));
            assert_eq!(place_in_order(&key[..24]), None);
        }
    }
}

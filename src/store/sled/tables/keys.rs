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
//! | `17` | held | owner | [`Held`](crate::upload::Held), the sums over the owner's unfinished uploads; no row if there are none |
//! | `18` | missing | | the bytes that all unfinished uploads lack; its being there says that the sums are |
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
//! Carried and placed are in the journal only, and never get to sled; unfinished, committed and order get
//! there as [runs](Layout::suffix_of_set). Numbers are big-endian, so that the order of keys is the
//! order of numbers. An owner, or a user before something else, follows its length in two bytes, so that no
//! owner is another one's prefix.

pub(crate) use super::super::engine::key::{Key, after, end_of, number_at_end};
use super::super::engine::layout::Layout;
use crate::message::{ClientMessageId, ConversationId, MessageId, UserId};
use crate::store::Position;
use crate::time::Timestamp;
use crate::upload::UploadId;

/// A table: what the keys of its rows begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table(u8);

const FORMAT: Table = Table(0x00);
pub(crate) const UPLOAD: Table = Table(0x10);
pub(crate) const METADATA: Table = Table(0x11);
pub(crate) const LEDGER: Table = Table(0x12);
pub(crate) const UNFINISHED: Table = Table(0x13);
pub(crate) const OWED: Table = Table(0x14);
pub(crate) const USED: Table = Table(0x15);
pub(crate) const COMMITTED: Table = Table(0x16);
pub(crate) const HELD: Table = Table(0x17);
pub(crate) const MISSING: Table = Table(0x18);
pub(crate) const CLAIM: Table = Table(0x20);
pub(crate) const CONVERSATION: Table = Table(0x30);
pub(crate) const PARTICIPANT: Table = Table(0x31);
pub(crate) const LATEST: Table = Table(0x32);
pub(crate) const MEMBERSHIP: Table = Table(0x33);
pub(crate) const MESSAGE: Table = Table(0x40);
pub(crate) const CONTENT: Table = Table(0x41);
pub(crate) const ORDER: Table = Table(0x42);
pub(crate) const OUTBOX: Table = Table(0x43);
pub(crate) const MOVED: Table = Table(0x44);
pub(crate) const POSITION: Table = Table(0x45);
const PART: Table = Table(0x50);
const BLOCK: Table = Table(0x51);
const CARRIED: Table = Table(0x60);
const PLACED: Table = Table(0x61);
const FLUSHED: Table = Table(0x7f);

/// The facts about this layout that the engine has to know.
pub(crate) const LAYOUT: Layout = Layout {
    format: &[FORMAT.0],
    flushed: &[FLUSHED.0],
    is_volatile: |key| matches!(Table::of(key), Some(CARRIED | PLACED)),
    suffix_of_set,
};

impl Table {
    /// The table of a key.
    fn of(key: &[u8]) -> Option<Self> {
        key.first().copied().map(Self)
    }

    pub(crate) fn start(self) -> Key {
        key(self, &[])
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

/// Makes a function of each line, which answers the key of a row, or the prefix of all keys with these parts.
macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident($($part:ident: $type:ty),*) = $table:ident: [$($bytes:expr),*];)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name($($part: $type),*) -> Key {
            key($table, &[$($bytes),*])
        }
    )*};
}

keys! {
    upload(id: UploadId) = UPLOAD: [id.as_bytes()];
    metadata(id: UploadId) = METADATA: [id.as_bytes()];
    ledger(id: UploadId) = LEDGER: [id.as_bytes()];
    chunk(id: UploadId, offset: u64) = LEDGER: [id.as_bytes(), &offset.to_be_bytes()];
    every_unfinished() = UNFINISHED: [];
    unfinished_of(owner: &UserId) = UNFINISHED: [&length(owner), owner.as_str().as_bytes()];
    unfinished(owner: &UserId, created_at: Timestamp, id: UploadId) =
        UNFINISHED: [&length(owner), owner.as_str().as_bytes(), &created_at.millis().to_be_bytes(), id.as_bytes()];
    every_owed() = OWED: [];
    owed(id: UploadId) = OWED: [id.as_bytes()];
    used(part: UploadId) = USED: [part.as_bytes()];
    every_committed() = COMMITTED: [];
    /// The start of the uploads that were committed at this time.
    committed_at(at: Timestamp) = COMMITTED: [&at.millis().to_be_bytes()];
    committed(at: Timestamp, id: UploadId) = COMMITTED: [&at.millis().to_be_bytes(), id.as_bytes()];
    held(owner: &UserId) = HELD: [&length(owner), owner.as_str().as_bytes()];
    missing() = MISSING: [];
    claim(conversation: ConversationId, owner: &UserId, id: &ClientMessageId) =
        CLAIM: [conversation.as_bytes(), &length(owner), owner.as_str().as_bytes(), id.as_str().as_bytes()];
    conversation(id: ConversationId) = CONVERSATION: [id.as_bytes()];
    participants(id: ConversationId) = PARTICIPANT: [id.as_bytes()];
    participant(id: ConversationId, user: &UserId) = PARTICIPANT: [id.as_bytes(), user.as_str().as_bytes()];
    memberships_of(user: &UserId) = MEMBERSHIP: [&length(user), user.as_str().as_bytes()];
    membership(user: &UserId, conversation: ConversationId) =
        MEMBERSHIP: [&length(user), user.as_str().as_bytes(), conversation.as_bytes()];
    latest(id: ConversationId) = LATEST: [id.as_bytes()];
    message(id: MessageId) = MESSAGE: [id.as_bytes()];
    content(id: MessageId) = CONTENT: [id.as_bytes()];
    order_of(conversation: ConversationId) = ORDER: [conversation.as_bytes()];
    order(conversation: ConversationId, position: Position) =
        ORDER: [conversation.as_bytes(), position.0.as_bytes()];
    moved(conversation: ConversationId, position: Position) =
        MOVED: [conversation.as_bytes(), position.0.as_bytes()];
    position(id: MessageId) = POSITION: [id.as_bytes()];
    every_outbox() = OUTBOX: [];
    outbox(id: MessageId) = OUTBOX: [id.as_bytes()];
    every_part() = PART: [];
    part(id: UploadId) = PART: [id.as_bytes()];
    blocks(id: UploadId) = BLOCK: [id.as_bytes()];
    block(id: UploadId, number: u64) = BLOCK: [id.as_bytes(), &number.to_be_bytes()];
    every_carried() = CARRIED: [];
    carried(id: UploadId, offset: u64) = CARRIED: [id.as_bytes(), &offset.to_be_bytes()];
    every_placed() = PLACED: [];
    placed(id: UploadId) = PLACED: [id.as_bytes()];
}

/// The upload of a row that only the journal has.
pub(crate) fn upload_of_journal(key: &[u8]) -> Option<UploadId> {
    match Table::of(key) {
        Some(CARRIED | PLACED) => key.get(1..17)?.first_chunk().copied().map(UploadId::from_bytes),
        _ => None,
    }
}

/// The upload id at the end of a key.
pub(crate) fn upload_at_end(key: &[u8]) -> Option<UploadId> {
    key.last_chunk().copied().map(UploadId::from_bytes)
}

/// The time of creation in a key of [`unfinished`].
pub(crate) fn created_at_of_unfinished(key: &[u8]) -> Option<Timestamp> {
    let (before, _) = key.split_last_chunk::<16>()?;
    Some(Timestamp::from_millis(number_at_end(before)?))
}

/// The owner of a key of [`unfinished`] or [`held`].
pub(crate) fn owner_at_start(key: &[u8]) -> Option<UserId> {
    let (length, rest) = key.get(1..)?.split_first_chunk()?;
    std::str::from_utf8(rest.get(..u16::from_be_bytes(*length).into())?).ok()?.parse().ok()
}

/// The conversation, the owner and the `client_message_id` of a key of [`claim`].
pub(crate) fn parts_of_claim(key: &[u8]) -> Option<(ConversationId, UserId, ClientMessageId)> {
    let (conversation, rest) = key.get(1..)?.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (owner, id) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let owner = std::str::from_utf8(owner).ok()?.parse().ok()?;
    let id = std::str::from_utf8(id).ok()?.parse().ok()?;
    Some((ConversationId::from_bytes(*conversation), owner, id))
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

/// How many bytes at the end of the key differ within its set, if the key's table is made of sets: rows in
/// sets are empty, and sled has them in [runs](Layout::suffix_of_set).
fn suffix_of_set(key: &[u8]) -> Option<usize> {
    match Table::of(key) {
        Some(UNFINISHED | COMMITTED) => Some(size_of::<u64>() + size_of::<UploadId>()),
        Some(ORDER) => Some(size_of::<MessageId>()),
        _ => None,
    }
}

/// The first key after the whole set of this key.
pub(crate) fn after_set(key: &[u8]) -> Key {
    let suffix = suffix_of_set(key).expect("it is in a set");
    end_of(&key[..key.len().saturating_sub(suffix)])
}

fn key(table: Table, parts: &[&[u8]]) -> Key {
    let mut key = Key::from_slice(&[table.0]);
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
        assert_eq!(owner_at_start(&unfinished(&owner, created_at, id)).as_ref(), Some(&owner));
        assert_eq!(owner_at_start(&held(&owner)).as_ref(), Some(&owner));
        let conversation = ConversationId::from_bytes([0xff; 12]);
        assert_eq!(user_at_end(&participant(conversation, &owner), conversation).as_ref(), Some(&owner));
        let membership = membership(&owner, conversation);
        assert_eq!(membership_of(&participant(conversation, &owner)), Some(membership.clone()));
        assert_eq!(participant_of(&membership), Some(participant(conversation, &owner)));
        assert_eq!(conversation_at_end(&membership), Some(conversation));
        let id: ClientMessageId = "c-1".parse().expect("valid");
        let parts = parts_of_claim(&claim(conversation, &owner, &id));
        assert_eq!(parts, Some((conversation, owner, id)));
        let message = MessageId::from_bytes([9; 12]);
        assert_eq!(message_at_end(&outbox(message)), Some(message));
        let position = Position(message);
        for key in [order(conversation, position), moved(conversation, position)] {
            assert_eq!(place_in_order(&key), Some((conversation, position)));
            assert_eq!(place_in_order(&key[..24]), None);
        }
    }
}

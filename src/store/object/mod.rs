//! Bytes in an object store, and what says which bytes those are in PostgreSQL.
//!
//! ```text
//! bytes ─► a part under construction ─► intent ─► the part put ─► its row, with the ledger's ─► told
//!          memory, bounded                        object store    PostgreSQL, one statement
//!                                    ─► the tail, with the ledger's row ─► told
//!                                       PostgreSQL, one statement
//! all bytes of a message ─► garbage names an object ─► the object put ─► its row, with the message ─► told
//!          memory, bounded  PostgreSQL                 object store      PostgreSQL, one transaction
//! ```
//! PostgreSQL alone decides: an object, or a part of one, counts once a row names it. Parts are of one size
//! and without gaps; what is less than a part waits in the tail, and is never written there twice. A complete
//! upload is *sealed*: its tail becomes the last part, or the whole object, and from then on it is read. To
//! place it is to name its object in the row of a message's file; nothing is moved, and no key ever changes.
//!
//! A holder that was displaced writes no row, as each statement compares the epoch. A part that it was
//! putting may still land: it is known as an intent, and a newcomer with other bytes waits until it cannot
//! land any more (`part`). What a kill leaves is cut off by the next holder (`enter`), or is garbage
//! (`garbage`).

mod ahead;
mod appends;
mod audit;
mod begin;
mod bucket;
mod budget;
mod enter;
mod garbage;
mod import;
mod keep;
mod limits;
mod listing;
mod lost;
mod missed;
mod multipart;
mod objects;
mod owner;
mod part;
mod payloads;
mod pieces;
mod place;
mod presence;
mod put;
mod reads;
mod seal;
mod signed;
mod stored;
mod writer;

pub use audit::Found;
pub use bucket::{Bucket, BucketError, S3};
pub use import::Brought;
pub use limits::Limits;
pub use objects::Objects;

//! The ports: what the use cases need of storage and of the outside, asynchronous and few. Each has an
//! embedded implementation and one in memory for tests, and all of them run one suite of contract tests,
//! which implementations elsewhere can run too (feature `contract`).
//!
//! | port | embedded | may also live in |
//! | --- | --- | --- |
//! | [`Records`], [`Messages`], [`Memberships`] | sled | PostgreSQL ([`postgres`]) |
//! | [`Payloads`] | files; small uploads in sled | an S3 store |
//! | [`Appends`] | both of the above at once ([`embedded`]), or one after the other | both at once |
//! | [`Leases`] | one process's own ([`local`]) | PostgreSQL ([`postgres`]) |
//! | [`Duties`] | one process has all of them ([`local`]) | PostgreSQL ([`postgres`]) |
//! | [`Announcements`] | Socket.IO | |
//! | [`Hints`] | none: there is one process | PostgreSQL ([`postgres`]) |
//! | [`Relay`] | none: there is one process | PostgreSQL ([`postgres`]), Redis ([`redis`]) |
//! | [`Recent`] | none: there is one process | PostgreSQL ([`postgres`]) |
//!
//! `Records` and `Messages` of one server share a database: a claim and a commit change both in one atomic
//! step. What a method has written or returned is durable when it answers, as far as the configured
//! durability goes.

mod announcements;
mod appends;
pub mod buffer;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod dependency;
pub mod disk;
mod durability;
mod duties;
pub mod embedded;
mod error;
mod hints;
pub mod kept;
mod leases;
pub mod local;
mod memberships;
#[cfg(any(test, feature = "contract"))]
pub mod memory;
mod messages;
pub mod object;
mod payloads;
pub mod postgres;
mod records;
pub mod redis;
mod relay;
mod relays;
pub mod sled;
mod stores;

pub use announcements::{Addressed, Announcement, Announcements, Progress};
pub use appends::{Append, Appends, Last, Stride, Synced};
pub use buffer::Buffer;
pub use dependency::Dependency;
pub use durability::Durability;
pub use duties::{Duties, Duty};
pub use error::StoreError;
pub use hints::Hints;
pub use leases::{Displacement, Elsewhere, Lease, Leases, NoTurn, Wanted};
pub use memberships::{Memberships, Put};
pub use messages::{Claim, Messages, Position};
pub use payloads::{ByteStream, Coming, Payloads, Place, Room, Shown, Sink, Source, Syncing};
pub use records::{Created, Records, Taking};
pub use relay::{Brought, Parcel, Recent, Relay};
pub use relays::Behind;
pub use stores::Stores;

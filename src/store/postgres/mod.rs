//! Records, messages, memberships, leases, duties and hints in PostgreSQL, which several processes share.
//!
//! A change is a transaction of three round trips: rows are read under locks, [`crate::upload`] decides what
//! becomes of them, and the result is written. A row of the ledger, which is written most often, is one
//! statement that compares epoch, state and offset itself. No connection is held between two calls.
//!
//! ```text
//! begin + rows under locks ─► decided ─► rows written ─► commit ─► told
//! ```
//! A transaction that is not committed changes nothing, so a kill anywhere leaves the state before or the
//! state after. What a statement does not see, because another transaction inserted it meanwhile, it tries to
//! insert; the key refuses that, and the change begins anew. So each row that a decision depends on is either
//! locked or inserted.
//!
//! A newcomer takes an upload by raising its epoch; see `node`. Bytes are elsewhere.

mod accounts;
pub(in crate::store) mod append;
pub(in crate::store) mod audit;
mod bind;
pub(in crate::store) mod borrowed;
pub(in crate::store) mod change;
mod claim;
mod client_ids;
mod clocks;
mod commit;
mod connect;
mod connector;
pub(in crate::store) mod create;
mod end;
pub(in crate::store) mod fault;
mod folder;
mod import;
mod memberships;
mod messages;
mod migrations;
mod node;
mod recent;
mod records;
mod relay;
pub(in crate::store) mod rows;
mod seen;
mod store;
mod uploads;

pub use connect::{Address, ConnectError, Connections, InvalidAddress};
pub use import::{Counts, MoveRefusal, Moving, Page};
pub use migrations::MigrationError;
pub use node::PostgresNode;
pub use relay::PostgresRelay;
pub use store::Postgres;

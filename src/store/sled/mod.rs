//! Records, messages and memberships in sled, embedded in the process; bytes of small uploads too.
//!
//! ```text
//!  records  messages  memberships  payload     what the ports ask for, as operations and reads
//!  tables                                      how keys and rows are laid out; rules that the ports share
//!  engine                                      what makes changes durable, and where
//!  offline                                     reading all of it while no server has it open
//! ```
//! Every change is an operation. The committer evaluates it and makes it durable in a journal, together with
//! those that wait at the same time; sled gets many of them at once, later. Every read sees both.

mod engine;
mod memberships;
mod messages;
mod offline;
mod payload;
mod records;
mod store;
mod tables;
#[cfg(test)]
mod tests;

#[cfg(fuzzing)]
pub use engine::fuzz_record;

pub use engine::open::OpenError;
pub use engine::why_not_written_through;
pub use offline::audit::Fault;
pub use offline::copy::SledCopy;
pub use offline::export::Pages;
pub use payload::SledPayloads;
pub use store::SledStore;

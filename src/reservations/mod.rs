//! Room on the disk: which upload has it, for what, and how much each user may have. All code that writes
//! bytes takes room here before it writes. Room for bytes that are on the disk is given back, because the
//! disk itself counts them.
//!
//! ```text
//! creation           a promise, within its owner's share; it lapses when it was silent for long and room is wanted
//! PATCH              the promise, and more in steps as bytes come       Sending
//! one-shot, socket   in steps as bytes come                             Flight
//! join               all that is to be copied, before it begins         Flight
//! ```
//! How much each user may have is decided where the records are: the sums over unfinished uploads are rows
//! that change with the records ([`crate::upload::Weight`]), and a creation is measured by them when it is
//! stored. So they are right after any kill, and for all processes on the same records.
//!
//! Promises are in memory, because a disk of bounded size belongs to one process, and none of them is needed:
//! an upload without one asks for room when its bytes come. A start does not know which uploads had one. It
//! keeps room in one piece for what all of them lack, which is one of the sums, until the promises that no
//! client has come back to would have lapsed.

mod allowance;
mod counts;
mod flight;
mod refusal;
mod sending;
mod terms;
#[cfg(test)]
mod tests;

pub use allowance::{Allowance, RoomLeft};
pub(crate) use flight::Flight;
pub use refusal::Refusal;
pub(crate) use sending::Sending;
pub use terms::Terms;

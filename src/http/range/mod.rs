//! Ranges of a representation and conditional requests (RFC 9110 §13 and §14): the decision, and the answer
//! as a stream.

mod decide;
#[cfg(fuzzing)]
mod fuzz;
mod respond;

#[cfg(fuzzing)]
pub use fuzz::fuzz_range;

pub(crate) use decide::Representation;
pub(crate) use respond::respond;

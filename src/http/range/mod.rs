//! Parts of a representation and conditional requests (RFC 9110 §13 and §14): what is asked for, and the answer
//! as a stream.

mod decide;
mod respond;

pub(crate) use decide::Representation;
pub(crate) use respond::respond;

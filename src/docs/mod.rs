//! What those read who write clients.

#[doc = include_str!("errors.md")]
pub mod errors {}

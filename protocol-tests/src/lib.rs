//! What stands behind the programs of this package, and what its tests use of it.
//!
//! [`crash`] does to the server whatever a server can suffer, while a crew of clients keeps books of what it
//! told them; `crash-lab` does that for as long as one likes. [`bench`](mod@bench) measures the server beside
//! others. [`imports`] reads the sources.

pub mod bench;
pub mod crash;
pub mod imports;

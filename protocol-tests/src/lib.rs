//! The code of `crash-lab` and `bench`, and what the tests use of it.
//!
//! [`crash`] kills the server, cuts its power, fills its disk and sets its clock, while a crew of clients
//! keeps books of what the server told them; `crash-lab` does that for as long as one likes.
//! [`bench`](mod@bench) measures the server beside others. [`imports`] looks for files that import each
//! other.

pub mod bench;
pub mod crash;
pub mod imports;

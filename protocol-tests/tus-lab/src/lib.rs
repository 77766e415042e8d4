//! The parts of `tus-lab`, which finds out from outside what a tus 1.0.0 server does.
//!
//! [`conformance`] tests whether the server does what the protocol's text says, [`disconnect`] tests uploads
//! over a bad network, [`load`] measures how much the server does in a second, and [`sink`] is the limit of
//! the machine. The tests use [`http`], a client that sends exactly what it is told, for everything that a
//! library would hide: half a body, a reset, a header sent twice. [`proxy`] stands in for the network and
//! cuts connections at chosen byte counts.
//!
//! Tests of a server can use these parts as they are.

pub mod amount;
pub mod checksum;
pub mod conformance;
pub mod content;
pub mod disconnect;
pub mod http;
pub mod load;
pub mod note;
pub mod open_files;
pub mod order;
pub mod proxy;
pub mod sink;
pub mod tus;
pub mod wait;

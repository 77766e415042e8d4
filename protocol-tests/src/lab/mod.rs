//! The parts of `tus-lab`, which looks at any tus 1.0.0 server from outside.

pub mod bench;
pub mod conformance;
pub mod disconnect;
pub mod load;
pub mod proxy;
pub mod sink;

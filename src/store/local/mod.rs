//! The ports that one process implements alone, and that several processes need a store for.

mod leases;

pub use leases::LocalLeases;

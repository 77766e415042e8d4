//! What one process does alone, and several need a store for.

mod leases;

pub use leases::LocalLeases;

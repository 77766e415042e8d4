//! The ports that one process implements alone, and that several processes need a store for.

mod alone;
mod leases;

pub use alone::Alone;
pub use leases::LocalLeases;

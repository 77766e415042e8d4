//! Reading a folder that no server has open, for `longhaul check`.

pub(crate) mod audit;
pub(crate) mod copy;

//! Reading a folder that no server has open, for `longhaul check` and `longhaul move`.

pub(crate) mod audit;
pub(crate) mod copy;
pub(crate) mod export;

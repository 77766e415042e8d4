//! The tables: how keys and rows are laid out, and the rules that several of the ports share.

pub(crate) mod blocks;
pub(crate) mod carried;
pub(crate) mod claims;
pub(crate) mod keys;
pub(crate) mod order;
pub(crate) mod rows;
pub(crate) mod sums;
pub(crate) mod uploads;

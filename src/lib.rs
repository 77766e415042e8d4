//! longhaul
pub mod message;
pub mod store;
pub mod time;
pub mod upload;
pub mod uploads;

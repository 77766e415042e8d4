//! The relays between processes, on a real PostgreSQL and a real Redis: `cargo test --features
//! contract,redis-server --test relays`.

mod cluster;
mod database;
mod faults;
mod lines;
#[path = "../postgres/server.rs"]
mod postgres;
mod proxy;
mod redis;

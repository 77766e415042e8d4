//! An HTTP/1.1 client that costs as little CPU as possible, so that the server is measured and not the
//! client.

mod connection;
mod end;
mod read;
mod request;
mod response;
mod target;
mod write;

pub(crate) use connection::Connection;
pub(crate) use request::{Body, Request};
pub(crate) use response::Response;
pub(crate) use target::Target;

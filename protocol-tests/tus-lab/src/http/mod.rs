//! An HTTP/1.1 client that does exactly what it is told.
//!
//! A [`Request`] is written as it stands: headers in their order, repeated or malformed if the
//! test says so. A [`Connection`] is a socket: it sends pieces of a request, ends or resets the
//! connection where the test wants it, and reads answers, interim ones too.

mod connection;
mod exchange;
mod head;
mod request;
mod response;

pub use connection::Connection;
pub(crate) use head::Framing;
pub use head::Head;
pub use request::Request;
pub use response::Response;

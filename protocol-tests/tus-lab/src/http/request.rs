use std::fmt;
use std::io;
use std::net::SocketAddr;

use serde_json::Value;

use super::{Connection, Response};
use crate::wait;

/// A request, and the address that it is sent to.
#[derive(Debug, Clone)]
pub struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    declared: Declared,
    trailers: Vec<(String, String)>,
}

/// The length that the request declares.
#[derive(Debug, Clone, Copy)]
enum Declared {
    /// The length that the body has.
    Actual,
    /// Another length.
    Length(u64),
    /// No length: chunked encoding.
    Chunked,
}

impl Request {
    /// A request of this method for this target. An absolute URL is reduced to its path, because all URLs of
    /// a test lead to the same server.
    #[must_use]
    pub fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            target: path_of(target).to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            declared: Declared::Actual,
            trailers: Vec::new(),
        }
    }

    /// The same request to another address that leads to the server.
    #[must_use]
    pub fn to(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Adds a header, even if one of this name is there.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// Removes every header of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(held, _)| !held.eq_ignore_ascii_case(name));
        self
    }

    /// Adds a bearer token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format_args!("Bearer {token}"))
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    /// Declares this many bytes of body, whether they are there or not.
    #[must_use]
    pub fn declared_length(mut self, length: u64) -> Self {
        self.declared = Declared::Length(length);
        self
    }

    /// Sends the body in chunks, without telling its length beforehand.
    #[must_use]
    pub fn chunked(mut self) -> Self {
        self.declared = Declared::Chunked;
        self
    }

    /// Sends the body in chunks, followed by a trailer that no header announces.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: impl fmt::Display) -> Self {
        self.trailers.push((name.to_owned(), value.to_string()));
        self.chunked()
    }

    /// The request line and the headers, as they go out.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head += &format!("Host: {}\r\n", self.address);
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        match self.declared {
            Declared::Length(length) => head += &format!("Content-Length: {length}\r\n"),
            Declared::Chunked => head += "Transfer-Encoding: chunked\r\n",
            Declared::Actual if self.speaks_of_a_body() => {
                head += &format!("Content-Length: {}\r\n", self.body.len())
            }
            Declared::Actual => {}
        }
        (head + "\r\n").into_bytes()
    }

    /// Sends the whole request on a connection of its own and reads the answer.
    pub async fn send(self) -> Response {
        let what = format!("an answer to {}", self.line());
        let answer = wait::bounded(&what, self.clone().try_send()).await;
        answer.unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// Sends the whole request on a connection of its own and reads the answer, from a server that may be
    /// away or die.
    ///
    /// # Errors
    /// When there was no complete answer.
    pub async fn try_send(self) -> io::Result<Response> {
        let mut connection = Connection::try_open(self.address).await?;
        connection.try_request(&self).await
    }

    /// Opens a connection and sends nothing but the head.
    pub async fn open(&self) -> Connection {
        let mut connection = Connection::open(self.address).await;
        connection.send(&self.head()).await;
        connection
    }

    /// The method in the request line.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The address that the request goes to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The method and the target, for messages about the request.
    #[must_use]
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Whether the request is a HEAD, whose answer has no body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        match self.declared {
            Declared::Chunked if self.body.is_empty() => self.last_chunk(),
            Declared::Chunked => [chunk(&self.body), self.last_chunk()].concat(),
            Declared::Actual | Declared::Length(_) => self.body.clone(),
        }
    }

    fn last_chunk(&self) -> Vec<u8> {
        let trailers = self.trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        format!("0\r\n{}\r\n", trailers.collect::<String>()).into_bytes()
    }

    fn speaks_of_a_body(&self) -> bool {
        !self.body.is_empty() || ["POST", "PATCH", "PUT"].contains(&self.method.as_str())
    }
}

fn chunk(data: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()
}

fn path_of(target: &str) -> &str {
    let Some(rest) = target.strip_prefix("http://") else {
        return target;
    };
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

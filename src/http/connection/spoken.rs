//! The protocol that a connection speaks, found by its first bytes.

use std::time::Duration;

use tokio::net::TcpStream;

/// The first bytes of every HTTP/2 connection (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PEEK_PAUSE: Duration = Duration::from_millis(20);

/// The protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// Finds the protocol that a client speaks, unless it sends too little in time. The wait goes on only while
/// the bytes are an incomplete HTTP/2 preface.
pub(super) async fn spoken(stream: &TcpStream, patience: Duration) -> Option<Spoken> {
    let speaks = async {
        let mut said = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut said).await {
                Ok(0) | Err(_) => return None,
                Ok(count) if !PREFACE.starts_with(&said[..count]) => return Some(Spoken::Http1),
                Ok(count) if count == PREFACE.len() => return Some(Spoken::Http2),
                // Peeked bytes stay readable, so waiting for readability would not wait: look again later.
                Ok(_) => tokio::time::sleep(PEEK_PAUSE).await,
            }
        }
    };
    tokio::time::timeout(patience, speaks).await.ok().flatten()
}

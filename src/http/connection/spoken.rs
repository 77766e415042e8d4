//! What a connection speaks.

use std::time::Duration;

use tokio::net::TcpStream;

/// With it a connection begins that speaks HTTP/2 (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PEEK_PAUSE: Duration = Duration::from_millis(20);

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spoken {
    Http1,
    Http2,
}

/// What a connection speaks, unless it says nothing in time. The wait ends when what was said is no longer a mere
/// beginning of HTTP/2's preface.
pub(super) async fn spoken(stream: &TcpStream, patience: Duration) -> Option<Spoken> {
    let speaks = async {
        let mut said = [0; PREFACE.len()];
        loop {
            match stream.peek(&mut said).await {
                Ok(0) | Err(_) => return None,
                Ok(count) if !PREFACE.starts_with(&said[..count]) => return Some(Spoken::Http1),
                Ok(count) if count == PREFACE.len() => return Some(Spoken::Http2),
                // What was peeked at stays readable, so waiting for more is looking again.
                Ok(_) => tokio::time::sleep(PEEK_PAUSE).await,
            }
        }
    };
    tokio::time::timeout(patience, speaks).await.ok().flatten()
}

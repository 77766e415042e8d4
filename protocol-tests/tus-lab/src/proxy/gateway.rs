//! The gateway that has lost its server, and answers 502.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The answer to every request.
const ANSWER: &[u8] = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// The greatest length of a request's head.
const HEAD_BYTES: usize = 64 * 1024;
/// How long a request's head may take to come.
const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a client's bytes are read after the answer, so that it can read the answer.
const LINGER: Duration = Duration::from_secs(5);

/// Waits for a request and answers it; `false` when none came.
pub(super) async fn refuse(client: &mut TcpStream) -> bool {
    let has_asked = timeout(HEAD_TIME, take_head(client)).await.unwrap_or(false);
    if has_asked {
        answer(client).await;
    }
    has_asked
}

/// Answers a request that has begun, whatever follows of it.
pub(super) async fn answer(client: &mut TcpStream) {
    if client.write_all(ANSWER).await.is_ok() {
        part(client).await;
    }
}

/// Ends a connection in an orderly way. The system resets a socket that is closed with unread bytes, so bytes
/// that still come are read for a while and thrown away.
pub(super) async fn part(client: &mut TcpStream) {
    let drain = async {
        client.shutdown().await?;
        tokio::io::copy(client, &mut tokio::io::sink()).await
    };
    _ = timeout(LINGER, drain).await;
}

async fn take_head(client: &mut TcpStream) -> bool {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while head.len() < HEAD_BYTES {
        match client.read(&mut buffer).await {
            Ok(count @ 1..) => head.extend_from_slice(&buffer[..count]),
            _ => return false,
        }
        if head.windows(4).any(|window| window == b"\r\n\r\n") {
            return true;
        }
    }
    false
}

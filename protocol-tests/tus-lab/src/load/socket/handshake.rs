use data_encoding::BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::load::failure::Failure;

/// The longest answer to the upgrade.
const LONGEST: usize = 16 * 1024;

/// Makes a websocket of a connection. The answer is read byte by byte, because a frame may follow at once.
pub(super) async fn upgrade(mut stream: TcpStream, host: &str) -> Result<TcpStream, Failure> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).expect("the system has random bytes");
    let request = format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
        BASE64.encode(&key)
    );
    let sent = stream.write_all(request.as_bytes()).await;
    sent.map_err(|error| Failure::io("upgrade", &error))?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < LONGEST {
        head.push(stream.read_u8().await.map_err(|error| Failure::io("upgrade", &error))?);
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        return Ok(stream);
    }
    let head = String::from_utf8_lossy(&head);
    Err(Failure::new(format_args!("no websocket: {}", head.lines().next().unwrap_or_default())))
}

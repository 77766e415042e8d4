use tokio::io::{AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::TcpStream;

use crate::load::failure::Failure;
use crate::load::payload::index;

/// The longest message that a server may send.
const LONGEST: u64 = 1 << 20;

const CONTINUED: u8 = 0;
const TEXT: u8 = 1;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// What comes over a websocket.
#[derive(Debug)]
pub(super) enum Message {
    Text(String),
    Closed,
}

/// The frames of RFC 6455, section 5, as a client sends and reads them.
#[derive(Debug)]
pub(super) struct Frames {
    stream: BufStream<TcpStream>,
    /// The beginning of a message of several frames.
    begun: Vec<u8>,
}

impl Frames {
    pub(super) fn over(stream: TcpStream) -> Self {
        Self { stream: BufStream::new(stream), begun: Vec::new() }
    }

    pub(super) async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            let (is_last, kind, bytes) = self.read().await?;
            match kind {
                PING => self.send(PONG, &bytes).await?,
                CLOSE => return Ok(Message::Closed),
                TEXT | CONTINUED => {
                    self.begun.extend_from_slice(&bytes);
                    if is_last {
                        let message = std::mem::take(&mut self.begun);
                        return Ok(Message::Text(String::from_utf8_lossy(&message).into_owned()));
                    }
                }
                // A pong, or bytes, which no event that we listen for has.
                _ => {}
            }
        }
    }

    pub(super) async fn send_text(&mut self, text: &str) -> Result<(), Failure> {
        self.send(TEXT, text.as_bytes()).await
    }

    async fn read(&mut self) -> Result<(bool, u8, Vec<u8>), Failure> {
        let reading = async {
            let first = self.stream.read_u8().await?;
            let len = match self.stream.read_u8().await? & 0x7f {
                126 => u64::from(self.stream.read_u16().await?),
                127 => self.stream.read_u64().await?,
                short => u64::from(short),
            };
            let mut bytes = vec![0; index(len.min(LONGEST))];
            self.stream.read_exact(&mut bytes).await?;
            Ok((first & 0x80 != 0, first & 0x0f, len, bytes))
        };
        let read: std::io::Result<_> = reading.await;
        let (is_last, kind, len, bytes) = read.map_err(|error| Failure::io("websocket", &error))?;
        if len > LONGEST {
            return Err(Failure::new(format_args!("a frame of {len} bytes")));
        }
        Ok((is_last, kind, bytes))
    }

    /// A client has to mask; a mask of zeros is one.
    async fn send(&mut self, kind: u8, bytes: &[u8]) -> Result<(), Failure> {
        let mut frame = vec![0x80 | kind];
        match u16::try_from(bytes.len()) {
            Ok(len @ 0..126) => frame.push(0x80 | len.to_be_bytes()[1]),
            Ok(len) => {
                frame.push(0x80 | 126);
                frame.extend_from_slice(&len.to_be_bytes());
            }
            Err(_) => return Err(Failure::new("a client's packets are short")),
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(bytes);
        let sending = async {
            self.stream.write_all(&frame).await?;
            self.stream.flush().await
        };
        sending.await.map_err(|error| Failure::io("websocket", &error))
    }
}

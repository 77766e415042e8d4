use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Framing, Head, Response};
use crate::wait;

/// How much is read at once.
const BUFFER: usize = 256 * 1024;

/// A connection of which the test decides every byte.
#[derive(Debug)]
pub struct Connection {
    pub(super) stream: TcpStream,
    pub(super) unread: Vec<u8>,
}

impl Connection {
    /// Connects to this address.
    pub async fn open(address: SocketAddr) -> Self {
        wait::bounded("a connection", Self::try_open(address)).await.expect("the server accepts connections")
    }

    /// Connects to this address, if a server listens there.
    ///
    /// # Errors
    /// When no server listens there.
    pub async fn try_open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, unread: Vec::new() })
    }

    /// Sends these bytes as they stand.
    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = wait::bounded("the server takes bytes", self.try_send(bytes)).await;
        sent.expect("the connection is open");
    }

    /// Sends these bytes, if the server still accepts them.
    ///
    /// # Errors
    /// When the connection is dead.
    pub async fn try_send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends these bytes while listening, as browsers do, and stops where the server says
    /// something.
    ///
    /// # Errors
    /// When the connection is dead.
    pub async fn try_send_listening(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut reader, mut writer) = self.stream.split();
        let mut buffer = vec![0; BUFFER];
        tokio::select! {
            sent = writer.write_all(bytes) => sent,
            heard = reader.read(&mut buffer) => {
                self.unread.extend_from_slice(&buffer[..heard?]);
                Ok(())
            }
        }
    }

    /// Sends these bytes while listening; false once the server says something, or accepts no more bytes.
    pub async fn pour(&mut self, bytes: &[u8]) -> bool {
        let (mut reader, mut writer) = self.stream.split();
        let mut buffer = vec![0; BUFFER];
        tokio::select! {
            biased;
            heard = reader.read(&mut buffer) => {
                self.unread.extend_from_slice(&buffer[..heard.unwrap_or(0)]);
                false
            }
            sent = writer.write_all(bytes) => sent.is_ok(),
        }
    }

    /// Sends one chunk of a chunked body while listening; false once the server says something, or accepts no
    /// more bytes.
    pub async fn pour_chunk(&mut self, data: &[u8]) -> bool {
        self.pour(&[format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat()).await
    }

    /// Sends one chunk of a chunked body.
    pub async fn send_chunk(&mut self, data: &[u8]) {
        let chunk = [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
        self.send(&chunk).await;
    }

    /// Says that nothing more will be sent, and keeps listening.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.expect("the connection is open");
    }

    /// Says that nothing more will be sent, on a connection that may be dead.
    ///
    /// # Errors
    /// When the connection is dead.
    pub async fn try_finish(&mut self) -> io::Result<()> {
        self.stream.shutdown().await
    }

    /// Ends the connection with a reset.
    pub fn reset(self) {
        self.stream.set_zero_linger().expect("the connection is open");
    }

    /// Reads the answer to a request that was not a HEAD.
    pub async fn answer(&mut self) -> Response {
        wait::bounded("an answer", self.try_answer(false)).await.expect("the server answers")
    }

    /// Reads an answer, passing over interim ones.
    ///
    /// # Errors
    /// When the connection dies before the answer is complete.
    pub async fn try_answer(&mut self, of_head_request: bool) -> io::Result<Response> {
        let mut body = Vec::new();
        let head = self.try_answer_into(of_head_request, |bytes| body.extend_from_slice(bytes)).await?;
        Ok(Response { status: head.status, head, body })
    }

    /// Reads an answer, and hands its body on piece by piece.
    ///
    /// # Errors
    /// When the connection dies before the answer is complete.
    pub async fn try_answer_into(
        &mut self,
        of_head_request: bool,
        mut sink: impl FnMut(&[u8]),
    ) -> io::Result<Head> {
        let mut head = self.try_head().await?;
        while head.status < 200 {
            head = self.try_head().await?;
        }
        match head.framing(of_head_request) {
            Framing::None => {}
            Framing::Length(length) => self.take(length, &mut sink).await?,
            Framing::Chunked => self.take_chunks(&mut sink).await?,
            Framing::Close => self.take_all(&mut sink).await?,
        }
        Ok(head)
    }

    /// Reads the next status line and headers, interim ones too.
    pub async fn head(&mut self) -> Head {
        wait::bounded("the head of an answer", self.try_head()).await.expect("the server answers")
    }

    /// Reads the next status line and headers, from a server that may die.
    ///
    /// # Errors
    /// When the connection dies first.
    pub async fn try_head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(head) = Head::read(&self.unread)? {
                self.unread.drain(..head.len());
                return Ok(head);
            }
            self.fill_more().await?;
        }
    }

    /// Waits until the server has ended the connection, in any way, and returns the bytes that it still sent.
    pub async fn gone(&mut self) -> Vec<u8> {
        let end = async { while !matches!(self.fill().await, Ok(0) | Err(_)) {} };
        wait::bounded("the server ends the connection", end).await;
        std::mem::take(&mut self.unread)
    }

    /// Reads exactly this many bytes.
    ///
    /// # Panics
    /// When the connection ends before them.
    pub async fn exactly(&mut self, count: usize) -> Vec<u8> {
        let filled = async {
            while self.unread.len() < count {
                assert!(self.fill().await.expect("the connection lives") > 0, "the connection ended");
            }
        };
        wait::bounded("bytes", filled).await;
        let rest = self.unread.split_off(count);
        std::mem::replace(&mut self.unread, rest)
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut buffer = vec![0; BUFFER];
        let count = self.stream.read(&mut buffer).await?;
        self.unread.extend_from_slice(&buffer[..count]);
        Ok(count)
    }

    async fn fill_more(&mut self) -> io::Result<()> {
        match self.fill().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    async fn take_until(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.unread.windows(end.len()).position(|window| window == end);
            if let Some(position) = found {
                let rest = self.unread.split_off(position + end.len());
                return Ok(std::mem::replace(&mut self.unread, rest));
            }
            self.fill_more().await?;
        }
    }

    async fn take(&mut self, mut length: u64, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            if self.unread.is_empty() {
                self.fill_more().await?;
            }
            let count =
                usize::try_from(length).map_or(self.unread.len(), |length| length.min(self.unread.len()));
            sink(&self.unread[..count]);
            self.unread.drain(..count);
            length -= count as u64;
        }
        Ok(())
    }

    async fn take_chunks(&mut self, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            let line = self.take_until(b"\r\n").await?;
            let size = String::from_utf8_lossy(&line).trim().to_owned();
            let size = u64::from_str_radix(&size, 16)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.take(size, sink).await?;
            self.take_until(b"\r\n").await?;
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn take_all(&mut self, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        loop {
            sink(&self.unread);
            self.unread.clear();
            if self.fill().await? == 0 {
                return Ok(());
            }
        }
    }
}

use std::io;

use tokio::io::AsyncReadExt;

use super::connection::ROOM;
use super::{Connection, Response};
use crate::http::{Framing, Head};
use crate::load::failure::Failure;
use crate::load::payload::index;

/// How many bytes of an answer's body are kept.
const KEPT: usize = 4096;

/// How much of a body is received at once.
const PIECE: u64 = 256 * 1024;

impl Connection {
    pub(super) async fn read(
        &mut self,
        is_head: bool,
        on_body: &mut impl FnMut(&[u8]),
    ) -> Result<Response, Failure> {
        let head = self.final_head().await?;
        self.used = true;
        let mut kept = Vec::new();
        let mut on_piece = |piece: &[u8]| {
            kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
            on_body(piece);
        };
        let framing = head.framing(is_head);
        let says_close = head.values("connection").any(|value| value.eq_ignore_ascii_case("close"));
        let ends = says_close || head.minor_version == 0 || matches!(framing, Framing::Close);
        match framing {
            Framing::None => {}
            Framing::Length(length) => self.exactly(length, &mut on_piece).await?,
            Framing::Chunked => self.chunks(&mut on_piece).await?,
            Framing::Close => while self.some(&mut on_piece).await? {},
        }
        if ends {
            self.close();
        }
        Ok(Response { status: head.status, head, body: kept })
    }

    /// Reads the head of the final answer, passing over interim ones.
    async fn final_head(&mut self) -> Result<Head, Failure> {
        loop {
            let head = self.head().await?;
            if head.status >= 200 {
                return Ok(head);
            }
        }
    }

    async fn head(&mut self) -> Result<Head, Failure> {
        loop {
            if let Some(head) = Head::read(&self.inbox).map_err(|error| Failure::io("answer", &error))? {
                self.inbox.drain(..head.len());
                return Ok(head);
            }
            self.more("before an answer").await?;
        }
    }

    async fn line(&mut self) -> Result<String, Failure> {
        loop {
            if let Some(end) = find(&self.inbox, b"\r\n") {
                let line: Vec<u8> = self.inbox.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            self.more("within a chunked body").await?;
        }
    }

    async fn chunks(&mut self, on_piece: &mut impl FnMut(&[u8])) -> Result<(), Failure> {
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(digits, 16);
            let size = size.map_err(|_| Failure::new(format_args!("a chunk's size is {line:?}")))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(());
            }
            self.exactly(size, on_piece).await?;
            self.line().await?;
        }
    }

    async fn exactly(&mut self, mut left: u64, on_piece: &mut impl FnMut(&[u8])) -> Result<(), Failure> {
        loop {
            let count = index((self.inbox.len() as u64).min(left));
            on_piece(&self.inbox[..count]);
            self.inbox.drain(..count);
            left -= count as u64;
            if left == 0 {
                return Ok(());
            }
            let room = index(left.min(PIECE)).max(ROOM);
            self.more_into(room, "within a body").await?;
        }
    }

    /// Hands on the received bytes and receives more; false at the end of the stream.
    async fn some(&mut self, on_piece: &mut impl FnMut(&[u8])) -> Result<bool, Failure> {
        on_piece(&self.inbox);
        self.inbox.clear();
        Ok(self.receive(ROOM).await? > 0)
    }

    async fn more(&mut self, place: &str) -> Result<(), Failure> {
        self.more_into(ROOM, place).await
    }

    async fn more_into(&mut self, room: usize, place: &str) -> Result<(), Failure> {
        if self.receive(room).await? > 0 {
            return Ok(());
        }
        Err(Failure::io(place, &io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")))
    }

    async fn receive(&mut self, room: usize) -> Result<usize, Failure> {
        let stream = self.stream.as_mut().ok_or_else(|| Failure::new("the connection is closed"))?;
        self.inbox.reserve(room);
        stream.read_buf(&mut self.inbox).await.map_err(|error| Failure::io("read", &error))
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

use std::io;

use tokio::io::AsyncReadExt;

use super::connection::ROOM;
use super::response::{header_in, status_of};
use super::{Connection, Response};
use crate::load::failure::Failure;
use crate::load::payload::index;

/// How much of a body is kept.
const KEPT: usize = 4096;

/// How the length of a body is told.
enum Length {
    None,
    Known(u64),
    Chunked,
    UntilClosed,
}

impl Connection {
    pub(super) async fn read(
        &mut self,
        is_head: bool,
        on_body: &mut impl FnMut(&[u8]),
    ) -> Result<Response, Failure> {
        let (status, head) = self.final_head().await?;
        self.used = true;
        let mut kept = Vec::new();
        let mut on_piece = |piece: &[u8]| {
            kept.extend_from_slice(&piece[..piece.len().min(KEPT - kept.len())]);
            on_body(piece);
        };
        let length = length_of(&head, status, is_head);
        let says_close =
            header_in(&head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        let ends = says_close || head.starts_with(b"HTTP/1.0") || matches!(length, Length::UntilClosed);
        match length {
            Length::None => {}
            Length::Known(length) => self.exactly(length, &mut on_piece).await?,
            Length::Chunked => self.chunks(&mut on_piece).await?,
            Length::UntilClosed => while self.some(&mut on_piece).await? {},
        }
        if ends {
            self.close();
        }
        Ok(Response { status, head, body: kept })
    }

    /// The head of the answer that is no interim one.
    async fn final_head(&mut self) -> Result<(u16, Vec<u8>), Failure> {
        loop {
            let head = self.head().await?;
            let status = status_of(&head)?;
            if status >= 200 {
                return Ok((status, head));
            }
        }
    }

    async fn head(&mut self) -> Result<Vec<u8>, Failure> {
        let mut searched = 0;
        loop {
            if let Some(end) = find(&self.inbox[searched..], b"\r\n\r\n") {
                return Ok(self.inbox.drain(..searched + end + 4).collect());
            }
            searched = self.inbox.len().saturating_sub(3);
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
            self.more("within a body").await?;
        }
    }

    /// Hands on what is there and receives more; false at the end of the stream.
    async fn some(&mut self, on_piece: &mut impl FnMut(&[u8])) -> Result<bool, Failure> {
        on_piece(&self.inbox);
        self.inbox.clear();
        Ok(self.receive().await? > 0)
    }

    async fn more(&mut self, place: &str) -> Result<(), Failure> {
        if self.receive().await? > 0 {
            return Ok(());
        }
        Err(Failure::io(place, &io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed")))
    }

    async fn receive(&mut self) -> Result<usize, Failure> {
        let stream = self.stream.as_mut().ok_or_else(|| Failure::new("the connection is closed"))?;
        self.inbox.reserve(ROOM);
        stream.read_buf(&mut self.inbox).await.map_err(|error| Failure::io("read", &error))
    }
}

fn length_of(head: &[u8], status: u16, is_head: bool) -> Length {
    let is_chunked =
        header_in(head, "transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
    let declared = header_in(head, "content-length").and_then(|value| value.parse().ok());
    match declared {
        // Whatever the head says, there is no body.
        _ if is_head || status == 204 || status == 304 => Length::None,
        _ if is_chunked => Length::Chunked,
        Some(length) => Length::Known(length),
        None => Length::UntilClosed,
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

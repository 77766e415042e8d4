use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::direct::Buffers;
use super::head::Head;
use super::store::{Store, Upload};

/// How many bytes are read and written at once.
const BUFFER: usize = 256 * 1024;

/// The size of the buffer for a head and the bytes that come with it.
const ROOM: usize = 16 * 1024;

const NOT_FOUND: &str = "404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n";

/// The session of a connection.
#[derive(Debug)]
pub(super) struct Session {
    store: Arc<Store>,
    stream: TcpStream,
    /// Received bytes that are not used yet.
    inbox: Vec<u8>,
    buffer: Vec<u8>,
    buffers: Buffers,
}

impl Session {
    pub(super) fn new(store: Arc<Store>, stream: TcpStream) -> Self {
        Self { store, stream, inbox: Vec::new(), buffer: Vec::new(), buffers: Buffers::default() }
    }

    pub(super) async fn serve(mut self) -> io::Result<()> {
        while let Some(head) = self.head().await? {
            let answer = match head.method.as_str() {
                "POST" => self.post(&head).await?,
                "PATCH" => self.patch(&head).await?,
                "HEAD" => self.tell(&head),
                "DELETE" => self.delete(&head),
                _ => "405 Method Not Allowed\r\nContent-Length: 0\r\n".to_owned(),
            };
            let answer = format!("HTTP/1.1 {answer}Tus-Resumable: 1.0.0\r\n\r\n");
            self.stream.write_all(answer.as_bytes()).await?;
            if answer.contains("Connection: close") {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers a POST: a creation, with its bytes if there are some. Without a version it is a form, whose
    /// body is kept unparsed.
    async fn post(&mut self, head: &Head) -> io::Result<String> {
        let body = head.number("content-length").unwrap_or(0);
        let speaks_tus = head.header("tus-resumable").is_some();
        if let Some(parts) = head.header("upload-concat").and_then(|value| value.strip_prefix("final;")) {
            let ids =
                parts.split_whitespace().map(|url| url.rsplit('/').next().unwrap_or_default().parse().ok());
            let parts: Vec<_> = ids.filter_map(|id| self.store.find(id)).collect();
            let whole = self.store.join(&parts)?;
            self.store.sync(self.store.file(&whole)?.map(Arc::new)).await?;
            return Ok(created(&whole));
        }
        let upload = self.store.create(head.number("upload-length").unwrap_or(body))?;
        self.take(&upload, body).await?;
        Ok(if speaks_tus { created(&upload) } else { "200 OK\r\nContent-Length: 0\r\n".to_owned() })
    }

    async fn patch(&mut self, head: &Head) -> io::Result<String> {
        let Some(upload) = self.store.find(head.id) else { return Ok(NOT_FOUND.to_owned()) };
        if head.number("upload-offset") != Some(upload.offset.load(Ordering::Acquire)) {
            return Ok("409 Conflict\r\nContent-Length: 0\r\nConnection: close\r\n".to_owned());
        }
        self.take(&upload, head.number("content-length").unwrap_or(0)).await?;
        let offset = upload.offset.load(Ordering::Acquire);
        Ok(format!("204 No Content\r\nUpload-Offset: {offset}\r\n"))
    }

    fn tell(&self, head: &Head) -> String {
        self.store.find(head.id).map_or_else(
            || NOT_FOUND.to_owned(),
            |upload| {
                let (offset, length) = (upload.offset.load(Ordering::Acquire), upload.length);
                format!("200 OK\r\nUpload-Offset: {offset}\r\nUpload-Length: {length}\r\nCache-Control: no-store\r\n")
            },
        )
    }

    fn delete(&self, head: &Head) -> String {
        head.id.into_iter().for_each(|id| self.store.remove(id));
        "204 No Content\r\n".to_owned()
    }

    async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.inbox.windows(4).position(|window| window == b"\r\n\r\n") {
                let head: Vec<u8> = self.inbox.drain(..end + 4).collect();
                return Ok(Some(Head::new(String::from_utf8_lossy(&head).into_owned())));
            }
            self.inbox.reserve(ROOM);
            if self.stream.read_buf(&mut self.inbox).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Receives a body of this length into the upload.
    async fn take(&mut self, upload: &Upload, length: u64) -> io::Result<()> {
        if length == 0 {
            return Ok(());
        }
        if let Some(target) = self.store.direct(upload, length)? {
            let offset = upload.offset.load(Ordering::Acquire);
            let range = offset..offset + length;
            self.buffers.fill(&mut self.stream, &mut self.inbox, &target, range).await?;
            upload.offset.store(offset + length, Ordering::Release);
            return self.store.sync(Some(target.file)).await;
        }
        let file = self.store.file(upload)?;
        let here = usize::try_from(length).unwrap_or(usize::MAX).min(self.inbox.len());
        if here > 0 {
            Store::append(upload, file.as_ref(), &self.inbox[..here])?;
            self.inbox.drain(..here);
        }
        let mut left = length - here as u64;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            self.buffer.clear();
            self.buffer.reserve(wanted);
            let read = (&mut self.stream).take(wanted as u64).read_buf(&mut self.buffer).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Store::append(upload, file.as_ref(), &self.buffer)?;
            left -= read as u64;
        }
        self.store.sync(file.map(Arc::new)).await
    }
}

fn created(upload: &Upload) -> String {
    let (id, offset) = (upload.id, upload.offset.load(Ordering::Acquire));
    format!("201 Created\r\nLocation: /files/{id}\r\nUpload-Offset: {offset}\r\nContent-Length: 0\r\n")
}

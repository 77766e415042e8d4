use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::end::End;
use super::{Request, Response, Target};
use crate::load::failure::Failure;

/// The size of the buffer for received bytes.
pub(super) const ROOM: usize = 16 * 1024;

/// The size of the kernel's send buffer, for connections that send at once.
const SMALL_SEND_BUFFER: u32 = 64 * 1024;

/// A client's connection, which is opened when it is needed, and kept as long as the server keeps it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) target: Arc<Target>,
    pub(super) stream: Option<TcpStream>,
    /// Received bytes that are not used yet.
    pub(super) inbox: Vec<u8>,
    /// The head of the request, in a buffer that is reused.
    pub(super) lead: Vec<u8>,
    /// The size of the kernel's send buffer; its default if there is none.
    send_buffer: Option<u32>,
    /// Whether an answer has come over the connection, so that the server may have closed it since.
    pub(super) used: bool,
    /// How many connections were opened so far.
    pub(crate) connects: u64,
    /// How many bytes of bodies were handed to the kernel so far.
    pub(crate) body_sent: u64,
}

impl Connection {
    pub(crate) fn new(target: &Arc<Target>) -> Self {
        Self {
            target: Arc::clone(target),
            stream: None,
            inbox: Vec::new(),
            lead: Vec::new(),
            send_buffer: None,
            used: false,
            connects: 0,
            body_sent: 0,
        }
    }

    /// The connection with a small send buffer in the kernel: bytes that were handed to it have almost left
    /// the machine.
    pub(crate) fn sending_at_once(self) -> Self {
        Self { send_buffer: Some(SMALL_SEND_BUFFER), ..self }
    }

    pub(crate) async fn open(&mut self) -> Result<(), Failure> {
        if self.stream.is_some() {
            return Ok(());
        }
        let connecting = timeout(self.target.patience, connect(self.target.address, self.send_buffer));
        let connected = connecting.await.map_err(|_| Failure::new("connecting took too long"))?;
        let stream = connected.map_err(|error| Failure::io("connect", &error))?;
        stream.set_nodelay(true).map_err(|error| Failure::io("connect", &error))?;
        self.stream = Some(stream);
        self.inbox.clear();
        self.used = false;
        self.connects += 1;
        Ok(())
    }

    /// Sends a request and reads the answer. A kept connection that the server has closed meanwhile is
    /// replaced once.
    pub(crate) async fn send(&mut self, request: Request<'_>) -> Result<Response, Failure> {
        self.send_into(request, |_| ()).await
    }

    /// Sends a request, and hands on each piece of the answer's body. A closed kept connection is replaced
    /// once.
    pub(crate) async fn send_into(
        &mut self,
        request: Request<'_>,
        mut on_body: impl FnMut(&[u8]),
    ) -> Result<Response, Failure> {
        let was_used = self.stream.is_some() && self.used;
        let answer = self.in_time(&request, &mut on_body).await;
        match answer {
            Err(failure) if was_used && failure.is_closed_connection() => {
                self.in_time(&request, &mut on_body).await
            }
            answer => answer,
        }
    }

    async fn in_time(
        &mut self,
        request: &Request<'_>,
        on_body: &mut impl FnMut(&[u8]),
    ) -> Result<Response, Failure> {
        let limit = self.target.patience;
        let answer = match timeout(limit, self.attempt(request, on_body)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(format_args!("{} took longer than {limit:?}", request.method))),
        };
        if answer.is_err() {
            self.close();
        }
        answer
    }

    async fn attempt(
        &mut self,
        request: &Request<'_>,
        on_body: &mut impl FnMut(&[u8]),
    ) -> Result<Response, Failure> {
        self.open().await?;
        let sent = self.write(request, u64::MAX).await;
        // A server may have answered before it closed the connection, so the answer counts more than the
        // error.
        let answer = self.read(request.method == "HEAD", on_body).await;
        match (answer, sent) {
            (Ok(answer), Ok(End::Complete)) => Ok(answer),
            (Ok(answer), _) => {
                self.close();
                Ok(answer)
            }
            (Err(_), Err(error)) => Err(Failure::io("write", &error)),
            (Err(failure), Ok(_)) => Err(failure),
        }
    }

    /// Sends the head and no more than `limit` bytes of the body, and does not wait for an answer.
    pub(crate) async fn send_part(&mut self, request: Request<'_>, limit: u64) -> Result<(), Failure> {
        self.open().await?;
        let patience = self.target.patience;
        let sent = timeout(patience, self.write(&request, limit)).await;
        let sent = sent.map_err(|_| Failure::new("sending took too long"))?;
        sent.map(drop).map_err(|error| Failure::io("write", &error))
    }

    /// Sends these bytes, unchanged, over the open connection.
    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let stream = self.stream.as_mut().ok_or_else(|| Failure::new("the connection is closed"))?;
        stream.write_all(bytes).await.map_err(|error| Failure::io("write", &error))
    }

    /// Reads the answer to a request that was sent in parts.
    pub(crate) async fn finish(&mut self) -> Result<Response, Failure> {
        let answer = timeout(self.target.patience, self.read(false, &mut |_| ())).await;
        answer.map_err(|_| Failure::new("the answer took too long"))?
    }

    pub(crate) fn close(&mut self) {
        self.stream = None;
    }

    /// Ends the connection with a reset.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        self.stream.take().map_or(Ok(()), |stream| stream.set_zero_linger())
    }
}

async fn connect(address: SocketAddr, send_buffer: Option<u32>) -> io::Result<TcpStream> {
    let Some(size) = send_buffer else { return TcpStream::connect(address).await };
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_send_buffer_size(size)?;
    socket.connect(address).await
}

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Connection, Request, Response};
use crate::wait;

/// How much is read at once while a body goes out.
const BUFFER: usize = 16 * 1024;

impl Connection {
    /// Sends a whole request and reads its answer; the connection stays usable.
    pub async fn request(&mut self, request: &Request) -> Response {
        let answer = wait::bounded("an answer", self.try_request(request)).await;
        answer.expect("the server answers")
    }

    /// Sends a whole request and reads its answer, from a server that may die.
    ///
    /// # Errors
    /// When there was no complete answer.
    pub async fn try_request(&mut self, request: &Request) -> io::Result<Response> {
        self.try_send(&request.head()).await?;
        // An early refusal may already be here when the body can no longer be sent.
        let sent = self.try_send(&request.payload()).await;
        match self.try_answer(request.is_head()).await {
            Ok(answer) => Ok(answer),
            Err(error) => sent.and(Err(error)),
        }
    }

    /// Sends a request whose body comes in pieces and reads its answer. While the body goes out
    /// the client listens, as browsers do, and stops sending where an answer begins.
    ///
    /// # Errors
    /// When there was no complete answer.
    pub async fn try_exchange(
        &mut self,
        head: &[u8],
        body: impl Iterator<Item = Vec<u8>>,
        of_head_request: bool,
    ) -> io::Result<Response> {
        let sent = self.send_until_answered(head, body).await;
        match self.try_answer(of_head_request).await {
            Ok(answer) => Ok(answer),
            Err(error) => sent.and(Err(error)),
        }
    }

    async fn send_until_answered(
        &mut self,
        head: &[u8],
        body: impl Iterator<Item = Vec<u8>>,
    ) -> io::Result<()> {
        let (mut reader, mut writer) = self.stream.split();
        let mut buffer = vec![0; BUFFER];
        let sending = async {
            writer.write_all(head).await?;
            for piece in body {
                writer.write_all(&piece).await?;
            }
            Ok(())
        };
        tokio::select! {
            biased;
            sent = sending => sent,
            heard = reader.read(&mut buffer) => {
                self.unread.extend_from_slice(&buffer[..heard?]);
                Ok(())
            }
        }
    }
}

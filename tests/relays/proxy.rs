//! A proxy in front of a server, which may swallow what the server sends by itself.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the server speaks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Speech {
    /// PostgreSQL: notifications are swallowed, and all else goes on, as with a pooler that gives a session to
    /// another client after each transaction.
    Postgres,
    /// Redis: of a connection that subscribes, everything is swallowed.
    Redis,
}

/// A proxy, which ends with this.
pub(crate) struct Proxy {
    swallows: Arc<AtomicBool>,
    _ends: DropGuard,
}

impl Proxy {
    /// A proxy between two sockets.
    pub(crate) fn between(socket: &Path, server: PathBuf, speech: Speech) -> Self {
        let listener = UnixListener::bind(socket).expect("a socket of its own");
        let (swallows, ending) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let (shared, cancelled) = (Arc::clone(&swallows), ending.clone());
        tokio::spawn(async move {
            while let Some(Ok((client, _))) = cancelled.run_until_cancelled(listener.accept()).await {
                let Ok(server) = UnixStream::connect(&server).await else { continue };
                let (swallows, cancelled) = (Arc::clone(&shared), cancelled.clone());
                tokio::spawn(async move {
                    cancelled.run_until_cancelled(carry(client, server, speech, &swallows)).await;
                });
            }
        });
        Self { swallows, _ends: ending.drop_guard() }
    }

    /// Swallows from now on, or no longer.
    pub(crate) fn swallow(&self, swallows: bool) {
        self.swallows.store(swallows, Ordering::Release);
    }
}

/// Carries what both say, until one of them ends.
async fn carry(client: UnixStream, server: UnixStream, speech: Speech, swallows: &AtomicBool) {
    let (mut hears, tells) = client.into_split();
    let (says, mut asked) = server.into_split();
    let subscribes = AtomicBool::new(false);
    let to_server = async {
        let mut bytes = [0; 16 * 1024];
        loop {
            let count = hears.read(&mut bytes).await?;
            if count == 0 {
                return io::Result::Ok(());
            }
            if bytes[..count].windows(9).any(|word| word.eq_ignore_ascii_case(b"SUBSCRIBE")) {
                subscribes.store(true, Ordering::Release);
            }
            asked.write_all(&bytes[..count]).await?;
        }
    };
    let swallows = |is_notification: bool| {
        swallows.load(Ordering::Acquire)
            && match speech {
                Speech::Postgres => is_notification,
                Speech::Redis => subscribes.load(Ordering::Acquire),
            }
    };
    let to_client = async {
        match speech {
            Speech::Postgres => messages(says, tells, swallows).await,
            Speech::Redis => bytes(says, tells, swallows).await,
        }
    };
    let _ = tokio::select! {
        ended = to_server => ended,
        ended = to_client => ended,
    };
}

/// Carries messages of PostgreSQL: a letter, a length that counts itself, and what is in it.
async fn messages(
    mut says: OwnedReadHalf,
    mut tells: OwnedWriteHalf,
    swallows: impl Fn(bool) -> bool,
) -> io::Result<()> {
    loop {
        let (letter, length) = (says.read_u8().await?, says.read_u32().await?);
        let mut message = vec![letter];
        message.extend(length.to_be_bytes());
        message.resize(usize::try_from(length).expect("it fits") + 1, 0);
        says.read_exact(&mut message[5..]).await?;
        if !swallows(letter == b'A') {
            tells.write_all(&message).await?;
        }
    }
}

async fn bytes(
    mut says: OwnedReadHalf,
    mut tells: OwnedWriteHalf,
    swallows: impl Fn(bool) -> bool,
) -> io::Result<()> {
    let mut bytes = [0; 16 * 1024];
    loop {
        match says.read(&mut bytes).await? {
            0 => return Ok(()),
            count if !swallows(false) => tells.write_all(&bytes[..count]).await?,
            _ => {}
        }
    }
}

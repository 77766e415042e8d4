//! A proxy before a PostgreSQL, which loses answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;

use super::server::Server;

/// The name of a server's socket in its folder.
const SOCKET: &str = ".s.PGSQL.5432";

/// A proxy. Its folder stands for the server's in addresses.
pub(crate) struct Proxy {
    folder: tempfile::TempDir,
    loses: Arc<AtomicBool>,
    accepting: AbortHandle,
}

impl Proxy {
    pub(crate) fn before(server: &Server) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let listener = UnixListener::bind(folder.path().join(SOCKET)).expect("a free path");
        let loses = Arc::new(AtomicBool::new(false));
        let accepting = tokio::spawn(accept(listener, server.folder.join(SOCKET), Arc::clone(&loses)));
        Self { folder, loses, accepting: accepting.abort_handle() }
    }

    /// The address, with the proxy in the place of its server.
    pub(crate) fn instead_of(&self, server: &Server, address: &str) -> String {
        let [server, proxy] = [&server.folder, self.folder.path()].map(|folder| folder.display().to_string());
        address.replace(&server, &proxy)
    }

    /// From now on requests arrive and answers do not: with the first of them, a connection is cut.
    pub(crate) fn lose_answers(&self, loses: bool) {
        self.loses.store(loses, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, server: PathBuf, loses: Arc<AtomicBool>) {
    while let Ok((client, _)) = listener.accept().await {
        let (server, loses) = (server.clone(), Arc::clone(&loses));
        tokio::spawn(async move { carry(client, &server, &loses).await });
    }
}

/// Carries both ways until one end closes, or an answer is lost.
async fn carry(client: UnixStream, server: &Path, loses: &AtomicBool) -> std::io::Result<()> {
    let (mut from_server, mut to_server) = UnixStream::connect(server).await?.into_split();
    let (mut from_client, mut to_client) = client.into_split();
    let requests = tokio::io::copy(&mut from_client, &mut to_server);
    let answers = async {
        let mut bytes = vec![0; 1 << 16];
        loop {
            let count = from_server.read(&mut bytes).await?;
            if count == 0 || loses.load(Ordering::SeqCst) {
                return Ok::<_, std::io::Error>(());
            }
            to_client.write_all(&bytes[..count]).await?;
        }
    };
    tokio::select! {
        ended = requests => ended.map(drop),
        ended = answers => ended,
    }
}

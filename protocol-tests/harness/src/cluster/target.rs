use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// Where a server is reached.
#[derive(Debug, Clone)]
pub enum Target {
    /// On this port.
    Tcp(SocketAddr),
    /// On this socket.
    Unix(PathBuf),
}

/// Both directions of a connection.
pub(super) type Ends = (Pin<Box<dyn AsyncRead + Send>>, Pin<Box<dyn AsyncWrite + Send>>);

impl Target {
    /// The folder of its socket.
    ///
    /// # Panics
    /// When it has a port.
    pub(super) fn folder(&self) -> &Path {
        match self {
            Self::Unix(path) => path.parent().expect("a socket is in a folder"),
            Self::Tcp(address) => panic!("{address} is no socket in a folder"),
        }
    }

    pub(super) async fn connect(&self) -> io::Result<Ends> {
        match self {
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let (read, write) = stream.into_split();
                Ok((Box::pin(read), Box::pin(write)))
            }
            Self::Unix(path) => {
                let (read, write) = UnixStream::connect(path).await?.into_split();
                Ok((Box::pin(read), Box::pin(write)))
            }
        }
    }
}

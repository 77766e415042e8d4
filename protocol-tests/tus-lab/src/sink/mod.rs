//! `tus-lab sink`: the least that a server could do with the same requests.
//!
//! It speaks just as much tus as the scenarios of `tus-lab load` need, and checks, locks and remembers
//! nothing beyond that. What it reaches is this machine's limit, not a server's: whoever keeps promises has
//! more to do.

mod aligned;
mod direct;
mod head;
mod keeping;
mod session;
mod store;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

pub use keeping::Keeping;

use session::Session;
use store::Store;

/// Answers whoever connects, for ever.
///
/// # Errors
/// When the folder cannot be made, or no connection be accepted.
pub async fn run(listener: TcpListener, folder: PathBuf, keeping: Keeping) -> io::Result<()> {
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(Store::new(folder, keeping));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let session = Session::new(Arc::clone(&store), stream);
        // A connection that breaks is nothing to tell of here.
        tokio::spawn(async move { _ = session.serve().await });
    }
}

//! `tus-lab sink`: a server that does the least that is possible with the same requests.
//!
//! The sink speaks just as much tus as the scenarios of `tus-lab load` need, and checks, locks and remembers
//! nothing beyond that. Its figures are this machine's limit, and no goal for a server, which has promises to
//! keep.

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

/// Answers every connection, for ever.
///
/// # Errors
/// When the folder cannot be made, or connections cannot be accepted.
pub async fn run(listener: TcpListener, folder: PathBuf, keeping: Keeping) -> io::Result<()> {
    std::fs::create_dir_all(&folder)?;
    let store = Arc::new(Store::new(folder, keeping));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let session = Session::new(Arc::clone(&store), stream);
        // A broken connection is not reported.
        tokio::spawn(async move { _ = session.serve().await });
    }
}

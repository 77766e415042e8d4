//! The server against the books, while no request is under way: everything that was acknowledged is there, no
//! message is there twice, and nothing lies about that nobody needs.

mod folders;
mod messages;
mod uploads;

use std::io;

use super::desk::Desk;

/// How thoroughly the data folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folders {
    /// Every file in it has somebody who needs it.
    Tidy,
    /// What is owed cannot be finished now, so nothing is said about files.
    Unsettled,
}

/// Compares what the server says with what clients were told.
///
/// # Errors
/// When the server died meanwhile.
///
/// # Panics
/// When something is lost, doubled, changed or left over.
pub(super) async fn audit(desk: &Desk, folders: Folders) -> io::Result<()> {
    uploads::audit(desk).await?;
    messages::audit(desk).await?;
    match folders {
        Folders::Tidy => folders::audit(desk).await,
        Folders::Unsettled => Ok(()),
    }
}

/// The same at the end, when every client is done: every file that is owed a message is one.
pub(super) async fn audit_all(desk: &Desk) {
    let audited = async {
        audit(desk, Folders::Tidy).await?;
        messages::are_complete(desk).await
    };
    audited.await.expect("the server lives");
}

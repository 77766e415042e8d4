//! The audit: compares the server with the books while no request is under way. Everything that was
//! acknowledged is there, no message is there twice, and no file is left over.

mod folders;
mod messages;
mod uploads;

use std::io;

use super::desk::Desk;

/// How thoroughly the data folder is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Folders {
    /// Every file belongs to an upload or a message.
    Tidy,
    /// Files are not looked at, because the server cannot finish its uploads now.
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

/// Compares the server with the books at the end, when every client is done: every file that is owed a
/// message is one.
pub(super) async fn audit_all(desk: &Desk) {
    let audited = async {
        audit(desk, Folders::Tidy).await?;
        messages::are_complete(desk).await
    };
    audited.await.expect("the server lives");
}

//! The scenarios, each in its file.

mod announce;
mod big;
mod chunked;
mod concat;
mod counted;
mod create;
mod head;
mod idle;
mod one_shot;
mod parts;
mod read;
mod records;
mod resume;
mod tiny;
mod uploads;

use std::sync::Arc;

use clap::Subcommand;

pub use announce::Announce;
pub use big::Big;
pub use chunked::Chunked;
pub use concat::Concat;
pub use create::Create;
pub use head::Head;
pub use idle::Idle;
pub use one_shot::OneShot;
pub use parts::Parts;
pub use read::Read;
pub use records::Records;
pub use resume::{End, Resume};
pub use tiny::Tiny;
pub use uploads::Uploads;

use super::failure::Failure;
use super::report::Report;
use super::subject::{Settings, Subject};

/// The kind of load on the server.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// Uploads in one PATCH each
    Big(Big),
    /// Uploads in many PATCHes over kept connections
    Chunked(Chunked),
    /// Creations without content
    Create(Create),
    /// HEAD of complete uploads
    Head(Head),
    /// Whole small uploads, with the content in the creation where the server accepts it
    Tiny(Tiny),
    /// Forms (multipart/form-data) without tus
    Oneshot(OneShot),
    /// GET of a file, or of ranges of it
    Read(Read),
    /// Partial uploads at the same time, and then joining them
    Concat(Concat),
    /// Connections that die, HEAD right after it, and the rest
    Resume(Resume),
    /// Many slow uploads, and HEAD of another client meanwhile
    Idle(Idle),
    /// From the last byte of an upload to the event that tells of it over Socket.IO
    Announce(Announce),
    /// Fills the server with upload records, and tells how creation and HEAD do among them
    Records(Records),
    /// Fills the server with small uploads, and tells how fast they are made before and after
    Uploads(Uploads),
    /// Many uploads under way at once, then none; and how fast uploads are begun before and after
    Parts(Parts),
}

impl Scenario {
    /// Runs the scenario.
    ///
    /// # Errors
    /// [`Failure`] when the scenario could not begin; later failures are in the report.
    pub async fn run(&self, settings: &Settings) -> Result<Report, Failure> {
        let subject = Arc::new(Subject::new(settings)?);
        match self {
            Self::Big(args) => args.run(&subject).await,
            Self::Chunked(args) => args.run(&subject).await,
            Self::Create(args) => args.run(&subject).await,
            Self::Head(args) => args.run(&subject).await,
            Self::Tiny(args) => args.run(&subject).await,
            Self::Oneshot(args) => args.run(&subject).await,
            Self::Read(args) => args.run(&subject).await,
            Self::Concat(args) => args.run(&subject).await,
            Self::Resume(args) => args.run(&subject).await,
            Self::Idle(args) => args.run(&subject).await,
            Self::Announce(args) => args.run(&subject).await,
            Self::Records(args) => args.run(&subject).await,
            Self::Uploads(args) => args.run(&subject).await,
            Self::Parts(args) => args.run(&subject).await,
        }
    }
}

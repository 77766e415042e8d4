//! The use cases over stores in memory.

/// Facts over stores that sync bytes before their row, and over those whose rows carry few bytes.
macro_rules! over_both {
    ($($fact:ident),* $(,)?) => {
        mod in_memory {
            $(
                #[tokio::test]
                async fn $fact() {
                    super::$fact(super::House::new().await).await;
                }
            )*
        }

        mod embedded {
            $(
                #[tokio::test]
                async fn $fact() {
                    super::$fact(super::House::embedded().await).await;
                }
            )*
        }
    };
}

mod boundaries;
mod checkpoints;
mod checksums;
mod concatenations;
mod creations;
mod elsewhere;
mod facts;
mod losses;
mod model;
mod nodes;
mod over;
mod repeats;
mod reservations;
mod room;
mod sealed;
mod slow;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{
    Body, BodyBroken, BodyFrame, Creation, Frames, Limits, NewUpload, Standing, UploadError, Uploads,
};
use crate::finalizer::Finalizer;
use crate::message::{ConversationId, Message, UserId};
use crate::reservations::Allowance;
use crate::store::disk::Disk;
use crate::store::embedded::Carrying;
use crate::store::local::{Alone, LocalLeases};
use crate::store::memory::{Memory, MemoryAnnouncements, MemoryPayloads};
use crate::store::sled::SledStore;
use crate::store::{Durability, Payloads, Source, Stores};
use crate::time::Timestamp;
use crate::upload::{
    AppendRequest, Appended, Checksum, Chunk, Digests, Epoch, Length, Metadata, State, UploadId, Verification,
};

const MAX: u64 = 1 << 20;

/// The inside of a server, without a server.
struct House {
    uploads: Arc<Uploads>,
    finalizer: Arc<Finalizer>,
    stores: Stores,
    draining: CancellationToken,
    /// The folder of the embedded stores, which is dropped last.
    folder: Option<TempDir>,
}

impl House {
    async fn new() -> Self {
        Self::over(Arc::new(MemoryPayloads::default())).await
    }

    async fn over(payloads: Arc<dyn Payloads>) -> Self {
        Self::with(payloads, limits()).await
    }

    async fn with(payloads: Arc<dyn Payloads>, limits: Limits) -> Self {
        Self::of(Arc::new(Memory::new()).stores(payloads), limits, None).await
    }

    /// A house over the stores of a server that survives power cuts.
    async fn embedded() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::open(folder.path(), Durability::Power, 0).expect("opened");
        let records = folder.path().join("records");
        let store = SledStore::open_beside(disk.files(), &records, Durability::Power).expect("opened");
        let store = Arc::new(store);
        let stores = Stores {
            records: store.clone(),
            messages: store.clone(),
            memberships: store.clone(),
            leases: Arc::new(LocalLeases::default()),
            duties: Arc::new(Alone),
            hints: Arc::new(Alone),
            appends: Arc::new(Carrying::new(disk.clone(), store)),
            payloads: Arc::new(disk),
            announcements: Arc::new(MemoryAnnouncements::default()),
        };
        Self::of(stores, limits(), Some(folder)).await
    }

    async fn of(stores: Stores, limits: Limits, folder: Option<TempDir>) -> Self {
        stores.memberships.put(conversation(), &[ada(), bob()]).await.expect("memory");
        let (tasks, draining) = (TaskTracker::new(), CancellationToken::new());
        let allowance = Allowance::new(&stores, limits.terms());
        allowance.recall().await.expect("readable");
        let finalizer = Finalizer::new(stores.clone(), tasks.clone(), allowance);
        let uploads = Uploads::new(stores.clone(), Arc::clone(&finalizer), limits, tasks, draining.clone());
        Self { uploads: Arc::new(uploads), finalizer, stores, draining, folder }
    }

    /// The data folder of a house with embedded stores.
    fn folder(&self) -> &std::path::Path {
        self.folder.as_ref().expect("a folder").path()
    }

    async fn create(&self, length: u64, metadata: &Metadata) -> Result<Creation, UploadError> {
        let new = NewUpload {
            length: Length::Known(length),
            metadata: metadata.clone(),
            conversation: None,
            is_partial: false,
        };
        self.uploads.create(&ada(), new).await
    }

    async fn append(&self, id: UploadId, offset: u64, body: Body) -> Result<Standing, UploadError> {
        let request = AppendRequest { offset, content_length: None, upload_length: None };
        self.uploads.append(&ada(), id, request, body).await
    }

    /// Leaves an upload as a kill between the last row and the finalizer does: all bytes in the part, the
    /// state complete, and no request at it.
    async fn record_all(&self, id: UploadId, bytes: &'static [u8]) {
        let upload = self.stores.records.find(id).await.expect("memory").expect("recorded");
        let mut sink = self.stores.payloads.open(id, Epoch::FIRST, 0).await.expect("memory");
        sink.sync(vec![Bytes::from_static(bytes)]).await.expect("memory");
        let length = u64::try_from(bytes.len()).expect("small");
        let chunk = Chunk { offset: 0, length, at: Timestamp::now(), digest: upload.digest };
        let row = Appended { chunk, length: upload.length, state: State::Complete, epoch: Epoch::FIRST };
        self.stores.records.append(id, &row).await.expect("memory");
    }

    async fn messages(&self) -> Vec<Message> {
        self.stores.messages.page(conversation(), None, 1000).await.expect("memory")
    }

    async fn offset(&self, id: UploadId) -> u64 {
        self.stores.records.find(id).await.expect("memory").expect("recorded").offset
    }

    async fn parts(&self) -> usize {
        self.stores
            .payloads
            .parts(Timestamp::from_millis(u64::MAX), None, usize::MAX)
            .await
            .expect("memory")
            .len()
    }
}

fn limits() -> Limits {
    Limits {
        max_upload_size: MAX,
        expire_after_secs: 60,
        result_window_secs: 24 * 60 * 60,
        body_idle: Duration::from_secs(5),
        max_unfinished: u64::MAX,
        max_reserved_bytes: u64::MAX,
        lapse_after: Duration::from_secs(120),
        digests: Digests::Every,
    }
}

fn ada() -> UserId {
    "ada@example.com".parse().expect("valid")
}

fn bob() -> UserId {
    "bob@example.com".parse().expect("valid")
}

fn conversation() -> ConversationId {
    "507f1f77bcf86cd799439012".parse().expect("valid")
}

/// Metadata of a bound upload, with further pairs.
fn bound(pairs: &[(&str, &str)]) -> Metadata {
    let id = conversation().to_string();
    let all = [("conversation_id", id.as_str()), ("filename", "a.mp4")];
    Metadata::of(all.into_iter().chain(pairs.iter().copied()))
}

/// A body of these pieces.
fn body(pieces: &[&[u8]]) -> Body {
    unchecked(frames(pieces))
}

/// A body that breaks off after this piece.
fn broken(piece: &[u8]) -> Body {
    unchecked(frames(&[piece]).chain(stream::iter([Err(BodyBroken)])))
}

/// A body of this piece, and then silence.
fn stalled(piece: &[u8]) -> Body {
    unchecked(frames(&[piece]).chain(stream::pending()))
}

/// The CRC-32 of these bytes, as a client writes it.
fn crc32(bytes: &[u8]) -> Checksum {
    let sum = data_encoding::BASE64.encode(&crc32fast::hash(bytes).to_be_bytes());
    format!("crc32 {sum}").parse().expect("valid")
}

fn unchecked(frames: impl Stream<Item = Result<BodyFrame, BodyBroken>> + Send + 'static) -> Body {
    Body::new(Box::pin(frames), Verification::None)
}

fn frames(pieces: &[&[u8]]) -> Frames {
    let pieces: Vec<_> =
        pieces.iter().map(|piece| Ok(BodyFrame::Data(Bytes::copy_from_slice(piece)))).collect();
    Box::pin(stream::iter(pieces))
}

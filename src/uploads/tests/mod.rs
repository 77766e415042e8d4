//! The use cases over stores in memory.

mod facts;
mod model;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Body, BodyBroken, Creation, Limits, NewUpload, Standing, UploadError, Uploads};
use crate::finalizer::Finalizer;
use crate::message::{ConversationId, Message, UserId};
use crate::store::memory::{Memory, MemoryAnnouncements, MemoryPayloads};
use crate::store::{Appended, Stores};
use crate::time::Timestamp;
use crate::upload::{AppendRequest, Chunk, Length, Metadata, State, UploadId};

const MAX: u64 = 1 << 20;

/// A server's inside without a server.
struct House {
    uploads: Arc<Uploads>,
    finalizer: Arc<Finalizer>,
    stores: Stores,
    draining: CancellationToken,
}

impl House {
    async fn new() -> Self {
        let memory = Arc::new(Memory::new());
        let stores = Stores {
            records: memory.clone(),
            messages: memory.clone(),
            memberships: memory,
            payloads: Arc::new(MemoryPayloads::default()),
            announcements: Arc::new(MemoryAnnouncements::default()),
        };
        stores.memberships.put(conversation(), &[ada(), bob()]).await.expect("memory");
        let (tasks, draining) = (TaskTracker::new(), CancellationToken::new());
        let finalizer = Finalizer::new(stores.clone(), tasks.clone(), MAX);
        let limits = Limits {
            max_upload_size: MAX,
            expire_after_secs: 60,
            body_idle: Duration::from_secs(5),
            digests: true,
        };
        let uploads = Uploads::new(stores.clone(), Arc::clone(&finalizer), limits, tasks, draining.clone());
        Self { uploads: Arc::new(uploads), finalizer, stores, draining }
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

    /// As a kill between the last row and the finalizer leaves an upload: all bytes in the part, the state
    /// complete, and nobody at it.
    async fn record_all(&self, id: UploadId, bytes: &'static [u8]) {
        let upload = self.stores.records.find(id).await.expect("memory").expect("recorded");
        let mut sink = self.stores.payloads.open(id, 0).await.expect("memory");
        sink.sync(vec![Bytes::from_static(bytes)]).await.expect("memory");
        let length = u64::try_from(bytes.len()).expect("small");
        let chunk = Chunk { offset: 0, length, at: Timestamp::now(), digest: upload.digest };
        let row = Appended { chunk, length: upload.length, state: State::Complete };
        self.stores.records.append(id, &row).await.expect("memory");
    }

    async fn messages(&self) -> Vec<Message> {
        self.stores.messages.page(conversation(), None, 1000).await.expect("memory")
    }

    async fn offset(&self, id: UploadId) -> u64 {
        self.stores.records.find(id).await.expect("memory").expect("recorded").offset
    }

    async fn parts(&self) -> usize {
        self.stores.payloads.parts().await.expect("memory").len()
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
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    Box::pin(stream::iter(pieces))
}

/// A body that breaks off after this.
fn broken(piece: &[u8]) -> Body {
    Box::pin(body(&[piece]).chain(stream::iter([Err(BodyBroken)])))
}

/// A body that says this and then nothing.
fn stalled(piece: &[u8]) -> Body {
    Box::pin(body(&[piece]).chain(stream::pending()))
}

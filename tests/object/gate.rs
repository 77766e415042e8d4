//! A store whose puts of parts may be held back, and land whether or not their sender waits for them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use longhaul::store::object::{Bucket, S3};
use object_store::aws::AmazonS3;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::{ClientOptions, Error, MultipartId, PutMultipartOptions, PutPayload, PutResult, Result};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// A put that is held back.
pub(crate) struct Held {
    /// Whose other end is gone once the sender gave it up.
    sender: oneshot::Sender<Result<PartId>>,
    land: Arc<dyn Fn() -> futures_util::future::BoxFuture<'static, Result<PartId>> + Send + Sync>,
}

impl Held {
    /// Waits until the sender has given the put up.
    pub(crate) async fn given_up(&mut self) {
        self.sender.closed().await;
    }

    /// Whether the sender still waits.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Lets the put land, and its sender hear of it.
    pub(crate) async fn land(self) {
        let landed = (self.land)().await;
        let _ = self.sender.send(landed);
    }

    /// Lets the put fail without an effect.
    pub(crate) fn fail(self) {
        let source = "the store is away".into();
        let _ = self.sender.send(Err(Error::Generic { store: "S3", source }));
    }
}

/// The client side of a store with a gate.
struct Gate {
    inner: AmazonS3,
    held: UnboundedSender<Held>,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

/// A bucket whose puts of parts wait for the test.
pub(crate) fn gated(s3: &S3) -> (Bucket, UnboundedReceiver<Held>) {
    let inner = s3.client(ClientOptions::new()).expect("a client");
    let (held, puts) = unbounded_channel();
    let bucket = Bucket::over(Arc::new(Gate { inner: inner.clone(), held }), Arc::new(inner));
    (bucket, puts)
}

#[async_trait]
impl MultipartStore for Gate {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.inner.create_multipart(path).await
    }

    async fn create_multipart_opts(&self, path: &Path, opts: PutMultipartOptions) -> Result<MultipartId> {
        self.inner.create_multipart_opts(path, opts).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, idx: usize, data: PutPayload) -> Result<PartId> {
        let (sender, receiver) = oneshot::channel();
        let (inner, path, id) = (self.inner.clone(), path.clone(), id.clone());
        let land = move || -> futures_util::future::BoxFuture<'static, Result<PartId>> {
            let (inner, path, id, data) = (inner.clone(), path.clone(), id.clone(), data.clone());
            Box::pin(async move { inner.put_part(&path, &id, idx, data).await })
        };
        self.held.send(Held { sender, land: Arc::new(land) }).expect("the test goes on");
        receiver.await.expect("the test lets it land, or fail")
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        self.inner.complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.inner.abort_multipart(path, id).await
    }
}

//! A store whose puts of parts may be held back, and land whether or not their sender waits for them; and one
//! that refuses parts of unequal sizes, as some do.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

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
    let signer = Arc::new(inner.clone());
    let bucket = Bucket::over(Arc::new(Gate { inner: inner.clone(), held }), Arc::new(inner));
    (bucket.signed_by(signer).expect("a client"), puts)
}

/// The client side of a store that makes an object only of parts of one size, of which the last may be
/// shorter.
struct Strict {
    inner: AmazonS3,
    sizes: Mutex<HashMap<(MultipartId, usize), usize>>,
}

impl fmt::Debug for Strict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Strict")
    }
}

/// A bucket in which parts are of one size.
pub(crate) fn strict(s3: &S3) -> Bucket {
    let inner = s3.client(ClientOptions::new()).expect("a client");
    let strict = Strict { inner: inner.clone(), sizes: Mutex::default() };
    Bucket::over(Arc::new(strict), Arc::new(inner))
}

#[async_trait]
impl MultipartStore for Strict {
    async fn create_multipart(&self, path: &Path) -> Result<MultipartId> {
        self.inner.create_multipart(path).await
    }

    async fn create_multipart_opts(&self, path: &Path, opts: PutMultipartOptions) -> Result<MultipartId> {
        self.inner.create_multipart_opts(path, opts).await
    }

    async fn put_part(&self, path: &Path, id: &MultipartId, idx: usize, data: PutPayload) -> Result<PartId> {
        self.sizes.lock().expect("no panic").insert((id.clone(), idx), data.content_length());
        self.inner.put_part(path, id, idx, data).await
    }

    async fn complete_multipart(
        &self,
        path: &Path,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> Result<PutResult> {
        let sizes: Vec<_> = {
            let sizes = self.sizes.lock().expect("no panic");
            (0..parts.len()).map(|idx| sizes[&(id.clone(), idx)]).collect()
        };
        let (last, others) = sizes.split_last().expect("a part");
        if others.iter().any(|size| size != &others[0] || last > size) {
            return Err(Error::Generic { store: "S3", source: format!("unequal parts: {sizes:?}").into() });
        }
        self.inner.complete_multipart(path, id, parts).await
    }

    async fn abort_multipart(&self, path: &Path, id: &MultipartId) -> Result<()> {
        self.inner.abort_multipart(path, id).await
    }
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

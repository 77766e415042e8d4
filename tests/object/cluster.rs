//! Nodes that share a schema and a bucket, and uploads on them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use longhaul::message::MessageId;
use longhaul::store::contract::samples;
use longhaul::store::object::{Bucket, Limits, Objects, S3};
use longhaul::store::postgres::Postgres;
use longhaul::store::{Append, Appends, Last, Payloads, Place, Records, Source, StoreError, Taking};
use longhaul::time::Timestamp;
use longhaul::upload::{Appended, Chunk, Epoch, Length, State, Upload, UploadId};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::gate::{self, Held};
use crate::{connections, gateway, limits, server};

/// A schema and a bucket.
pub(crate) struct Cluster {
    pub(crate) address: String,
    pub(crate) s3: S3,
    pub(crate) limits: Limits,
}

/// One node, without what it does by itself.
pub(crate) struct Node {
    pub(crate) store: Arc<Postgres>,
    pub(crate) objects: Objects,
}

impl Cluster {
    pub(crate) async fn new() -> Self {
        Self::with(limits()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        let address = server::schema();
        Postgres::open(connections(&address)).await.expect("opened");
        Self { address, s3: S3 { prefix: String::new(), checksums: false, ..gateway::bucket() }, limits }
    }

    /// One whose bucket says that it is the database's, as it does soon after the first node has started.
    pub(crate) async fn marked(limits: Limits) -> Self {
        let cluster = Self::with(limits).await;
        assert!(cluster.node().objects.belongs().await.expect("marked"));
        cluster
    }

    pub(crate) fn node(&self) -> Node {
        self.node_on(Bucket::of(&self.s3, self.limits.part_timeout).expect("a bucket"))
    }

    /// A node whose puts of parts wait for the test.
    pub(crate) fn gated(&self) -> (Node, UnboundedReceiver<Held>) {
        let (bucket, puts) = gate::gated(&self.s3);
        (self.node_on(bucket), puts)
    }

    /// A node on a store that refuses parts of unequal sizes.
    pub(crate) fn strict(&self) -> Node {
        self.node_on(gate::strict(&self.s3))
    }

    fn node_on(&self, bucket: Bucket) -> Node {
        let store = Arc::new(Postgres::over(connections(&self.address)));
        Node { objects: Objects::new(store.clone(), bucket, self.limits), store }
    }

    /// The key and the multipart upload of the only upload with parts.
    pub(crate) async fn multipart(&self) -> (String, String) {
        let client = self.client().await;
        let row =
            client.query_one("select object_key, multipart_id from stored", &[]).await.expect("one row");
        (row.get(0), row.get(1))
    }

    async fn client(&self) -> tokio_postgres::Client {
        let config: tokio_postgres::Config = self.address.parse().expect("an address");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connected");
        tokio::spawn(connection);
        client
    }

    /// A statement that answers one text.
    pub(crate) async fn text(&self, sql: &str) -> String {
        self.client().await.query_one(sql, &[]).await.expect("answered").get(0)
    }

    /// A statement that answers one number, once its tables are there.
    pub(crate) async fn maybe_number(&self, sql: &str) -> Option<i64> {
        self.client().await.query_one(sql, &[]).await.ok().map(|row| row.get(0))
    }

    /// A statement that answers nothing.
    pub(crate) async fn run(&self, sql: &str) {
        self.client().await.batch_execute(sql).await.expect("done");
    }

    /// Frees all garbage at once, both times that it is freed.
    pub(crate) async fn collect_twice(&self) {
        let at_once = Limits { part_timeout: Duration::ZERO, margin: Duration::ZERO, ..self.limits };
        let now = Self { address: self.address.clone(), s3: self.s3.clone(), limits: at_once };
        while now.node().objects.collect(10).await.expect("collected") > 0 {}
    }

    /// A statement that answers one number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.client().await.query_one(sql, &[]).await.expect("answered").get(0)
    }
}

impl Node {
    /// A new upload of this length.
    pub(crate) async fn create(&self, length: u64) -> UploadId {
        let upload = Upload { length: Length::Known(length), digest: None, ..samples::unbound() };
        assert!(self.store.create(&upload, Taking::IfFree).await.expect("stored").is_new());
        upload.id
    }

    /// Ends the upload: its record goes, and then its bytes.
    pub(crate) async fn discard(&self, id: UploadId) {
        let epoch = self.take(id).await;
        self.store.remove(id, epoch).await.expect("removed");
        self.objects.discard(id).await.expect("discarded");
    }

    /// Takes the upload.
    pub(crate) async fn take(&self, id: UploadId) -> Epoch {
        self.store.raise(id).await.expect("taken").expect("there")
    }

    pub(crate) async fn open(&self, id: UploadId, epoch: Epoch) -> Box<dyn Append> {
        let offset = self.find(id).await.offset;
        Appends::open(&self.objects, id, epoch, offset).await.expect("opened")
    }

    pub(crate) async fn find(&self, id: UploadId) -> Upload {
        self.store.find(id).await.expect("readable").expect("there")
    }

    /// Sends bytes from the recorded offset up to this one as one request.
    pub(crate) async fn send(&self, id: UploadId, seed: u64, to: u64) -> Result<State, StoreError> {
        let epoch = self.take(id).await;
        let mut append = self.open(id, epoch).await;
        let upload = self.find(id).await;
        append.write(pieces(seed, upload.offset..to)).await?;
        append.record(Last::default(), &row(&upload, to), None).await
    }

    /// All bytes of a complete upload.
    pub(crate) async fn read(&self, id: UploadId, length: u64) -> Result<Vec<u8>, StoreError> {
        self.objects.seal(id, length).await?;
        let pieces = self.objects.read(&Source::Part(id), 0..length).await?;
        Ok(pieces.try_collect::<Vec<_>>().await?.concat())
    }

    /// All bytes of a message's file.
    pub(crate) async fn read_placed(&self, id: UploadId, number: u8, length: u64) -> Vec<u8> {
        self.read_file(place(number), id, length).await
    }

    /// All bytes of the file at this place.
    pub(crate) async fn read_file(&self, place: Place, id: UploadId, length: u64) -> Vec<u8> {
        let pieces = self.objects.read(&Source::Placed(place, id), 0..length).await.expect("there");
        pieces.try_collect::<Vec<_>>().await.expect("readable").concat()
    }
}

pub(crate) fn place(number: u8) -> Place {
    Place { message: MessageId::from_bytes([number; 12]), file_name: "a.mp4".into() }
}

/// The row up to an offset, by the upload's holder.
pub(crate) fn row(upload: &Upload, to: u64) -> Appended {
    let chunk =
        Chunk { offset: upload.offset, length: to - upload.offset, at: Timestamp::now(), digest: None };
    let state = if upload.length.is_reached_at(to) { State::Complete } else { State::Receiving };
    Appended { chunk, length: upload.length, state, epoch: upload.epoch }
}

/// Bytes that depend on their offsets and on a seed.
pub(crate) fn bytes(seed: u64, range: Range<u64>) -> Vec<u8> {
    range.map(|at| ((at ^ (at >> 8) ^ (at >> 16)).wrapping_mul(seed | 1) & 0xff) as u8).collect()
}

/// The bytes in pieces as they come from a connection.
pub(crate) fn pieces(seed: u64, range: Range<u64>) -> Vec<Bytes> {
    bytes(seed, range).chunks(65_521).map(Bytes::copy_from_slice).collect()
}

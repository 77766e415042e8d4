//! Downloads: as much of an object is fetched as its reader takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::TryStreamExt;
use longhaul::store::object::S3;
use longhaul::store::{Payloads, Source, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::MIB;
use crate::cluster::{Cluster, bytes, place};

const LENGTH: u64 = 64 * MIB;

/// A line to the store, which counts what comes from there, and tells when a connection is closed.
struct Line {
    s3: S3,
    fetched: Arc<AtomicU64>,
    closed: UnboundedReceiver<()>,
}

impl Line {
    async fn to(s3: &S3) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let near = listener.local_addr().expect("an address");
        let endpoint = s3.endpoint.as_deref().expect("it has one");
        let far = endpoint.strip_prefix("http://").expect("it is plain").to_owned();
        let fetched = Arc::new(AtomicU64::new(0));
        let (ends, closed) = unbounded_channel();
        tokio::spawn(accept(listener, far, Arc::clone(&fetched), ends));
        Self { s3: S3 { endpoint: Some(format!("http://{near}")), ..s3.clone() }, fetched, closed }
    }

    fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, far: String, fetched: Arc<AtomicU64>, ends: UnboundedSender<()>) {
    while let Ok((near, _)) = listener.accept().await {
        let far = TcpStream::connect(&far).await.expect("the store listens");
        let (fetched, ends) = (Arc::clone(&fetched), ends.clone());
        tokio::spawn(async move {
            let ((mut near_in, near_out), (far_in, mut far_out)) = (near.into_split(), far.into_split());
            tokio::select! {
                _ = tokio::io::copy(&mut near_in, &mut far_out) => {}
                () = fetch(far_in, near_out, &fetched) => {}
            }
            let _ = ends.send(());
        });
    }
}

async fn fetch(
    mut far: tokio::net::tcp::OwnedReadHalf,
    mut near: tokio::net::tcp::OwnedWriteHalf,
    fetched: &AtomicU64,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count @ 1..) = far.read(&mut buffer).await {
        fetched.fetch_add(count as u64, Ordering::Relaxed);
        if near.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
}

/// A file of a message, and a node that reaches the store by a line.
async fn by_line() -> (crate::cluster::Node, longhaul::upload::UploadId, Line) {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(LENGTH).await;
    node.send(id, 1, LENGTH).await.expect("recorded");
    node.objects.place(id, LENGTH, &place(1)).await.expect("placed");
    let line = Line::to(&cluster.s3).await;
    (Cluster { s3: line.s3.clone(), ..cluster }.node(), id, line)
}

#[tokio::test]
async fn a_reader_that_goes_away_ends_the_download() {
    let (node, id, mut line) = by_line().await;
    let source = Source::Placed(place(1), id);
    let mut read = node.objects.read(&source, 0..LENGTH).await.expect("there");
    read.try_next().await.expect("readable").expect("a piece");
    drop(read);
    line.closed.recv().await.expect("the connection is closed");
    assert!(line.fetched() < LENGTH, "{}", line.fetched());
}

#[tokio::test]
async fn a_range_is_all_that_is_fetched() {
    let (node, id, line) = by_line().await;
    let source = Source::Placed(place(1), id);
    for range in [0..1, 7..MIB, LENGTH - 3..LENGTH, 9 * MIB - 1..9 * MIB + 1] {
        let before = line.fetched();
        let found: Vec<_> = node
            .objects
            .read(&source, range.clone())
            .await
            .expect("there")
            .try_collect()
            .await
            .expect("readable");
        assert!(found.concat() == bytes(1, range.clone()), "{range:?}");
        let fetched = line.fetched() - before;
        assert!(fetched < range.end - range.start + 10_000, "{fetched} for {range:?}");
    }
    let beyond = node.objects.read(&source, 0..LENGTH + 1).await.map(drop);
    assert!(matches!(beyond, Err(StoreError::Damaged(_))), "{beyond:?}");
}

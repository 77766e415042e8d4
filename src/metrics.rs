//! Counters for Prometheus.

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What the process has done since it started.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Uploads created by tus.
    pub uploads_created: Counter<u64, AtomicU64>,
    /// Bytes made durable, by all ways in.
    pub bytes_received: Counter<u64, AtomicU64>,
    /// Messages made.
    pub messages_made: Counter<u64, AtomicU64>,
    /// Messages announced.
    pub messages_published: Counter<u64, AtomicU64>,
    /// Requests whose bytes were not what their checksum said.
    pub checksum_mismatches: Counter<u64, AtomicU64>,
    /// Uploads rejected for good.
    pub uploads_rejected: Counter<u64, AtomicU64>,
    /// Uploads expired.
    pub uploads_expired: Counter<u64, AtomicU64>,
    /// Promises of room that lapsed, because others needed it.
    pub promises_lapsed: Counter<u64, AtomicU64>,
    /// Connections ended because their clients asked too much.
    pub connections_ended: Counter<u64, AtomicU64>,
    /// Bytes of the disk that are set aside for uploads.
    pub room_reserved: Gauge<u64, AtomicU64>,
    /// Bytes that are neither set aside nor in the reserve.
    pub room_free: Gauge<u64, AtomicU64>,
    responses: Family<[(&'static str, u16); 1], Counter<u64, AtomicU64>>,
    durability: Family<[(&'static str, &'static str); 1], Gauge>,
}

static METRICS: LazyLock<(Metrics, Registry)> = LazyLock::new(|| {
    let metrics = Metrics::default();
    let mut registry = Registry::with_prefix("longhaul");
    registry.register("uploads_created", "Uploads created by tus", metrics.uploads_created.clone());
    registry.register("bytes_received", "Bytes made durable", metrics.bytes_received.clone());
    registry.register("messages_made", "Messages made", metrics.messages_made.clone());
    registry.register("messages_published", "Messages announced", metrics.messages_published.clone());
    registry.register(
        "checksum_mismatches",
        "Requests whose bytes were not what their checksum said",
        metrics.checksum_mismatches.clone(),
    );
    registry.register("uploads_rejected", "Uploads rejected for good", metrics.uploads_rejected.clone());
    registry.register("uploads_expired", "Uploads expired", metrics.uploads_expired.clone());
    registry.register("promises_lapsed", "Promises of room that lapsed", metrics.promises_lapsed.clone());
    registry.register(
        "connections_ended",
        "Connections of HTTP/2 that were ended for asking too much",
        metrics.connections_ended.clone(),
    );
    registry.register("room_reserved_bytes", "Bytes set aside for uploads", metrics.room_reserved.clone());
    registry.register("room_free_bytes", "Bytes that may be set aside", metrics.room_free.clone());
    registry.register("http_responses", "Responses by status", metrics.responses.clone());
    registry.register("durability", "What an acknowledgement survives", metrics.durability.clone());
    (metrics, registry)
});

/// The metrics of this process.
pub fn get() -> &'static Metrics {
    &METRICS.0
}

/// All of them in the text format.
pub fn text() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &METRICS.1);
    text
}

impl Metrics {
    /// Counts an answer.
    pub fn answered(&self, status: u16) {
        self.responses.get_or_create(&[("status", status)]).inc();
    }

    /// Says what an acknowledgement survives: 1 for the kind that is so named.
    pub fn survives(&self, kind: &'static str) {
        self.durability.get_or_create(&[("kind", kind)]).set(1);
    }
}

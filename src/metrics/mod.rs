//! Metrics of the process, for Prometheus. They are process-wide: modules that do not know each other write
//! them, and `/metrics` shows all.

mod counted;
mod durations;

use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Metric, Registry};

pub use counted::Counted;
pub use durations::{Durations, DurationsBy};

type Count = Counter<u64, AtomicU64>;
type Level = Gauge<u64, AtomicU64>;
type Seconds = Gauge<f64, AtomicU64>;
/// The name of a label, and its value.
type Label<T> = [(&'static str, T); 1];

/// Declares the metrics: each field is a metric of its name, described by its documentation.
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $visibility:vis $name:ident: $kind:ty,)+) => {
        /// The metrics: counts and durations since the process started, and its present state.
        #[derive(Debug)]
        pub struct Metrics {
            $($(#[doc = $help])+ $visibility $name: $kind,)+
        }

        impl Metrics {
            fn in_registry(registry: &mut Registry) -> Self {
                Self { $($name: added(registry, stringify!($name), concat!($($help),+)),)+ }
            }
        }
    };
}

metrics! {
    /// Uploads created by tus
    pub uploads_created: Count,
    /// Bytes made durable, by all ways in
    pub bytes_received: Count,
    /// Messages made
    pub messages_made: Count,
    /// Messages announced
    pub messages_published: Count,
    /// Requests whose bytes were not what their checksum said
    pub checksum_mismatches: Count,
    /// Uploads rejected for good
    pub uploads_rejected: Count,
    /// Uploads expired
    pub uploads_expired: Count,
    /// Promises of room that lapsed, because others needed it
    pub promises_lapsed: Count,
    /// Connections of HTTP/2 that were ended for asking too much
    pub connections_ended: Count,
    /// Connections that are open, websockets among them
    pub connections: Level,
    /// Events that were handed on to all processes
    pub parcels_handed_on: Count,
    /// Events that came from all processes, this one included
    pub parcels_brought: Count,
    /// Attempts to hand events on that failed
    pub relay_failures: Count,
    /// Looks for messages whose announcements may have been missed
    pub relay_looks: Count,
    /// Uploads that a request is sending bytes to
    pub uploads_receiving: Level,
    /// Bytes of the disk that are set aside for uploads
    pub room_reserved_bytes: Level,
    /// Bytes that are neither set aside nor in the reserve
    pub room_free_bytes: Level,
    /// Since the last byte of the oldest upload that is complete and has no message yet; 0 without one
    pub owed_upload_age_seconds: Seconds,
    /// Since the oldest message that is not announced yet was made; 0 without one
    pub outbox_age_seconds: Seconds,
    /// Bytes of changes that are in the journal and not in the database yet
    pub journal_bytes: Level,
    /// When the database was last given what the journal held, in Unix time
    checkpoint_timestamp_seconds: Seconds,
    /// From bytes that are handed to the store to their durable row in the ledger
    pub append_seconds: Durations,
    /// From the beginning of a finalization to its committed message
    pub finalize_seconds: Durations,
    /// From a request that wants an upload to the lease of it
    pub lease_wait_seconds: Durations,
    /// From events that are handed on to all processes until they are on their way
    pub relay_seconds: Durations,
    /// Whether a server that this one uses answers, as of the last readiness check
    dependency_up: Family<Label<&'static str>, Gauge>,
    /// Syncs, by what is synced
    sync_seconds: DurationsBy<Label<&'static str>>,
    /// From a request's header to the header of its answer, by route and status
    http_request_seconds: DurationsBy<(Label<&'static str>, Label<u16>)>,
    /// Responses by status
    http_responses: Family<Label<u16>, Count>,
    /// What an acknowledgement survives
    durability: Family<Label<&'static str>, Gauge>,
}

static METRICS: LazyLock<(Metrics, Registry)> = LazyLock::new(|| {
    let mut registry = Registry::with_prefix("longhaul");
    (Metrics::in_registry(&mut registry), registry)
});

fn added<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help.trim(), metric.clone());
    metric
}

/// The metrics of this process.
pub fn get() -> &'static Metrics {
    &METRICS.0
}

/// All metrics in the text format.
pub fn text() -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &METRICS.1);
    text
}

impl Metrics {
    /// Counts an answer to a request that began at `begun`.
    pub fn answered(&self, route: &'static str, status: u16, begun: Instant) {
        self.http_responses.get_or_create(&[("status", status)]).inc();
        self.http_request_seconds.since(&([("route", route)], [("status", status)]), begun);
    }

    /// Records a sync that began at `begun`.
    pub fn synced(&self, what: Synced, begun: Instant) {
        self.sync_seconds.since(&[("of", what.name())], begun);
    }

    /// Records that the database has just been given what the journal held.
    pub fn checkpointed(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.checkpoint_timestamp_seconds.set(now.as_secs_f64());
    }

    /// Records whether the server of this name answers.
    pub fn answers(&self, name: &'static str, does: bool) {
        self.dependency_up.get_or_create(&[("name", name)]).set(i64::from(does));
    }

    /// Records the durability of acknowledgements: 1 for the kind of this name.
    pub fn survives(&self, kind: &'static str) {
        self.durability.get_or_create(&[("kind", kind)]).set(1);
    }
}

/// The kinds of syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synced {
    /// The bytes of an upload.
    Part,
    /// A group of changes.
    Journal,
    /// Everything whose bytes the journal carried.
    Carried,
}

impl Synced {
    fn name(self) -> &'static str {
        match self {
            Self::Part => "part",
            Self::Journal => "journal",
            Self::Carried => "carried",
        }
    }
}

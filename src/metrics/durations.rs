//! How long things take.

use std::fmt;
use std::hash::Hash;
use std::time::Instant;

use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Durations of one kind of work.
#[derive(Debug, Clone)]
pub struct Durations(Histogram);

impl Durations {
    /// Records a duration that began at this instant and ends now.
    pub fn since(&self, begun: Instant) {
        self.0.observe(begun.elapsed().as_secs_f64());
    }
}

impl Default for Durations {
    fn default() -> Self {
        // Buckets from a write to memory to a disk that hangs: 0.25 ms to 8 s.
        Self(Histogram::new(exponential_buckets(0.000_25, 2.0, 16)))
    }
}

impl EncodeMetric for Durations {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

/// Durations of work, by labels.
#[derive(Clone)]
pub struct DurationsBy<L>(Family<L, Histogram, fn() -> Histogram>);

impl<L: Clone + Hash + Eq> DurationsBy<L> {
    /// Records a duration with these labels that began at this instant and ends now.
    pub fn since(&self, labels: &L, begun: Instant) {
        self.0.get_or_create(labels).observe(begun.elapsed().as_secs_f64());
    }
}

impl<L: Clone + Hash + Eq> Default for DurationsBy<L> {
    fn default() -> Self {
        // Buckets from an answer out of memory to a film over a bad line: 0.25 ms to 65 s. They are few,
        // because each set of labels has all of them.
        Self(Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.000_25, 4.0, 10))))
    }
}

impl<L: Clone + Hash + Eq + EncodeLabelSet> EncodeMetric for DurationsBy<L> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> fmt::Result {
        self.0.encode(encoder)
    }

    fn metric_type(&self) -> MetricType {
        self.0.metric_type()
    }
}

impl<L> fmt::Debug for DurationsBy<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DurationsBy")
    }
}

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::meter::Resources;
use super::tally::Tally;

const MIB: f64 = (1_u64 << 20) as f64;

/// How long requests took, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latency {
    /// The median.
    pub p50_micros: u32,
    /// The 99th percentile.
    pub p99_micros: u32,
    /// The longest time.
    pub max_micros: u32,
}

impl Latency {
    /// The latency of these samples, in any order; none if there are none.
    #[must_use]
    pub fn of(mut samples: Vec<u32>) -> Option<Self> {
        samples.sort_unstable();
        let last = samples.len().checked_sub(1)?;
        let at = |percent: usize| samples[(last * percent).div_ceil(100)];
        Some(Self { p50_micros: at(50), p99_micros: at(99), max_micros: at(100) })
    }
}

/// The report of a scenario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The name of the scenario.
    pub scenario: String,
    /// How many requests succeeded, or whole uploads in scenarios about those.
    pub requests: u64,
    /// How many bytes of content the server accepted.
    pub bytes: u64,
    /// How many requests succeeded in a second.
    pub requests_per_sec: f64,
    /// How many MiB were accepted in a second.
    pub mib_per_sec: f64,
    /// The latency of requests; none without a request.
    pub latency: Option<Latency>,
    /// How many TCP connections were opened.
    pub connects: u64,
    /// The resources used.
    pub resources: Resources,
    /// Figures that only this scenario has.
    pub extra: BTreeMap<String, f64>,
    /// How many uploads were read back and compared.
    pub compared: u64,
    /// The failures, and how often each came.
    pub failures: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn new(scenario: &str, tally: &mut Tally, resources: Resources) -> Self {
        let per_sec = |amount: f64| if amount > 0.0 { amount / resources.wall_secs } else { 0.0 };
        Self {
            scenario: scenario.to_owned(),
            requests: tally.requests,
            bytes: tally.bytes,
            requests_per_sec: per_sec(tally.requests as f64),
            mib_per_sec: per_sec(tally.bytes as f64 / MIB),
            latency: Latency::of(std::mem::take(&mut tally.latencies_micros)),
            connects: tally.connects,
            resources,
            extra: BTreeMap::new(),
            compared: 0,
            failures: std::mem::take(&mut tally.failures),
        }
    }

    pub(super) fn with(mut self, name: &str, figure: f64) -> Self {
        self.extra.insert(name.to_owned(), figure);
        self
    }

    /// Whether nothing failed and nothing differed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.failures.is_empty()
    }

    /// The report as JSON, in one line.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("a report is a map with text for keys")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resources { wall_secs, server, client_cpu_secs, .. } = &self.resources;
        writeln!(
            out,
            "{}: {} requests in {wall_secs:.2} s over {} connections",
            self.scenario, self.requests, self.connects
        )?;
        writeln!(out, "  {:.0} requests/s, {:.1} MiB/s", self.requests_per_sec, self.mib_per_sec)?;
        if let Some(latency) = self.latency {
            let [p50, p99, max] =
                [latency.p50_micros, latency.p99_micros, latency.max_micros].map(|it| f64::from(it) / 1e3);
            writeln!(out, "  latency: p50 {p50:.2} ms, p99 {p99:.2} ms, at most {max:.2} ms")?;
        }
        if let Some(server) = server {
            write!(out, "  server: {:.2} CPU s", server.cpu_secs)?;
            if let Some(cpu) = server.cpu_secs_per_gib {
                write!(out, ", {cpu:.2} per GiB")?;
            }
            if let Some(cpu) = server.cpu_micros_per_request {
                write!(out, ", {cpu:.0} µs per request")?;
            }
            writeln!(out, ", at most {:.1} MiB resident", server.peak_mib)?;
        }
        writeln!(out, "  client: {client_cpu_secs:.2} CPU s")?;
        for (name, figure) in &self.extra {
            writeln!(out, "  {name}: {figure:.2}")?;
        }
        for (failure, count) in &self.failures {
            writeln!(out, "  FAILED {count} times: {failure}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let latency = Latency::of((0..=1000).rev().collect());
        let expected = Latency { p50_micros: 500, p99_micros: 990, max_micros: 1000 };
        assert_eq!(latency, Some(expected));
        assert_eq!(Latency::of(vec![7]).map(|latency| latency.p99_micros), Some(7));
        assert_eq!(Latency::of(Vec::new()), None);
    }
}

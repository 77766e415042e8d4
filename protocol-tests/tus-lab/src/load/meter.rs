use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::process::{Sample, Watched, cpu_secs, machine_busy_secs};

const GIB: f64 = (1_u64 << 30) as f64;

/// The resources used while a scenario ran.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Resources {
    /// How long the scenario took.
    pub wall_secs: f64,
    /// The server's resources, if its processes are known.
    pub server: Option<ServerResources>,
    /// CPU time of this process. Where it is near `wall_secs`, the client is the bottleneck.
    pub client_cpu_secs: f64,
    /// CPU time of everything on this machine.
    pub machine_busy_secs: f64,
}

/// The resources of the server's processes and their descendants, all together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServerResources {
    /// User and system time, in steps of 10 ms.
    pub cpu_secs: f64,
    /// The CPU time by the bytes sent; none if there were none.
    pub cpu_secs_per_gib: Option<f64>,
    /// The CPU time by request; none if there was none.
    pub cpu_micros_per_request: Option<f64>,
    /// The resident memory at the start, without the page cache.
    pub resident_mib_before: f64,
    /// The peak of resident memory, since the start of the scenario if it can be reset.
    pub peak_mib: f64,
}

/// Measures the resources used from its start until [`Meter::stop`].
#[derive(Debug)]
pub(super) struct Meter {
    watched: Watched,
    started: Instant,
    server: Sample,
    client_cpu_secs: f64,
    machine_busy_secs: f64,
}

impl Meter {
    pub(super) fn start(watched: &Watched) -> Self {
        watched.forget_peak();
        Self {
            watched: watched.clone(),
            server: watched.sample(),
            client_cpu_secs: cpu_secs("self"),
            machine_busy_secs: machine_busy_secs(),
            started: Instant::now(),
        }
    }

    pub(super) fn stop(&self, bytes: u64, requests: u64) -> Resources {
        let wall_secs = self.started.elapsed().as_secs_f64();
        let end = self.watched.sample();
        let cpu = end.cpu_secs - self.server.cpu_secs;
        let server = (!self.watched.0.is_empty()).then(|| ServerResources {
            cpu_secs: cpu,
            cpu_secs_per_gib: (bytes > 0).then(|| cpu * GIB / bytes as f64),
            cpu_micros_per_request: (requests > 0).then(|| cpu * 1e6 / requests as f64),
            resident_mib_before: self.server.resident_kib as f64 / 1024.0,
            peak_mib: end.peak_kib as f64 / 1024.0,
        });
        Resources {
            wall_secs,
            server,
            client_cpu_secs: cpu_secs("self") - self.client_cpu_secs,
            machine_busy_secs: machine_busy_secs() - self.machine_busy_secs,
        }
    }
}

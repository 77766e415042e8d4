use tus_lab::load::{Latency, Report, ServerResources};

/// A figure that a report has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Figure {
    CpuPerGib,
    MibPerSec,
    RequestsPerSec,
    P99,
    /// The time until the PATCH that is taken after a HEAD.
    AcceptedP99,
    SentAgain,
    MemoryPerUpload,
    StartSecs,
    /// Bytes over the loopback device for each byte of an upload, besides the one that the client sent.
    Traffic,
    CreateFull,
    CreateEmpty,
    HeadFull,
    HeadEmpty,
    MessageFull,
    MessageEmpty,
}

impl Figure {
    /// The figure in this report, in its [`unit`](Self::unit); none if the report lacks it.
    pub(super) fn of(self, report: &Report) -> Option<f64> {
        let extra = |name: &str| report.extra.get(name).copied();
        let server = |of: fn(&ServerResources) -> Option<f64>| report.resources.server.as_ref().and_then(of);
        match self {
            Self::CpuPerGib => server(|server| server.cpu_secs_per_gib),
            Self::MibPerSec => Some(report.mib_per_sec),
            Self::RequestsPerSec => Some(report.requests_per_sec),
            Self::P99 => report.latency.map(|Latency { p99_micros, .. }| f64::from(p99_micros) / 1e3),
            Self::AcceptedP99 => extra("accepted_ms_p99"),
            Self::SentAgain => extra("sent_again_kib_max"),
            Self::MemoryPerUpload => extra("kib_per_upload"),
            Self::StartSecs => extra("start_secs"),
            Self::Traffic => extra("loopback_bytes").map(|bytes| bytes / (report.bytes.max(1) as f64) - 1.0),
            Self::CreateFull => extra("create_per_sec_full"),
            Self::CreateEmpty => extra("create_per_sec_empty"),
            Self::HeadFull => extra("head_per_sec_full"),
            Self::HeadEmpty => extra("head_per_sec_empty"),
            Self::MessageFull => extra("upload_per_sec_full"),
            Self::MessageEmpty => extra("upload_per_sec_empty"),
        }
    }

    /// Whether less of it is better.
    pub(super) fn is_cost(self) -> bool {
        matches!(
            self,
            Self::CpuPerGib
                | Self::P99
                | Self::AcceptedP99
                | Self::SentAgain
                | Self::MemoryPerUpload
                | Self::StartSecs
                | Self::Traffic
        )
    }

    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::CpuPerGib => "s/GiB",
            Self::MibPerSec => "MiB/s",
            Self::P99 | Self::AcceptedP99 => "ms",
            Self::SentAgain | Self::MemoryPerUpload => "KiB",
            Self::StartSecs => "s",
            Self::Traffic => "bytes/byte",
            Self::RequestsPerSec
            | Self::CreateFull
            | Self::CreateEmpty
            | Self::HeadFull
            | Self::HeadEmpty
            | Self::MessageFull
            | Self::MessageEmpty => "/s",
        }
    }
}

/// The median, the least and the greatest of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// The spread of these values; none if there are none.
    pub(super) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, least, most })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, least, most } = *self;
        // Three digits: repetitions do not agree about more.
        let digits = match median {
            small if small < 10.0 => 2,
            medium if medium < 100.0 => 1,
            _ => 0,
        };
        write!(out, "{median:.digits$}")?;
        if least < most {
            write!(out, " ({least:.digits$}–{most:.digits$})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_two() {
        let spread = Spread::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Some(Spread { median: 2.5, least: 1.0, most: 4.0 }));
        assert_eq!(spread.map(|spread| spread.to_string()).as_deref(), Some("2.50 (1.00–4.00)"));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}

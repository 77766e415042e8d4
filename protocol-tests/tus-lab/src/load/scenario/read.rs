use std::sync::Arc;
use std::time::Instant;

use crate::amount::bytes;
use crate::load::client::{Connection, Request};
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};

/// One range follows upon the one that lies so many of them before it, so that none continues another. A
/// prime, so that all are asked for before one is asked for again.
const STEP: u64 = 389;

/// A request is a GET of a file, or of a range of it. What comes is counted, and not looked at.
#[derive(Debug, Clone, clap::Args)]
pub struct Read {
    /// How many, how long, and by how many at once.
    #[command(flatten)]
    pub pace: Pace,
    /// The path of the file, with its query
    #[arg(long, value_name = "PATH")]
    pub path: String,
    /// How large the file is
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = bytes)]
    pub size: u64,
    /// Ask for ranges of this size, here and there in the file, instead of for all of it
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    pub range: Option<u64>,
}

impl Read {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let reading = Reading { path: self.path.as_str().into(), size: self.size, range: self.range };
        let meter = subject.meter();
        let mut tally = at_pace(subject, &self.pace, reading).await;
        let resources = meter.stop(tally.bytes, tally.requests);
        let report = Report::new("read", &mut tally, resources);
        Ok(subject.conclude(report, &tally, &[]).await)
    }
}

/// One GET.
#[derive(Debug, Clone)]
struct Reading {
    path: Arc<str>,
    size: u64,
    range: Option<u64>,
}

impl Reading {
    /// Where the range begins that is asked for with this ticket.
    fn start(&self, ticket: u64, range: u64) -> u64 {
        let ranges = (self.size / range).max(1);
        ticket.wrapping_mul(STEP) % ranges * range
    }
}

impl AsyncWork for Reading {
    async fn once(
        &self,
        _: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let (headers, status, wanted) = match self.range {
            None => (String::new(), 200, self.size),
            Some(range) => {
                let start = self.start(ticket, range);
                let end = self.size.min(start + range);
                (format!("Range: bytes={start}-{}\r\n", end.saturating_sub(1)), 206, end - start)
            }
        };
        let request = Request { tus: false, ..Request::new("GET", &self.path) };
        let mut came = 0;
        let started = Instant::now();
        let answer =
            connection.send_into(request.headers(&headers), |piece| came += piece.len() as u64).await?;
        answer.expecting(&[status])?;
        if came != wanted {
            return Err(Failure::new(format_args!("{came} bytes instead of {wanted}")));
        }
        tally.note(started, came);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_is_asked_for_once_before_one_is_asked_for_again() {
        let reading = Reading { path: "/".into(), size: 1024 * 10 + 3, range: Some(10) };
        let mut starts: Vec<_> = (0..1024).map(|ticket| reading.start(ticket, 10)).collect();
        assert!(starts.windows(2).all(|pair| pair[1] != pair[0] + 10), "none continues another");
        starts.sort_unstable();
        assert!(starts.iter().copied().eq((0..1024).map(|number| number * 10)));
    }
}

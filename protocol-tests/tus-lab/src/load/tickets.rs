use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::failure::Failure;
use super::subject::Subject;
use super::tally::Tally;
use crate::load::client::Connection;

/// How many requests of one kind are sent, how long, and by how many clients.
#[derive(Debug, Clone, clap::Args)]
pub struct Pace {
    /// Stop after this many requests
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100_000)]
    pub count: u64,
    /// … or after this many seconds, whichever comes first
    #[arg(long, value_name = "SECS", default_value_t = 3.0)]
    pub secs: f64,
    /// How many clients, with a connection each
    #[arg(long, short, value_name = "N", default_value_t = 16)]
    pub clients: u64,
}

/// Hands out consecutive numbers until the count is reached or the time is up.
#[derive(Debug)]
pub(super) struct Tickets {
    next: AtomicU64,
    count: u64,
    deadline: Instant,
}

impl Tickets {
    pub(super) fn new(count: u64, secs: f64) -> Arc<Self> {
        let deadline = Instant::now() + Duration::from_secs_f64(secs);
        Arc::new(Self { next: AtomicU64::new(0), count, deadline })
    }

    pub(super) fn take(&self) -> Option<u64> {
        let ticket = self.next.fetch_add(1, Ordering::Relaxed);
        (ticket < self.count && Instant::now() < self.deadline).then_some(ticket)
    }
}

/// Has clients do `work` for one ticket after the other, each over its own connection.
pub(super) async fn at_pace<W>(subject: &Arc<Subject>, pace: &Pace, work: W) -> Tally
where
    W: AsyncWork + Clone + Send + 'static,
{
    let tickets = Tickets::new(pace.count, pace.secs);
    let mut workers = JoinSet::new();
    for _ in 0..pace.clients {
        let (subject, tickets, work) = (Arc::clone(subject), Arc::clone(&tickets), work.clone());
        workers.spawn(async move {
            let mut tally = Tally::default();
            let mut connection = subject.connection();
            while let Some(ticket) = tickets.take() {
                if let Err(failure) = work.once(&subject, &mut connection, ticket, &mut tally).await
                    && !tally.fail(&failure)
                {
                    break;
                }
            }
            tally.connects = connection.connects;
            tally
        });
    }
    Tally::of(workers).await
}

/// The work of a client for one ticket, which it counts in its tally if it succeeds.
pub(super) trait AsyncWork {
    fn once(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

//! The task of a relay: it keeps a line open, hands on what waits, and brings what comes.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::ends::{Ends, Order, unavailable};
use super::marks::Marks;
use super::said::Said;
use crate::metrics;
use crate::store::{Brought, StoreError};

/// How long a step of the line may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a mark is handed on.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// How often the line is tidied, in marks.
const TIDY_EVERY: u64 = 30;
/// How often a line that stays broken is a doubt.
const DOUBT_EVERY: Duration = Duration::from_secs(1);
/// How long a line that broke is left alone.
const PAUSE: Duration = Duration::from_millis(250);
/// The most orders that go together.
const TOGETHER: usize = 256;

/// A channel that hands texts on to all who listen.
#[async_trait]
pub(in crate::store) trait Channel: Send + Sync + 'static {
    /// An open connection.
    type Line: Line;

    /// The channel's name in the log.
    fn name(&self) -> &'static str;

    /// Opens a line that hears everything from then on.
    async fn open(&self) -> Result<Self::Line, StoreError>;
}

/// A connection to a channel.
#[async_trait]
pub(in crate::store) trait Line: Send + 'static {
    /// Hands texts on, in their order.
    async fn say(&mut self, texts: &[String]) -> Result<(), StoreError>;

    /// Waits for texts of the channel and adds them to those that are there. Nothing is lost if it is
    /// cancelled.
    async fn hear(&mut self, texts: &mut Vec<String>) -> Result<(), StoreError>;

    /// The words of a text that only refers to them; `None` if they are gone.
    async fn whole(&mut self, text: String) -> Result<Option<String>, StoreError> {
        Ok(Some(text))
    }

    /// Does what is to be done now and then.
    async fn tidy(&mut self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// What a line knows about itself.
struct Own {
    id: Uuid,
    marks: Marks,
    /// Whether something came that this version cannot read.
    has_passed_over: bool,
    doubted: Option<Instant>,
}

/// Serves a desk until that ends.
pub(super) async fn serve<C: Channel>(channel: C, mut opened: Option<C::Line>, mut ends: Ends) {
    let marks = Marks::from(Instant::now());
    let mut own = Own { id: Uuid::new_v4(), marks, has_passed_over: false, doubted: None };
    let mut was_open = true;
    loop {
        let line = match opened.take() {
            Some(line) => Ok(line),
            None => in_time(channel.open()).await.inspect(|_| own.doubt(&ends)),
        };
        let outcome = match line {
            Ok(mut line) => {
                if !std::mem::replace(&mut was_open, true) {
                    tracing::info!(channel = channel.name(), "events go between processes again");
                }
                ends.is_open.store(true, Ordering::Release);
                own.marks.forget();
                let outcome = session(&mut line, &mut ends, &mut own).await;
                ends.is_open.store(false, Ordering::Release);
                outcome
            }
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return };
        if std::mem::replace(&mut was_open, false) {
            tracing::warn!(channel = channel.name(), %error, "events do not go between processes");
        }
        // While it is broken, other channels may bring something to look for.
        if own.doubted.is_none_or(|at| at.elapsed() >= DOUBT_EVERY) {
            own.doubt(&ends);
        }
        if refuse(&mut ends, &error).await.is_none() {
            return;
        }
    }
}

/// Refuses orders for a while; `None` if the desk has ended.
async fn refuse(ends: &mut Ends, error: &StoreError) -> Option<()> {
    let refusing = async {
        while let Some(order) = ends.orders.recv().await {
            let _ = order.done.send(Err(unavailable(&error.to_string())));
        }
    };
    tokio::time::timeout(PAUSE, refusing).await.is_err().then_some(())
}

/// Serves the desk over a line until that breaks, or until the desk has ended.
async fn session(line: &mut impl Line, ends: &mut Ends, own: &mut Own) -> Result<(), StoreError> {
    let mut ticks = tokio::time::interval(MARK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut orders, mut texts) = (Vec::new(), Vec::new());
    loop {
        tokio::select! {
            heard = line.hear(&mut texts) => {
                heard?;
                for text in std::mem::take(&mut texts) {
                    let whole = in_time(line.whole(text)).await?;
                    own.bring(whole.as_deref(), ends);
                }
            }
            taken = ends.orders.recv_many(&mut orders, TOGETHER) => {
                if taken == 0 {
                    return Ok(());
                }
                hand_on(line, std::mem::take(&mut orders)).await?;
            }
            _ = ticks.tick() => own.tick(line, ends).await?,
        }
    }
}

/// Hands on what callers wait for, all of it together.
async fn hand_on(line: &mut impl Line, orders: Vec<Order>) -> Result<(), StoreError> {
    let (texts, callers): (Vec<_>, Vec<_>) =
        orders.into_iter().map(|order| (order.texts, order.done)).unzip();
    let texts: Vec<String> = texts.into_iter().flatten().collect();
    let said = in_time(line.say(&texts)).await;
    if said.is_ok() {
        metrics::get().parcels_handed_on.inc_by(u64::try_from(texts.len()).unwrap_or_default());
    }
    for done in callers {
        let outcome = said.as_ref().map(|_| ()).map_err(|error| unavailable(&error.to_string()));
        // A caller that went away hands its parcels on again.
        let _ = done.send(outcome);
    }
    said
}

impl Own {
    fn doubt(&mut self, ends: &Ends) {
        self.doubted = Some(Instant::now());
        ends.bring(Brought::Doubt(self.marks.since()));
    }

    /// Brings a text to the desk; without one, what was handed on is missing.
    fn bring(&mut self, text: Option<&str>, ends: &Ends) {
        match text.map(serde_json::from_str::<Said>) {
            Some(Ok(Said::Parcel(parcel))) => {
                metrics::get().parcels_brought.inc();
                ends.bring(Brought::Parcel(parcel));
            }
            Some(Ok(Said::Mark { of, number })) if of == self.id => self.marks.came_back(number),
            Some(Ok(Said::Mark { .. })) => {}
            Some(Err(_)) => self.has_passed_over = true,
            None => self.doubt(ends),
        }
    }

    async fn tick(&mut self, line: &mut impl Line, ends: &Ends) -> Result<(), StoreError> {
        let now = Instant::now();
        if self.marks.is_late(now) {
            return Err(unavailable("the channel does not bring what is handed on"));
        }
        // A newer version may have said it in words that this one does not know.
        if std::mem::take(&mut self.has_passed_over) {
            self.doubt(ends);
        }
        let number = self.marks.next(now);
        in_time(line.say(&[Said::Mark { of: self.id, number }.text()])).await?;
        if number.is_multiple_of(TIDY_EVERY) {
            in_time(line.tidy()).await?;
        }
        Ok(())
    }
}

/// The outcome of a step, if it comes in time.
async fn in_time<T>(step: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    tokio::time::timeout(PATIENCE, step).await.unwrap_or_else(|_| Err(unavailable("no answer in time")))
}

//! The desk of a relay, where parcels are handed in and fetched.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::ends::{Ends, Order, unavailable};
use super::said::Said;
use super::serve::{Channel, serve};
use crate::metrics;
use crate::store::{Brought, Parcel, StoreError};

/// The most parcels that wait for one listener.
const WAITING: usize = 4096;
/// The most callers whose parcels wait for the line.
const CALLERS: usize = 256;
/// How long a caller waits for the line.
const PATIENCE: Duration = Duration::from_secs(2);

/// The desk of one relay. Its line ends with it.
pub(in crate::store) struct Desk {
    orders: mpsc::Sender<Order>,
    brought: broadcast::Sender<(Instant, Brought)>,
    is_open: Arc<AtomicBool>,
}

impl Desk {
    /// A desk on this channel, of which a line may be open already.
    pub(in crate::store) fn on<C: Channel>(channel: C, opened: Option<C::Line>) -> Self {
        let (orders, ordered) = mpsc::channel(CALLERS);
        let brought = broadcast::Sender::new(WAITING);
        let is_open = Arc::new(AtomicBool::new(opened.is_some()));
        let ends = Ends { orders: ordered, brought: brought.clone(), is_open: Arc::clone(&is_open) };
        tokio::spawn(serve(channel, opened, ends));
        Self { orders, brought, is_open }
    }

    /// Whether the line is open.
    pub(in crate::store) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Hands parcels to the line, and waits until they are on their way.
    pub(in crate::store) async fn hand_in(&self, parcels: &[Parcel]) -> Result<(), StoreError> {
        if !self.is_open() {
            metrics::get().relay_failures.inc();
            return Err(unavailable("the relay is broken"));
        }
        let text = |parcel: &Parcel| Said::Parcel(Box::new(parcel.clone())).text();
        let (done, on_the_way) = oneshot::channel();
        let order = Order { texts: parcels.iter().map(text).collect(), done };
        let begun = Instant::now();
        let handing = async {
            self.orders.send(order).await.map_err(|_| unavailable("the relay has ended"))?;
            on_the_way.await.unwrap_or_else(|_| Err(unavailable("the relay broke meanwhile")))
        };
        let outcome = match tokio::time::timeout(PATIENCE, handing).await {
            Ok(outcome) => outcome,
            Err(_) => Err(unavailable("the relay takes too long")),
        };
        if outcome.is_ok() {
            metrics::get().relay_seconds.since(begun);
        } else {
            metrics::get().relay_failures.inc();
        }
        outcome
    }

    /// Everything that the line brings from now on. A listener that was too slow misses what came after the
    /// last that it heard.
    pub(in crate::store) fn brought(&self) -> BoxStream<'static, Brought> {
        let begun = (self.brought.subscribe(), Instant::now());
        unfold(begun, async |(mut brought, last)| match brought.recv().await {
            Ok((at, item)) => Some((item, (brought, at))),
            Err(RecvError::Lagged(_)) => Some((Brought::Doubt(last), (brought, last))),
            Err(RecvError::Closed) => None,
        })
        .boxed()
    }
}

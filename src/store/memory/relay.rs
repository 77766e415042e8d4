//! A relay between processes that are all in this one, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::broadcast;

use crate::store::{Parcel, Relay, StoreError};

/// The most parcels that wait for one process.
const WAITING: usize = 64;

/// A relay of parcels as texts, as they would go over a network.
#[derive(Debug, Clone)]
pub struct MemoryRelay {
    texts: broadcast::Sender<String>,
    is_broken: Arc<AtomicBool>,
}

impl MemoryRelay {
    /// Makes every attempt to hand something on fail, or no longer.
    pub fn break_off(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Relaxed);
    }
}

impl Default for MemoryRelay {
    fn default() -> Self {
        Self { texts: broadcast::Sender::new(WAITING), is_broken: Arc::default() }
    }
}

#[async_trait]
impl Relay for MemoryRelay {
    async fn hand_on(&self, parcel: &Parcel) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("the relay is broken".into()));
        }
        let text =
            serde_json::to_string(parcel).map_err(|error| StoreError::Unavailable(error.to_string()))?;
        // Without a process that listens, the parcel is on its way to all of them.
        let _ = self.texts.send(text);
        Ok(())
    }

    fn parcels(&self) -> BoxStream<'static, Parcel> {
        let texts = unfold(self.texts.subscribe(), async |mut texts| {
            let text = texts.recv().await.ok()?;
            Some((text, texts))
        });
        texts.map(|text| serde_json::from_str(&text).expect("a parcel of this version")).boxed()
    }
}

//! A relay between processes that are all in this one, for tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

use crate::store::{Brought, Parcel, Relay, StoreError};

/// The most parcels that wait for one process.
const WAITING: usize = 64;

/// A relay of parcels as texts, as they would go over a network.
#[derive(Debug, Clone)]
pub struct MemoryRelay {
    texts: broadcast::Sender<Option<String>>,
    is_broken: Arc<AtomicBool>,
    is_deaf: Arc<AtomicBool>,
    begun: Instant,
}

impl MemoryRelay {
    /// Makes every attempt to hand something on fail, or no longer.
    pub fn break_off(&self, is_broken: bool) {
        self.is_broken.store(is_broken, Ordering::Relaxed);
    }

    /// Loses everything that is handed on, or no longer. Then the processes are in doubt.
    pub fn lose(&self, is_deaf: bool) {
        self.is_deaf.store(is_deaf, Ordering::Relaxed);
        if !is_deaf {
            let _ = self.texts.send(None);
        }
    }
}

impl Default for MemoryRelay {
    fn default() -> Self {
        Self {
            texts: broadcast::Sender::new(WAITING),
            is_broken: Arc::default(),
            is_deaf: Arc::default(),
            begun: Instant::now(),
        }
    }
}

#[async_trait]
impl Relay for MemoryRelay {
    async fn hand_on(&self, parcels: &[Parcel]) -> Result<(), StoreError> {
        if self.is_broken.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("the relay is broken".into()));
        }
        for parcel in parcels.iter().filter(|_| !self.is_deaf.load(Ordering::Relaxed)) {
            let text = serde_json::to_string(parcel).expect("a parcel is JSON");
            // Without a process that listens, the parcel is on its way to all of them.
            let _ = self.texts.send(Some(text));
        }
        Ok(())
    }

    fn brought(&self) -> BoxStream<'static, Brought> {
        let begun = self.begun;
        unfold(self.texts.subscribe(), move |mut texts| async move {
            let brought = match texts.recv().await {
                Ok(Some(text)) => {
                    Brought::Parcel(serde_json::from_str(&text).expect("a parcel of this version"))
                }
                Ok(None) | Err(RecvError::Lagged(_)) => Brought::Doubt(begun),
                Err(RecvError::Closed) => return None,
            };
            Some((brought, texts))
        })
        .boxed()
    }
}

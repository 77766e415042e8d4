//! A relay behind another, which stands in for it where that is broken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, iter, select};

use crate::store::{Brought, Parcel, Relay, StoreError};

/// How far back a message over the second channel makes its listeners look.
const JUST_NOW: Duration = Duration::from_secs(10);

/// Two relays: what the first one does not take, the second one carries.
///
/// There is no order between the two. So a message that comes over the second one is a doubt first: its
/// listener looks at what is stored, where messages are in order, and finds it there.
pub struct Behind {
    first: Arc<dyn Relay>,
    second: Arc<dyn Relay>,
}

impl Behind {
    /// The first relay, with the second behind it.
    pub fn new(first: Arc<dyn Relay>, second: Arc<dyn Relay>) -> Self {
        Self { first, second }
    }
}

#[async_trait]
impl Relay for Behind {
    async fn hand_on(&self, parcels: &[Parcel]) -> Result<(), StoreError> {
        match self.first.hand_on(parcels).await {
            Ok(()) => Ok(()),
            Err(_) => self.second.hand_on(parcels).await,
        }
    }

    fn brought(&self) -> BoxStream<'static, Brought> {
        let second = self.second.brought().flat_map(|brought| {
            let is_message = matches!(&brought, Brought::Parcel(parcel) if parcel.is_message());
            let now = Instant::now();
            let doubt = is_message.then(|| Brought::Doubt(now.checked_sub(JUST_NOW).unwrap_or(now)));
            iter(doubt.into_iter().chain([brought]))
        });
        select(self.first.brought(), second).boxed()
    }
}

impl std::fmt::Debug for Behind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Behind")
    }
}

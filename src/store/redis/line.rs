//! A connection that publishes, and one that subscribes.

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use redis::aio::{MultiplexedConnection, PubSubStream};
use uuid::Uuid;

use crate::store::StoreError;
use crate::store::relays::{Channel, Line};

/// The most texts that are taken together.
const TOGETHER: usize = 256;

/// The channel of the processes of a cluster.
pub(super) struct Published {
    client: redis::Client,
    channel: String,
}

/// A pair of open connections.
pub(super) struct Session {
    channel: String,
    publishing: MultiplexedConnection,
    subscribed: PubSubStream,
}

impl Published {
    pub(super) fn at(client: redis::Client, cluster: Uuid) -> Self {
        Self { client, channel: format!("longhaul:{cluster}:parcels") }
    }
}

#[async_trait]
impl Channel for Published {
    type Line = Session;

    fn name(&self) -> &'static str {
        "redis"
    }

    async fn open(&self) -> Result<Session, StoreError> {
        let (mut subscribing, subscribed) = self.client.get_async_pubsub().await.map_err(failed)?.split();
        subscribing.subscribe(self.channel.as_str()).await.map_err(failed)?;
        let publishing = self.client.get_multiplexed_async_connection().await.map_err(failed)?;
        Ok(Session { channel: self.channel.clone(), publishing, subscribed })
    }
}

#[async_trait]
impl Line for Session {
    async fn say(&mut self, texts: &[String]) -> Result<(), StoreError> {
        let mut commands = redis::pipe();
        for text in texts {
            commands.cmd("PUBLISH").arg(&self.channel).arg(text).ignore();
        }
        commands.query_async::<()>(&mut self.publishing).await.map_err(failed)
    }

    async fn hear(&mut self, texts: &mut Vec<String>) -> Result<(), StoreError> {
        let Some(message) = self.subscribed.next().await else {
            return Err(StoreError::Unavailable("the connection was closed".into()));
        };
        texts.push(text(&message));
        while texts.len() < TOGETHER
            && let Some(Some(message)) = self.subscribed.next().now_or_never()
        {
            texts.push(text(&message));
        }
        Ok(())
    }
}

/// The text of a message. What is none is passed over like any other that cannot be read.
fn text(message: &redis::Msg) -> String {
    String::from_utf8_lossy(message.get_payload_bytes()).into_owned()
}

fn failed(error: redis::RedisError) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

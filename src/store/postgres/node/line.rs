//! The line of a node to the database: a connection of its own, for what must not wait for the pool.

use std::sync::Weak;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;
use tokio_postgres::{AsyncMessage, Client, Row};
use uuid::Uuid;

use super::super::borrowed;
use super::super::connect::Connections;
use super::super::connector::Driver;
use super::clock;
use super::let_go::let_go;
use super::order::{LetGo, Tell};
use super::orders::{Batch, Ordered};
use super::said::{Channels, Said};
use super::strays::let_strays_go;
use super::{Inner, lock};
use crate::store::StoreError;
use crate::upload::UploadId;

/// How often a node shows that it is there.
const BEAT: Duration = Duration::from_secs(1);
/// How long a line that broke is left alone.
const PAUSE: Duration = Duration::from_millis(250);
/// How long a statement of the line may take, and its connection to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// The line of one node.
pub(super) struct Line {
    connections: Connections,
    number: i32,
    channels: Channels,
}

/// An open connection of a line.
pub(super) struct Opened(Client, Driver);

/// What a broken line leaves to the next one.
#[derive(Default)]
struct Left {
    batch: Batch,
    /// Whether the log says that the line is broken.
    is_broken: bool,
}

impl Line {
    /// Opens a line and enters a new node. From then on the node hears what it is told.
    pub(super) async fn open(connections: &Connections) -> Result<(Self, Opened), StoreError> {
        let (client, mut driver) = connections.own().await?;
        let entered = async {
            // Those that are gone for long: nothing is looked for under their names any more.
            client.execute("delete from nodes where beat < now() - interval '1 day'", &[]).await?;
            let sql = format!(
                "insert into nodes (id, started, beat) values (nextval('node_ids'), now(), now())
                 returning id, (current_schema()::regnamespace)::oid as schema, {}",
                clock::TIME
            );
            // Prepared before: the time is to be that of the answer, and not that of an answer before it.
            let statement = client.prepare(&sql).await?;
            let asked = Instant::now();
            let row = client.query_one(&statement, &[]).await?;
            clock::heed(&row, asked)?;
            let (number, schema) = (row.try_get("id")?, row.try_get("schema")?);
            let channels = Channels { schema };
            prepare(&client, number, channels).await?;
            Ok::<_, StoreError>((number, channels))
        };
        let (number, channels) = tokio::select! {
            entered = in_time(entered) => entered?,
            // No process tells a node anything before it is entered.
            broken = ended(&mut driver, |_| {}) => return Err(broken),
        };
        let line = Self { connections: connections.clone(), number, channels };
        Ok((line, Opened(client, driver)))
    }

    /// The node's number.
    pub(super) fn number(&self) -> i32 {
        self.number
    }

    /// The channels of all nodes.
    pub(super) fn channels(&self) -> Channels {
        self.channels
    }

    /// Serves the node until it ends. Orders that a broken line did not follow are left to the next one: to
    /// follow an order twice is to follow it once, and a node that keeps its name on an upload keeps others
    /// from sweeping it.
    pub(super) async fn run(self, opened: Opened, ordered: Ordered, node: Weak<Inner>) {
        let (mut opened, mut left) = (Some(opened), Left::default());
        loop {
            match self.session(opened.take(), &ordered, &mut left, &node).await {
                Ok(()) => return,
                Err(error) => {
                    if !std::mem::replace(&mut left.is_broken, true) {
                        tracing::warn!(%error, "the line to the database is broken");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn session(
        &self,
        opened: Option<Opened>,
        ordered: &Ordered,
        left: &mut Left,
        node: &Weak<Inner>,
    ) -> Result<(), StoreError> {
        let is_new = opened.is_none();
        let Opened(client, mut driver) = match opened {
            Some(opened) => opened,
            None => self.connections.own().await.map(|(client, driver)| Opened(client, driver))?,
        };
        let serve = async {
            if is_new {
                in_time(prepare(&client, self.number, self.channels)).await?;
                self.let_free(&client, &ordered.recent(), node).await?;
            }
            self.serve(&client, ordered, left, node).await
        };
        tokio::select! {
            served = serve => served,
            broken = ended(&mut driver, |said| hear(node, said)) => Err(broken),
        }
    }

    async fn serve(
        &self,
        client: &Client,
        ordered: &Ordered,
        left: &mut Left,
        node: &Weak<Inner>,
    ) -> Result<(), StoreError> {
        let beat = in_time(client.prepare(&beat())).await?;
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            in_time(self.follow(client, &left.batch)).await?;
            if left.batch.is_last() {
                return in_time(self.leave(client)).await;
            }
            ordered.followed(std::mem::take(&mut left.batch));
            tokio::select! {
                _ = beats.tick() => {
                    let asked = Instant::now();
                    let answer: Row = in_time(client.query_one(&beat, &[&self.number])).await?;
                    clock::heed(&answer, asked)?;
                    if std::mem::take(&mut left.is_broken) {
                        tracing::info!("the line to the database is whole again");
                    }
                    let strays = ordered.strays();
                    self.let_free(client, &strays, node).await?;
                    ordered.looked_at(&strays);
                }
                batch = ordered.next() => left.batch = batch,
            }
        }
    }

    /// Takes the node's name off those of these uploads that no request of it has.
    async fn let_free(
        &self,
        client: &Client,
        ids: &[UploadId],
        node: &Weak<Inner>,
    ) -> Result<(), StoreError> {
        in_time(let_strays_go(client, self.number, ids, |id| is_held(node, id))).await
    }

    async fn leave(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        client.execute("delete from nodes where id = $1", &[&self.number]).await.map(drop)
    }

    /// Lets uploads go, and then tells what is to be told. Orders that come meanwhile go together next time.
    async fn follow(&self, client: &Client, batch: &Batch) -> Result<(), tokio_postgres::Error> {
        let (mut ids, mut epochs) = (Vec::<Uuid>::new(), Vec::<i64>::new());
        let (mut channels, mut texts) = (Vec::new(), Vec::new());
        for (id, LetGo { epoch, askers, .. }) in &batch.owed {
            if let Some(epoch) = epoch {
                ids.push(id.uuid());
                epochs.push(epoch.number().cast_signed());
            }
            for asker in askers {
                channels.push(self.channels.of(*asker));
                texts.push(Said::Free { id: *id }.text());
            }
        }
        let now = Instant::now();
        for Tell { channel, said, .. } in
            batch.tells.iter().filter(|tell| tell.until.is_none_or(|until| until >= now))
        {
            channels.push(channel.clone());
            texts.push(said.text());
        }
        let_go(client, self.number, &ids, &epochs).await?;
        if !texts.is_empty() {
            let sql =
                "select pg_notify(t.channel, t.said) from unnest($1::text[], $2::text[]) t (channel, said)";
            client.query(sql, &[&channels, &texts]).await?;
        }
        Ok(())
    }
}

/// The statement by which a node shows that it is there. Its row may have been deleted meanwhile.
fn beat() -> String {
    format!(
        "insert into nodes (id, started, beat) values ($1, now(), now())
         on conflict (id) do update set beat = excluded.beat returning {}",
        clock::TIME
    )
}

/// Whether a request of this node has the upload, or is about to.
fn is_held(node: &Weak<Inner>, id: UploadId) -> bool {
    node.upgrade().is_some_and(|node| lock(&node.held).contains_key(&id))
}

/// The outcome of a step of the line, if it comes in time.
async fn in_time<T, E>(step: impl Future<Output = Result<T, E>>) -> Result<T, StoreError>
where
    StoreError: From<E>,
{
    borrowed::in_time(PATIENCE, step).await
}

/// Deletes the row of a node that does not do it itself.
pub(super) async fn strike(connections: &Connections, number: i32) -> Result<(), StoreError> {
    let (client, mut driver) = connections.own().await?;
    let strike = async { client.execute("delete from nodes where id = $1", &[&number]).await };
    tokio::select! {
        struck = strike => Ok(struck.map(drop)?),
        broken = ended(&mut driver, |_| {}) => Err(broken),
    }
}

/// Makes a connection a line. What it writes saves work and decides nothing, so no commit waits for the disk.
async fn prepare(client: &Client, number: i32, channels: Channels) -> Result<(), tokio_postgres::Error> {
    let (all, own) = (channels.all(), channels.of(number));
    let sql = format!("set synchronous_commit = off; listen {all}; listen {own}");
    client.batch_execute(&sql).await
}

/// Drives the connection, and hands on what it hears, until it breaks.
async fn ended(driver: &mut Driver, hear: impl Fn(Said)) -> StoreError {
    loop {
        match driver.next().await {
            Some(Ok(AsyncMessage::Notification(told))) => {
                if let Ok(said) = serde_json::from_str(told.payload()) {
                    hear(said);
                }
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.into(),
            None => return StoreError::Unavailable("the connection was closed".into()),
        }
    }
}

/// Does what a node is told.
fn hear(node: &Weak<Inner>, said: Said) {
    let Some(node) = node.upgrade() else { return };
    match said {
        Said::Ask { id, epoch, at_recorded_offset, from } => {
            if let Some(held) = lock(&node.held).get_mut(&id) {
                if held.epoch.is_some_and(|own| own.number() == epoch) {
                    held.displacement.tell(Said::wish(at_recorded_offset));
                }
                held.askers.push(from);
                return;
            }
            // It was let go, perhaps by an order that is not followed yet: that one goes first.
            let tell = Tell { channel: node.channels.of(from), said: Said::Free { id }, until: None };
            node.orders.tell_free(id, from, tell);
        }
        Said::Free { id } => {
            if let Some(asking) = lock(&node.asking).remove(&id) {
                let _ = asking.send(());
            }
        }
        Said::Complete { id } => {
            let _ = node.completed.send(id);
        }
    }
}

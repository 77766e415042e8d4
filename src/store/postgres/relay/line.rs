//! A connection that notifies and listens.

use async_trait::async_trait;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_postgres::{AsyncMessage, Client, Statement};
use uuid::Uuid;

use super::super::connect::Connections;
use super::super::connector::Driver;
use super::super::recent;
use crate::store::StoreError;
use crate::store::relays::{Channel, Line};

/// The most bytes of a notification: the server refuses 8,000.
const MOST_BYTES: usize = 7900;
/// The beginning of a notification that names a row; a text begins with a brace.
const ROW: &str = "row ";
/// Notifies of texts, in their order.
const NOTIFY: &str =
    "select pg_notify($1, t.said) from unnest($2::text[]) with ordinality t (said, n) order by n";
/// The most notifications that are taken together.
const TOGETHER: usize = 256;
/// The most notifications that wait while a statement does. One more breaks the connection: what is missed
/// then is looked for.
const WAITING: usize = 8192;
/// How long the server holds notifications for a process that takes none, as one that was stopped. The server
/// has room for a bounded number of them, and refuses further ones to all.
const TAKEN_WITHIN: &str = "60s";

/// The channel of the processes that share a schema.
pub(super) struct Notifications(Connections);

/// An open connection.
pub(super) struct Session {
    client: Client,
    channel: String,
    notify: Statement,
    heard: Receiver<String>,
    _driving: Driving,
}

/// The task that drives the connection; it ends with this.
struct Driving(tokio::task::AbortHandle);

impl Notifications {
    pub(super) fn of(connections: Connections) -> Self {
        Self(connections)
    }
}

#[async_trait]
impl Channel for Notifications {
    type Line = Session;

    fn name(&self) -> &'static str {
        "postgres"
    }

    async fn open(&self) -> Result<Session, StoreError> {
        let (client, driver) = self.0.own().await?;
        let (hears, heard) = mpsc::channel(WAITING);
        let driving = Driving(tokio::spawn(drive(driver, hears)).abort_handle());
        let sql = "select 'longhaul_' || (current_schema()::regnamespace)::oid::text || '_parcels'";
        let channel: String = client.query_one(sql, &[]).await?.try_get(0)?;
        // What is written here may be lost, and no commit waits for the disk.
        let settings = format!("set synchronous_commit = off; set tcp_user_timeout = '{TAKEN_WITHIN}'");
        client.batch_execute(&format!("{settings}; listen {channel}")).await?;
        let notify = client.prepare(NOTIFY).await?;
        Ok(Session { client, channel, notify, heard, _driving: driving })
    }
}

#[async_trait]
impl Line for Session {
    async fn say(&mut self, texts: &[String]) -> Result<(), StoreError> {
        let (mut said, mut ids, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            if text.len() <= MOST_BYTES {
                said.push(text.clone());
                continue;
            }
            let id = Uuid::new_v4();
            said.push(format!("{ROW}{id}"));
            ids.push(id);
            bodies.push(text.as_bytes());
        }
        if !ids.is_empty() {
            let sql = "insert into parcels (id, body) select * from unnest($1::uuid[], $2::bytea[])";
            self.client.execute(sql, &[&ids, &bodies]).await?;
        }
        self.client.query(&self.notify, &[&self.channel, &said]).await?;
        Ok(())
    }

    async fn hear(&mut self, texts: &mut Vec<String>) -> Result<(), StoreError> {
        match self.heard.recv_many(texts, TOGETHER).await {
            0 => Err(StoreError::Unavailable("the connection was closed".into())),
            _ => Ok(()),
        }
    }

    async fn whole(&mut self, text: String) -> Result<Option<String>, StoreError> {
        let Some(id) = text.strip_prefix(ROW).and_then(|id| id.parse::<Uuid>().ok()) else {
            return Ok(Some(text));
        };
        let row = self.client.query_opt("select body from parcels where id = $1", &[&id]).await?;
        let body: Option<Vec<u8>> = row.map(|row| row.try_get("body")).transpose()?;
        Ok(body.and_then(|body| String::from_utf8(body).ok()))
    }

    async fn tidy(&mut self) -> Result<(), StoreError> {
        Ok(recent::sweep(&self.client).await?)
    }
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Drives the connection, and hands on what it hears, until it breaks. It waits for no listener, as the
/// answer to a statement that the listener waits for may be behind what it hears.
async fn drive(mut driver: Driver, hears: Sender<String>) {
    while let Some(Ok(message)) = driver.next().await {
        if let AsyncMessage::Notification(told) = message
            && hears.try_send(told.payload().to_owned()).is_err()
        {
            return;
        }
    }
}

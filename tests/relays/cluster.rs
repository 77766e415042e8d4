//! Processes that share a database, and what their connections hear.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longhaul::chat::{RelayedAnnouncements, Relays};
use longhaul::message::{Message, MessageId};
use longhaul::store::contract::samples::{at, conversation, user, whole};
use longhaul::store::memory::MemoryAnnouncements;
use longhaul::store::postgres::{Connections, Postgres, PostgresRelay};
use longhaul::store::redis::{RedisAddress, RedisRelay};
use longhaul::store::{
    Addressed, Announcement, Announcements, Behind, Claim, Memberships, Messages, Records, Relay, StoreError,
    Taking,
};
use longhaul::time::Timestamp;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::postgres;
use crate::proxy::{Proxy, Speech};
use crate::redis::{self, Redis};

/// What carries the parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Redis,
    Both,
}

/// A database of its own, or a schema of one, and a Redis of its own.
pub(crate) struct Cluster {
    address: String,
    /// The name of the connections that listen.
    listener: String,
    pub(crate) store: Arc<Postgres>,
    pub(crate) redis: Redis,
    kind: Kind,
}

/// A process with what its connections hear.
pub(crate) struct Process {
    pub(crate) heard: MemoryAnnouncements,
    pub(crate) announcements: Arc<RelayedAnnouncements>,
    store: Arc<Postgres>,
    _ends: DropGuard,
}

impl Cluster {
    pub(crate) async fn of(kind: Kind) -> Self {
        Self::on(postgres::schema(), kind).await
    }

    /// A cluster on this schema.
    pub(crate) async fn on(address: String, kind: Kind) -> Self {
        let store = Arc::new(Postgres::open(connections(&address)).await.expect("opened"));
        for number in 1..=3 {
            store.put(conversation(number), &[user("ann"), user("bob")]).await.expect("stored");
        }
        let listener = format!("listener_{}", postgres::name_of(&address));
        Self { address, listener, store, redis: Redis::start(), kind }
    }

    pub(crate) async fn relay(&self) -> Arc<dyn Relay> {
        match self.kind {
            Kind::Postgres => self.notifications(&self.address).await,
            Kind::Redis => self.published(&self.redis.address()).await,
            Kind::Both => self.both(&self.redis.address(), &self.address).await,
        }
    }

    async fn both(&self, redis: &RedisAddress, address: &str) -> Arc<dyn Relay> {
        Arc::new(Behind::new(self.published(redis).await, self.notifications(address).await))
    }

    async fn notifications(&self, address: &str) -> Arc<dyn Relay> {
        let address = address.replace("application_name=", "application_name=listener_");
        Arc::new(PostgresRelay::start(connections(&address)).await.expect("started"))
    }

    async fn published(&self, redis: &RedisAddress) -> Arc<dyn Relay> {
        let cluster = self.store.cluster().await.expect("it has an id");
        Arc::new(RedisRelay::start(redis, cluster))
    }

    pub(crate) async fn process(&self) -> Process {
        self.process_on(self.relay().await).await
    }

    /// A process that reaches what carries the parcels through a proxy only.
    pub(crate) async fn process_behind_a_proxy(&self) -> (Process, Proxy) {
        let socket = match self.kind {
            Kind::Postgres => self.redis.other_socket().with_file_name(".s.PGSQL.5432"),
            _ => self.redis.other_socket(),
        };
        let folder = socket.parent().expect("a folder").display().to_string();
        let (own, _) = self.address["host=".len()..].split_once(' ').expect("an address begins so");
        let (proxy, relay) = match self.kind {
            Kind::Postgres => {
                let server = Path::new(own).join(".s.PGSQL.5432");
                let proxy = Proxy::between(&socket, server, Speech::Postgres);
                (proxy, self.notifications(&self.address.replacen(own, &folder, 1)).await)
            }
            _ => {
                let proxy = Proxy::between(&socket, self.redis.socket(), Speech::Redis);
                (proxy, self.both(&redis::at(&socket), &self.address).await)
            }
        };
        (self.process_on(relay).await, proxy)
    }

    async fn process_on(&self, relay: Arc<dyn Relay>) -> Process {
        let heard = MemoryAnnouncements::default();
        let store = Arc::new(Postgres::over(connections(&self.address)));
        let relays =
            Relays { relay, recent: store.clone(), messages: store.clone(), memberships: store.clone() };
        let announcements = Arc::new(RelayedAnnouncements::new(Arc::new(heard.clone()), relays));
        let ending = CancellationToken::new();
        let (delivering, cancelled) = (announcements.clone(), ending.clone());
        tokio::spawn(async move { delivering.keep_delivering(|_| (), &cancelled).await });
        Process { heard, announcements, store, _ends: ending.drop_guard() }
    }

    /// Closes the connections on which the processes listen to the database.
    pub(crate) async fn cut_listeners(&self) {
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1";
        let (client, connection) =
            tokio_postgres::connect(&self.address, tokio_postgres::NoTls).await.expect("connected");
        tokio::spawn(connection);
        client.execute(sql, &[&self.listener]).await.expect("cut");
    }
}

fn connections(address: &str) -> Connections {
    Connections::to(&address.parse().expect("an address"), 8).expect("it needs no certificates")
}

impl Process {
    /// Makes a message of a conversation, and announces it with all others of that which are not announced
    /// yet, until that works, as the publisher does.
    pub(crate) async fn tell(&self, number: u8, words: &str) -> MessageId {
        let made = self.make(number, words).await.id;
        let mut waiting = again(async || self.store.outbox(Timestamp::MAX, None, 1000).await).await;
        waiting.retain(|message| message.conversation_id == conversation(number));
        let ids: Vec<_> = waiting.iter().map(|message| message.id).collect();
        let to = [user("ann"), user("bob")];
        let addressed = |message| Addressed { to: to.to_vec(), announcement: new(message) };
        let all: Vec<_> = waiting.iter().map(addressed).collect();
        while self.announcements.announce_all(&all).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        again(async || self.store.published(&ids).await).await;
        made
    }

    /// Makes a message, which is in the outbox then.
    pub(crate) async fn make(&self, number: u8, words: &str) -> Message {
        let mut upload = whole(None);
        let binding = upload.binding.as_mut().expect("it is bound");
        binding.conversation_id = conversation(number);
        binding.content = Some(words.to_owned());
        again(async || self.store.create(&upload, Taking::IfFree).await).await;
        let claim = again(async || self.store.claim(upload.id, at(5)).await).await;
        let Claim::Finalizing(stamp) = claim else { panic!("it is the first") };
        let message = upload.message(stamp).expect("bound");
        again(async || self.store.commit(&message, at(5)).await).await;
        message
    }

    /// The messages that the connections heard, in order.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let all = self.heard.all().into_iter();
        all.filter_map(|(_, what)| match what {
            Announcement::NewMessage(message) => Some(*message),
            _ => None,
        })
        .collect()
    }

    /// Waits until this many messages were heard.
    pub(crate) async fn heard(&self, count: usize) -> Vec<Message> {
        let hears = async {
            while self.messages().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(60), hears).await.is_err() {
            panic!("{} of {count} messages were heard", self.messages().len());
        }
        self.messages()
    }

    /// The ids of the messages of a conversation, in its order.
    pub(crate) async fn stored(&self, number: u8) -> Vec<MessageId> {
        let first = MessageId::from_bytes([0; 12]);
        let newer = again(async || self.store.newer(conversation(number), first, None, 10_000).await).await;
        newer.into_iter().map(|message| message.id).collect()
    }
}

/// Does something until the database is there for it.
async fn again<T>(something: impl AsyncFn() -> Result<T, StoreError>) -> T {
    loop {
        match something().await {
            Ok(done) => return done,
            Err(StoreError::Unavailable(_)) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn new(message: &Message) -> Announcement {
    Announcement::NewMessage(Box::new(message.clone()))
}

//! Processes that share a database, and what their connections hear.

use std::sync::Arc;
use std::time::Duration;

use longhaul::chat::{RelayedAnnouncements, Relays};
use longhaul::message::{Message, MessageId};
use longhaul::store::contract::samples::{at, conversation, user, whole};
use longhaul::store::memory::MemoryAnnouncements;
use longhaul::store::postgres::{Connections, Postgres, PostgresRelay};
use longhaul::store::redis::RedisRelay;
use longhaul::store::{
    Addressed, Announcement, Announcements, Behind, Claim, Memberships, Messages, Records, Relay, Taking,
};
use longhaul::time::Timestamp;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::postgres;
use crate::redis::Redis;

/// What carries the parcels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Redis,
    Both,
}

/// A database of its own, and a Redis of its own.
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
        let address = postgres::schema();
        let store = Arc::new(Postgres::open(connections(&address)).await.expect("opened"));
        for number in 1..=3 {
            store.put(conversation(number), &[user("ann"), user("bob")]).await.expect("stored");
        }
        let listener = format!("listener_{}", postgres::name_of(&address));
        Self { address, listener, store, redis: Redis::start(), kind }
    }

    pub(crate) async fn relay(&self) -> Arc<dyn Relay> {
        let notifications = async {
            let address = self.address.replace("application_name=", "application_name=listener_");
            let relay = PostgresRelay::start(connections(&address)).await.expect("started");
            Arc::new(relay) as Arc<dyn Relay>
        };
        let published = async {
            let cluster = self.store.cluster().await.expect("it has an id");
            Arc::new(RedisRelay::start(&self.redis.address(), cluster)) as Arc<dyn Relay>
        };
        match self.kind {
            Kind::Postgres => notifications.await,
            Kind::Redis => published.await,
            Kind::Both => Arc::new(Behind::new(published.await, notifications.await)),
        }
    }

    pub(crate) async fn process(&self) -> Process {
        let (heard, relay) = (MemoryAnnouncements::default(), self.relay().await);
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
        let mut waiting = self.store.outbox(Timestamp::MAX, None, 1000).await.expect("readable");
        waiting.retain(|message| message.conversation_id == conversation(number));
        let ids: Vec<_> = waiting.iter().map(|message| message.id).collect();
        let to = [user("ann"), user("bob")];
        let addressed = |message| Addressed { to: to.to_vec(), announcement: new(message) };
        let all: Vec<_> = waiting.iter().map(addressed).collect();
        while self.announcements.announce_all(&all).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.store.published(&ids).await.expect("published");
        made
    }

    /// Makes a message, which is in the outbox then.
    pub(crate) async fn make(&self, number: u8, words: &str) -> Message {
        let mut upload = whole(None);
        let binding = upload.binding.as_mut().expect("it is bound");
        binding.conversation_id = conversation(number);
        binding.content = Some(words.to_owned());
        self.store.create(&upload, Taking::IfFree).await.expect("created");
        let claim = self.store.claim(upload.id, at(5)).await.expect("claimed");
        let Claim::Finalizing(stamp) = claim else { panic!("it is the first") };
        let message = upload.message(stamp).expect("bound");
        self.store.commit(&message, at(5)).await.expect("committed");
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
        let newer = self.store.newer(conversation(number), first, None, 10_000).await.expect("readable");
        newer.into_iter().map(|message| message.id).collect()
    }
}

pub(crate) fn new(message: &Message) -> Announcement {
    Announcement::NewMessage(Box::new(message.clone()))
}

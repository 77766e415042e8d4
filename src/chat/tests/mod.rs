//! The adapter as clients see it, over real connections to a real engine, on stores in memory.

mod announcements;
mod catching_up;
mod client;
mod connections;
mod sends;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Engine, Settings, SocketAnnouncements, State, close, open, serve};
use crate::auth::{KeySet, Rules, mint_hs256};
use crate::chats::Chats;
use crate::finalizer::Finalizer;
use crate::keys::Keyring;
use crate::message::{Message, MessageId, UserId};
use crate::reservations::Allowance;
use crate::store::memory::{Memory, MemoryPayloads};
use crate::store::{Announcement, Announcements, Memberships, Progress, StoreError, Stores};
use crate::time::Timestamp;
use crate::upload::{Digests, UploadId};
use crate::uploads::{Limits, Uploads};
use client::Client;

const SECRET: &str = "a secret of the tests, of more than 32 bytes";
const CONVERSATION: &str = "507f1f77bcf86cd799439012";
const MAX_SIZE: u64 = 100_000;

struct Server {
    address: SocketAddr,
    engine: Engine,
    announcements: SocketAnnouncements,
}

impl Server {
    /// A server where Alice and Bob share a conversation, and Eve is not in it.
    async fn start() -> Self {
        let server = Self::unserved().await;
        serve(&server.engine, server.state().await);
        server
    }

    async fn unserved() -> Self {
        let (transports, engine) = open(Settings::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let router = transports.beside(Router::new());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, announcements: SocketAnnouncements::new(engine.clone()), engine }
    }

    async fn state(&self) -> State {
        let memory = Arc::new(Memory::new());
        let conversation = CONVERSATION.parse().expect("valid");
        memory.put(conversation, &[user("alice"), user("bob")]).await.expect("memory");
        let stores = Stores {
            announcements: Arc::new(self.announcements.clone()),
            ..memory.stores(Arc::new(MemoryPayloads::default()))
        };
        let tasks = TaskTracker::new();
        let limits = Limits {
            max_upload_size: MAX_SIZE,
            expire_after_secs: 60,
            result_window_secs: 86_400,
            body_idle: Duration::from_secs(5),
            max_unfinished: 100,
            max_reserved_bytes: 100 << 20,
            lapse_after: Duration::from_secs(120),
            digests: Digests::Every,
        };
        let allowance = Allowance::new(&stores, limits.terms());
        let finalizer = Finalizer::new(stores.clone(), tasks.clone(), allowance);
        let worker = Arc::clone(&finalizer);
        tokio::spawn(async move { worker.keep_publishing(&CancellationToken::new()).await });
        State {
            uploads: Arc::new(Uploads::new(
                stores.clone(),
                finalizer,
                limits,
                tasks,
                CancellationToken::new(),
            )),
            chats: Arc::new(Chats::new(stores.memberships, stores.messages, stores.payloads)),
            keyring: Arc::new(Keyring::fixed(
                KeySet::secrets(&[SECRET]).expect("a secret"),
                Rules::default(),
            )),
            max_size: MAX_SIZE,
        }
    }

    async fn connect(&self, name: &str) -> Client {
        Client::connect(self.address, &token(&user(name))).await
    }

    async fn announce(&self, to: &[&str], announcement: &Announcement) -> Result<(), StoreError> {
        let users: Vec<UserId> = to.iter().map(|name| user(name)).collect();
        self.announcements.announce(&users, announcement).await
    }
}

fn user(name: &str) -> UserId {
    format!("{name}@example.com").parse().expect("valid")
}

fn token(user: &UserId) -> String {
    mint_hs256(SECRET, user, false, Timestamp::now().plus_secs(60))
}

fn message(id: u8) -> Message {
    Message {
        id: MessageId::from_bytes([id; 12]),
        conversation_id: CONVERSATION.parse().expect("valid"),
        sender: user("alice"),
        content: None,
        kind: crate::message::MessageKind::File,
        reply_to: None,
        created_at: Timestamp::from_millis(0),
        file_name: "a".into(),
        stored_name: "a".into(),
        file_size: 0,
        mime_type: "text/plain".into(),
        sha256: None,
        client_message_id: None,
        upload_id: UploadId::from_bytes([0; 16]).uuid(),
    }
}

fn progress() -> Progress {
    Progress {
        upload_id: UploadId::from_bytes([1; 16]),
        conversation_id: CONVERSATION.parse().expect("valid"),
        sender: user("alice"),
        file_name: "a.mp4".into(),
        mime_type: "video/mp4".into(),
        kind: crate::message::MessageKind::Video,
        offset: 1,
        length: Some(2),
    }
}

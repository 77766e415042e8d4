//! A chat in memory behind a router, for tests of handlers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue, Request};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::BodyExt;
use tower::ServiceExt;

use super::error::{unknown_method, unknown_route};
use super::{Api, Inner};
use crate::auth::{Verifier, mint_hs256};
use crate::chats::Chats;
use crate::message::{ConversationId, Message, MessageId, MessageKind, UserId};
use crate::store::{
    ByteStream, Claim, Memberships, Messages, Payloads, Place, Put, Sink, Source, StoreError,
};
use crate::time::Timestamp;
use crate::upload::UploadId;
use crate::uploads::Uploads;

/// A conversation of Ada and Bob; Eve is not in it.
pub(super) const CONVERSATION: &str = "507f1f77bcf86cd799439012";
pub(super) const ADA: &str = "ada@example.com";
pub(super) const BOB: &str = "bob@example.com";
pub(super) const EVE: &str = "eve@example.com";
/// The bytes of every message's file.
pub(super) const MEDIA: &[u8] = b"0123456789";
/// The most bytes of a one-shot.
pub(super) const MAX_ONE_SHOT: u64 = 1000;

/// What tokens are signed with.
pub(super) const SECRET: &str = "a secret of the tests";

/// Routes with a chat behind them.
pub(super) struct Chat {
    router: Router,
    store: Arc<Store>,
}

/// What a request got.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// A message with this number in its id.
pub(super) fn message(number: u16) -> Message {
    Message {
        id: format!("507f1f77bcf86cd79943{number:04x}")
            .parse()
            .expect("valid"),
        conversation_id: CONVERSATION.parse().expect("valid"),
        sender: ADA.parse().expect("valid"),
        content: None,
        kind: MessageKind::Video,
        reply_to: None,
        created_at: Timestamp::from_millis(1_706_270_400_123),
        file_name: "né.mp4".into(),
        stored_name: "né.mp4".into(),
        file_size: u64::try_from(MEDIA.len()).expect("ten"),
        mime_type: "video/mp4".into(),
        sha256: None,
        client_message_id: None,
        upload_id: uuid::Uuid::nil(),
    }
}

impl Chat {
    pub(super) async fn new(routes: Router<Api>) -> Self {
        let store = Arc::new(Store::default());
        let users = [ADA, BOB].map(|user| user.parse().expect("valid"));
        store
            .put(CONVERSATION.parse().expect("valid"), &users)
            .await
            .expect("in memory");
        let api = Api(Arc::new(Inner {
            uploads: Arc::new(Uploads {}),
            chats: Arc::new(Chats::new(store.clone(), store.clone(), store.clone())),
            verifier: Arc::new(Verifier::hs256(SECRET).expect("a secret")),
            max_oneshot_size: MAX_ONE_SHOT,
            body_idle: Duration::from_millis(200),
        }));
        let router = routes
            .fallback(unknown_route)
            .method_not_allowed_fallback(unknown_method)
            .with_state(api);
        Self { router, store }
    }

    pub(super) async fn say(&self, message: Message) -> Message {
        self.store.commit(&message).await.expect("in memory");
        message
    }

    pub(super) async fn get(&self, user: &str, path: &str) -> Answer {
        self.request(Some(user), "GET", path, &[], "").await
    }

    pub(super) async fn admin(&self, method: &str, path: &str, body: &str) -> Answer {
        let token = token("admin", true);
        self.send(Some(token), method, path, &[], Body::from(body.to_owned()))
            .await
    }

    pub(super) async fn request(
        &self,
        user: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.send(
            user.map(|user| token(user, false)),
            method,
            path,
            headers,
            body.into(),
        )
        .await
    }

    async fn send(
        &self,
        token: Option<String>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .body(body)
            .expect("valid");
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("ASCII");
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().expect("valid");
            request
                .headers_mut()
                .append(name, HeaderValue::from_str(value).expect("valid"));
        }
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }
}

fn token(user: &str, admin: bool) -> String {
    mint_hs256(
        SECRET,
        &user.parse().expect("valid"),
        admin,
        Timestamp::now().plus_secs(600),
    )
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(super) fn detail(&self) -> String {
        self.json()["detail"].as_str().expect("a string").to_owned()
    }
}

/// The ports that reading needs.
#[derive(Default)]
struct Store {
    members: Mutex<BTreeMap<ConversationId, Vec<UserId>>>,
    messages: Mutex<BTreeMap<MessageId, Message>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Memberships for Store {
    async fn put(&self, id: ConversationId, participants: &[UserId]) -> Result<Put, StoreError> {
        let before = lock(&self.members).insert(id, participants.to_vec());
        Ok(if before.is_some() { Put::Changed } else { Put::Made })
    }

    async fn participants(&self, id: ConversationId) -> Result<Option<Vec<UserId>>, StoreError> {
        Ok(lock(&self.members).get(&id).cloned())
    }

    async fn is_participant(&self, id: ConversationId, user: &UserId) -> Result<Option<bool>, StoreError> {
        Ok(lock(&self.members).get(&id).map(|users| users.contains(user)))
    }
}

#[async_trait]
impl Messages for Store {
    async fn claim(&self, _: UploadId, _: Timestamp) -> Result<Claim, StoreError> {
        Err(StoreError::Unavailable("reading only".into()))
    }

    async fn commit(&self, message: &Message) -> Result<(), StoreError> {
        lock(&self.messages).insert(message.id, message.clone());
        Ok(())
    }

    async fn find(&self, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(lock(&self.messages).get(&id).cloned())
    }

    async fn page(
        &self,
        conversation: ConversationId,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        let messages = lock(&self.messages);
        let older = messages
            .values()
            .rev()
            .filter(|m| before.is_none_or(|before| m.id < before));
        Ok(older
            .filter(|m| m.conversation_id == conversation)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn outbox(&self, _: Option<MessageId>, _: usize) -> Result<Vec<Message>, StoreError> {
        Ok(Vec::new())
    }

    async fn published(&self, _: MessageId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn is_unpublished(&self, _: MessageId) -> Result<bool, StoreError> {
        Ok(false)
    }
}

#[async_trait]
impl Payloads for Store {
    async fn open(&self, _: UploadId, _: u64) -> Result<Box<dyn Sink>, StoreError> {
        Err(StoreError::Unavailable("reading only".into()))
    }

    async fn place(&self, _: UploadId, _: u64, _: &Place) -> Result<(), StoreError> {
        Err(StoreError::Unavailable("reading only".into()))
    }

    async fn discard(&self, _: UploadId) -> Result<(), StoreError> {
        Ok(())
    }

    async fn read(&self, _: &Source, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let index = |at: u64| usize::try_from(at).expect("small");
        let bytes = Bytes::from_static(&MEDIA[index(range.start)..index(range.end)]);
        Ok(Box::pin(stream::iter(
            bytes
                .chunks(3)
                .map(|c| Ok(Bytes::copy_from_slice(c)))
                .collect::<Vec<_>>(),
        )))
    }

    async fn parts(&self) -> Result<Vec<UploadId>, StoreError> {
        Ok(Vec::new())
    }

    async fn room(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn max_size(&self) -> Option<u64> {
        None
    }
}

//! A chat in memory behind a router, for tests of handlers.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::error::{unknown_method, unknown_route};
use super::{Api, Inner, MediaTypes, Readiness};
use crate::auth::{KeySet, Rules, mint_hs256};
use crate::base_path::BasePath;
use crate::chats::Chats;
use crate::finalizer::Finalizer;
use crate::keys::Keyring;
use crate::links::{MediaLinks, Presenter};
use crate::message::{ConversationId, Message};
use crate::reservations::Allowance;
use crate::store::memory::{Memory, MemoryPayloads};
use crate::store::{Durability, Stores};
use crate::time::Timestamp;
use crate::upload::{Binding, Digests, Metadata};
use crate::uploads::{Limits, Uploads};

/// A conversation of Ada and Bob; Eve is not in it.
pub(super) const CONVERSATION: &str = "507f1f77bcf86cd799439012";
pub(super) const ADA: &str = "ada@example.com";
pub(super) const BOB: &str = "bob@example.com";
pub(super) const EVE: &str = "eve@example.com";
/// The most bytes of a one-shot upload.
pub(super) const MAX_ONE_SHOT: u64 = 1000;
/// The idle timeout of a body.
pub(super) const BODY_IDLE: Duration = Duration::from_secs(30);
/// The key that tokens are signed with.
pub(super) const SECRET: &str = "a secret of the tests, of more than 32 bytes";

/// Routes with a chat behind them.
pub(super) struct Chat {
    api: Api,
    router: Router,
    stores: Stores,
    uploads: Arc<Uploads>,
    tasks: TaskTracker,
}

/// The answer to a request.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Chat {
    pub(super) async fn new(routes: Router<Api>) -> Self {
        Self::with_links(routes, MediaLinks::default()).await
    }

    /// A chat with links to media.
    pub(super) async fn with_links(routes: Router<Api>, links: MediaLinks) -> Self {
        let links = Arc::new(links);
        let stores = stores();
        let users = [ADA, BOB].map(|user| user.parse().expect("valid"));
        stores.memberships.put(conversation(), &users).await.expect("memory");
        let tasks = TaskTracker::new();
        let uploads = uploads(&stores, &tasks);
        let Stores { memberships, messages, payloads, .. } = stores.clone();
        let api = Api::new(Inner {
            uploads: Arc::clone(&uploads),
            chats: Arc::new(Chats::new(memberships, messages, payloads)),
            keyring: Arc::new(Keyring::fixed(
                KeySet::secrets(&[SECRET]).expect("a secret"),
                Rules::default(),
            )),
            readiness: Readiness::new(Durability::Process, Vec::new()),
            max_oneshot_size: MAX_ONE_SHOT,
            body_idle: BODY_IDLE,
            presenter: Presenter::new(BasePath::default(), Arc::clone(&links)),
            links,
            media_prefix: None,
            redirects_media: false,
            types: MediaTypes::default(),
            trust_forwarded: false,
            web: crate::web::Web::Notice,
        });
        let routes = routes.fallback(unknown_route).method_not_allowed_fallback(unknown_method);
        let router = routes.with_state(api.clone());
        Self { api, router, stores, uploads, tasks }
    }

    /// The API behind the router.
    pub(super) fn api(&self) -> Api {
        self.api.clone()
    }

    /// Ada sends a file with this name.
    pub(super) async fn send_file(&self, name: &str, bytes: &'static [u8]) -> Message {
        let mut upload = self.uploads.one_shot(ADA.parse().expect("valid"), MAX_ONE_SHOT);
        upload.write(Bytes::from_static(bytes)).await.expect("memory");
        let binding = Binding {
            conversation_id: conversation(),
            content: None,
            reply_to: None,
            client_message_id: None,
        };
        upload.finish(Metadata::of([("filename", name)]), binding).await.expect("a message")
    }

    /// The conversation's messages, newest first.
    pub(super) async fn messages(&self) -> Vec<Message> {
        self.stores.messages.page(conversation(), None, 1000).await.expect("memory")
    }

    /// How many uploads still have bytes of their own, once every task is done.
    pub(super) async fn parts(&self) -> usize {
        self.tasks.close();
        self.tasks.wait().await;
        self.stores
            .payloads
            .parts(Timestamp::from_millis(u64::MAX), None, usize::MAX)
            .await
            .expect("memory")
            .len()
    }

    pub(super) async fn get(&self, user: &str, path: &str) -> Answer {
        self.request(Some(user), "GET", path, &[], "").await
    }

    pub(super) async fn admin(&self, method: &str, path: &str, body: &str) -> Answer {
        self.send(Some(token("admin", true)), method, path, &[], body.to_owned().into()).await
    }

    pub(super) async fn request(
        &self,
        user: Option<&str>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Answer {
        self.send(user.map(|user| token(user, false)), method, path, headers, body.into()).await
    }

    async fn send(
        &self,
        token: Option<String>,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path).body(body).expect("valid");
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).expect("ASCII");
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        for (name, value) in headers {
            let name: HeaderName = name.parse().expect("valid");
            request.headers_mut().append(name, HeaderValue::from_str(value).expect("valid"));
        }
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
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

fn conversation() -> ConversationId {
    CONVERSATION.parse().expect("valid")
}

fn token(user: &str, admin: bool) -> String {
    mint_hs256(SECRET, &user.parse().expect("valid"), admin, Timestamp::now().plus_secs(600))
}

fn stores() -> Stores {
    Arc::new(Memory::new()).stores(Arc::new(MemoryPayloads::default()))
}

fn uploads(stores: &Stores, tasks: &TaskTracker) -> Arc<Uploads> {
    let limits = Limits {
        max_upload_size: 1 << 20,
        expire_after_secs: 60,
        result_window_secs: 86_400,
        body_idle: BODY_IDLE,
        max_unfinished: 100,
        max_reserved_bytes: 100 << 20,
        lapse_after: Duration::from_secs(120),
        digests: Digests::Every,
    };
    let allowance = Allowance::new(stores, limits.terms());
    let finalizer = Finalizer::new(stores.clone(), tasks.clone(), allowance);
    let draining = CancellationToken::new();
    Arc::new(Uploads::new(stores.clone(), finalizer, limits, tasks.clone(), draining))
}

//! Routes for operators: health, readiness and metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;

use super::Api;
use super::error::Code;
use crate::metrics;
use crate::store::{Dependency, Durability};
use crate::uploads::{Ability, Uploads};

/// Whether the server takes new work: not while interrupted work is driven on, nor while the process ends. It
/// also says what an acknowledgement of this server survives.
#[derive(Clone)]
pub struct Readiness {
    recovered: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
    durability: Durability,
    dependencies: Arc<[Arc<dyn Dependency>]>,
}

/// The answer to a readiness check.
#[derive(Debug, Serialize)]
struct Ready {
    ready: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<Code>,
    durability: &'static str,
    /// The servers that this one uses and that do not answer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<&'static str>,
}

impl Readiness {
    /// The readiness of a server that has just started, and that uses these.
    pub fn new(durability: Durability, dependencies: Vec<Arc<dyn Dependency>>) -> Self {
        let dependencies = dependencies.into();
        Self { recovered: Arc::default(), draining: Arc::default(), durability, dependencies }
    }

    /// The names of the servers that do not answer, and whether one of them is needed.
    async fn missing(&self) -> (Vec<&'static str>, bool) {
        let answers = join_all(self.dependencies.iter().map(|one| one.answers())).await;
        let (mut missing, mut is_needed) = (Vec::new(), false);
        for (dependency, answers) in self.dependencies.iter().zip(answers) {
            metrics::get().answers(dependency.name(), answers);
            if !answers {
                missing.push(dependency.name());
                is_needed |= dependency.is_needed();
            }
        }
        (missing, is_needed)
    }

    /// Records that all work owed at the start has been driven on.
    pub fn recovered(&self) {
        self.recovered.store(true, Ordering::Release);
    }

    /// Records that the process is about to end.
    pub fn draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    fn fault(&self) -> Option<&'static str> {
        if self.draining.load(Ordering::Acquire) {
            return Some("draining");
        }
        (!self.recovered.load(Ordering::Acquire)).then_some("recovering")
    }
}

impl std::fmt::Debug for Readiness {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Readiness").field("durability", &self.durability).finish_non_exhaustive()
    }
}

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/healthz", get(async || Json(json!({"alive": true}))))
        .route("/readyz", get(ready))
        .route("/metrics", get(text))
}

async fn ready(State(api): State<Api>) -> Response {
    let readiness = &api.0.readiness;
    let (missing, is_needed) = readiness.missing().await;
    let detail = match readiness.fault() {
        Some(fault) => Some(fault),
        None if is_needed => Some("a server that this one needs does not answer"),
        None if !api.0.keyring.has_keys() => Some("no keys to check tokens with"),
        None => fault_of(api.uploads()).await,
    };
    let code = detail.map(|_| Code::NotReady);
    let durability = readiness.durability.name();
    let answer = Json(Ready { ready: detail.is_none(), detail, code, durability, missing });
    if detail.is_none() {
        return answer.into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], answer).into_response()
}

/// The fault that keeps uploads from being accepted, or from becoming messages.
async fn fault_of(uploads: &Uploads) -> Option<&'static str> {
    if !uploads.has_room().await {
        return Some("no room");
    }
    match uploads.ability().await {
        Ability::Able => None,
        Ability::NoRoom => Some("no room"),
        Ability::Unable => Some("no message can be made"),
    }
}

async fn text(State(api): State<Api>) -> impl IntoResponse {
    const TEXT: (HeaderName, HeaderValue) = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    let metrics = metrics::get();
    if let Some(left) = api.uploads().room_left().await {
        metrics.room_reserved_bytes.set(left.reserved);
        metrics.room_free_bytes.set(left.free);
    }
    if let Some(overdue) = api.uploads().overdue().await {
        metrics.owed_upload_age_seconds.set(overdue.message.as_secs_f64());
        metrics.outbox_age_seconds.set(overdue.announcement.as_secs_f64());
    }
    ([TEXT], metrics::text())
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;

    struct Server {
        name: &'static str,
        is_needed: bool,
        answers: bool,
    }

    #[async_trait]
    impl Dependency for Server {
        fn name(&self) -> &'static str {
            self.name
        }

        fn is_needed(&self) -> bool {
            self.is_needed
        }

        async fn answers(&self) -> bool {
            self.answers
        }
    }

    #[tokio::test]
    async fn the_servers_that_do_not_answer_are_named() {
        for (postgres, redis, missing, is_needed) in [
            (true, true, &[][..], false),
            (true, false, &["redis"], false),
            (false, true, &["postgres"], true),
            (false, false, &["postgres", "redis"], true),
        ] {
            let dependencies: Vec<Arc<dyn Dependency>> = vec![
                Arc::new(Server { name: "postgres", is_needed: true, answers: postgres }),
                Arc::new(Server { name: "redis", is_needed: false, answers: redis }),
            ];
            let readiness = Readiness::new(Durability::Power, dependencies);
            assert_eq!(readiness.missing().await, (missing.to_vec(), is_needed));
        }
    }
}

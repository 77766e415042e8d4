//! What whoever runs the server asks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::Api;
use crate::metrics;

/// Whether new work is welcome: not while what was interrupted is driven on, nor while the process ends.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    recovered: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Everything that was owed at the start has been driven on.
    pub fn recovered(&self) {
        self.recovered.store(true, Ordering::Release);
    }

    /// The process is about to end.
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

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/healthz", get(async || Json(json!({"alive": true}))))
        .route("/readyz", get(ready))
        .route("/metrics", get(text))
}

async fn ready(State(api): State<Api>) -> Response {
    let fault = match api.0.readiness.fault() {
        Some(fault) => Some(fault),
        None => (!api.uploads().has_room().await).then_some("no room"),
    };
    match fault {
        None => Json(json!({"ready": true})).into_response(),
        Some(detail) => {
            let body = Json(json!({"ready": false, "detail": detail}));
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], body).into_response()
        }
    }
}

async fn text() -> impl IntoResponse {
    const TEXT: (HeaderName, HeaderValue) = (
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    ([TEXT], metrics::text())
}

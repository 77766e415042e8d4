//! `GET /`: what a person in a browser sees.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Extension, Router};

use super::Api;
use super::cors::SameOrigin;

pub(super) fn routes() -> Router<Api> {
    Router::new().route(PATH, get(welcome))
}

const PATH: &str = "/";

/// Whether the page is at this path, with or without a further slash.
pub(super) fn is_at(path: &str) -> bool {
    path.trim_end_matches('/').is_empty()
}

/// It stays where it is: not in a cache, nor in a frame or a script of another origin, nor in a `Referer`.
const FENCE: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

async fn welcome(State(api): State<Api>) -> impl IntoResponse {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>longhaul</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:60rem;margin:3rem auto;padding:0 1rem}}\
         pre{{background:#f4f4f4;padding:1rem;overflow-x:auto;white-space:pre-wrap;word-break:break-all}}\
         </style><h1>longhaul</h1><p>Resumable uploads that end as chat messages.</p><pre>{}</pre></html>",
        escape(&api.0.welcome)
    );
    (FENCE, Extension(SameOrigin), Html(page))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! `GET /`: what a person in a browser sees.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use super::Api;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/", get(welcome))
}

async fn welcome(State(api): State<Api>) -> impl IntoResponse {
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>longhaul</title>\
         <style>body{{font:16px/1.5 system-ui;max-width:60rem;margin:3rem auto;padding:0 1rem}}\
         pre{{background:#f4f4f4;padding:1rem;overflow-x:auto;white-space:pre-wrap;word-break:break-all}}\
         </style><h1>longhaul</h1><p>Resumable uploads that end as chat messages.</p><pre>{}</pre></html>",
        escape(&api.0.welcome)
    );
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(page))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

//! `GET /`: the page that a person in a browser sees.

use std::future::ready;
use std::sync::Arc;

use axum::handler::HandlerWithoutStateExt;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use tower_http::services::ServeDir;

use super::cors::SameOrigin;
use super::{Api, error};
use crate::base_path::BasePath;
use crate::web::{self, Asset, PEOPLE, Web};

/// Headers of the page: no cache keeps it, no other origin frames or loads it, no `Referer` names it. It runs
/// and shows only its own; a message's file may come from a `blob:` address, which ends with the page.
const FENCE: [(HeaderName, HeaderValue); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; \
             media-src 'self' blob:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

/// The page at `/` with what belongs to it, and the answer to every path that has no route.
pub(super) fn routes(web: &Web, base: &BasePath) -> Router<Api> {
    let mut router = Router::new();
    for (path, asset) in web.assets(base) {
        router = router.route(path, get(move || ready(shown(asset.clone()))));
    }
    if let Some(demo) = web.demo() {
        let demo = Arc::clone(demo);
        router = router
            .route(PEOPLE, get(move || ready((FENCE, Extension(SameOrigin), Json(web::people(&demo))))));
    }
    match web.folder() {
        Some(folder) => {
            let files = ServeDir::new(folder).call_fallback_on_method_not_allowed(true);
            router.fallback_service(files.fallback(error::unknown_route.into_service()))
        }
        None => router.fallback(error::unknown_route),
    }
}

fn shown(asset: Asset) -> impl IntoResponse {
    (FENCE, [(header::CONTENT_TYPE, asset.content_type)], Extension(SameOrigin), asset.text)
}

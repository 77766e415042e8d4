//! `GET /docs`, and the descriptions of the API for programs. Open to all: the documentation is no secret.

use std::future::ready;
use std::ops::Range;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::Method;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use futures_util::stream;
use sha2::{Digest, Sha256};

use super::Api;
use super::error::{ApiError, unknown_route};
use super::outside::Outside;
use super::range::{Representation, respond};
use crate::docs::{ASYNCAPI, DOCUMENTS, Document, ICON, OPENAPI, STYLE, html};
use crate::store::{ByteStream, StoreError};

/// Headers of a page that shows only its own and runs nothing. Caches ask whether their copy is current.
const FENCE: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'self'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
];

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";

/// Placeholders for the server's address in the descriptions, replaced by what this request calls it.
const OPENAPI_URL: &str = r#""url": "/""#;
const ASYNCAPI_HOST: &str = r#""host": "localhost:8000""#;
const ASYNCAPI_PATH: &str = r#""pathname": "/socket.io/""#;
const ASYNCAPI_PROTOCOL: &str = r#""protocol": "ws""#;

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/docs", get(overview))
        .route("/docs/{name}", get(document))
        .route("/openapi.json", get(openapi))
        .route("/asyncapi.json", get(asyncapi))
}

async fn overview(outside: Outside, method: Method, fields: HeaderMap) -> Result<Response, ApiError> {
    answer(&method, fields, HTML, page(&DOCUMENTS[0], &outside)).await
}

async fn document(
    outside: Outside,
    name: Result<Path<String>, PathRejection>,
    method: Method,
    fields: HeaderMap,
) -> Result<Response, ApiError> {
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let (content_type, text) = match name.as_str() {
        "style.css" => (CSS, STYLE.to_owned()),
        "icon.svg" => (SVG, ICON.to_owned()),
        name => match DOCUMENTS.iter().find(|document| document.name == name) {
            Some(document) => (HTML, page(document, &outside)),
            None => return Err(unknown_route().await),
        },
    };
    answer(&method, fields, content_type, text).await
}

fn page(document: &Document, outside: &Outside) -> String {
    html(document, &outside.path("/docs/"))
}

async fn openapi(outside: Outside, method: Method, fields: HeaderMap) -> Result<Response, ApiError> {
    let path = outside.path("");
    let path = if path.is_empty() { "/" } else { &path };
    answer(&method, fields, JSON, OPENAPI.replace(OPENAPI_URL, &format!(r#""url": "{path}""#))).await
}

/// The description of the sockets, which has to name the host.
async fn asyncapi(outside: Outside, method: Method, fields: HeaderMap) -> Result<Response, ApiError> {
    let url = outside.url("");
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", "localhost"));
    let host = rest.split('/').next().unwrap_or_default();
    let protocol = if scheme == "https" { "wss" } else { "ws" };
    let text = ASYNCAPI
        .replace(ASYNCAPI_HOST, &format!(r#""host": "{host}""#))
        .replace(ASYNCAPI_PATH, &format!(r#""pathname": "{}""#, outside.path("/socket.io/")))
        .replace(ASYNCAPI_PROTOCOL, &format!(r#""protocol": "{protocol}""#));
    answer(&method, fields, JSON, text).await
}

/// Answers with a whole text: it is short, and a range of a JSON text would not be JSON.
async fn answer(
    method: &Method,
    mut fields: HeaderMap,
    content_type: &'static str,
    text: String,
) -> Result<Response, ApiError> {
    fields.remove(header::RANGE);
    let text = Bytes::from(text);
    let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(&text)[..8]);
    let length = u64::try_from(text.len()).expect("a text is shorter than that");
    let representation = Representation { length, etag: format!("\"{digest}\""), modified: None };
    let read = |range: Range<u64>| {
        let at = |offset| usize::try_from(offset).expect("an offset in the text");
        let part = text.slice(at(range.start)..at(range.end));
        ready(Ok::<ByteStream, StoreError>(Box::pin(stream::iter([Ok(part)]))))
    };
    let mut response = respond(method, &fields, &representation, read).await?;
    response.headers_mut().remove(header::ACCEPT_RANGES);
    response.headers_mut().extend(FENCE);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::body::Body;
    use axum::http::Request;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;
    use crate::http::tests::Chat;

    #[tokio::test]
    async fn every_document_is_there_for_everybody() {
        let chat = Chat::new(routes()).await;
        let paths = DOCUMENTS.iter().map(|document| format!("/docs/{}", document.name));
        let files = ["/docs", "/docs/style.css", "/docs/icon.svg", "/openapi.json", "/asyncapi.json"];
        for path in paths.chain(files.map(str::to_owned)) {
            let answer = chat.request(None, "GET", &path, &[], "").await;
            assert_eq!(answer.status, 200, "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-cache"), "{path}");
            let etag = answer.header("etag").expect("a version").to_owned();
            let head = chat.request(None, "HEAD", &path, &[], "").await;
            assert_eq!((head.status, head.body.len(), &head.headers), (200, 0, &answer.headers), "{path}");
            let again = chat.request(None, "GET", &path, &[("if-none-match", &etag)], "").await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        }
        for path in ["/docs/x", "/docs/api.md", "/docs/%ff"] {
            assert_eq!(chat.request(None, "GET", path, &[], "").await.status, 404, "{path}");
        }
    }

    #[test]
    fn the_descriptions_say_once_where_the_server_is() {
        assert_eq!(OPENAPI.matches(OPENAPI_URL).count(), 1);
        for text in [ASYNCAPI_HOST, ASYNCAPI_PATH, ASYNCAPI_PROTOCOL] {
            assert_eq!(ASYNCAPI.matches(text).count(), 1, "{text}");
        }
    }

    /// The paths of a router, which only its `Debug` output tells, without that of its fallback.
    fn paths_of(router: &Router) -> Vec<String> {
        let text = format!("{router:?}");
        let paths = text.split('"').filter(|text| text.starts_with('/') && !text.contains("{*"));
        paths.map(str::to_owned).collect()
    }

    /// Whether the router supports this method for a path.
    async fn knows(router: &Router, method: &str, path: &str) -> bool {
        let path = path.replace(['{', '}'], "x");
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("valid");
        router.clone().oneshot(request).await.expect("infallible").status() != 405
    }

    #[tokio::test]
    async fn the_description_has_the_routes_and_methods_of_the_router_and_no_other() {
        let chat = Chat::new(Router::new()).await;
        let router = crate::http::routes(chat.api());
        let openapi: Value = serde_json::from_str(OPENAPI).expect("JSON");
        let mut described = openapi["paths"].as_object().expect("paths").clone();
        described.remove(&format!("{}/", crate::chat::PATH)).expect("sockets are none of the router");
        let paths = paths_of(&router);
        assert_eq!(described.keys().collect::<BTreeSet<_>>(), paths.iter().collect(), "paths");
        for path in &paths {
            for method in ["get", "head", "post", "put", "patch", "delete", "options", "trace"] {
                let is_described = described[path].get(method).is_some();
                // A GET route answers HEAD as well, which need not be described.
                if method == "head" && !is_described && path != "/files" {
                    continue;
                }
                let is_known = knows(&router, &method.to_uppercase(), path).await;
                assert_eq!(is_known, is_described, "{method} {path}");
            }
        }
    }
}

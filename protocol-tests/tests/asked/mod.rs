//! Who a token is of, as the server sees it.

use harness::http::Response;
use harness::server::Server;

/// What `GET /files`, which every user may ask for, answers to this token.
pub(crate) async fn asks(server: &Server, token: &str) -> Response {
    server.request("GET", "/files").bearer(token).send().await
}

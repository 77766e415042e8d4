//! A request that shows how the server judges a token.

use harness::http::Response;
use harness::server::Server;

/// The answer to `GET /files`, which every user may send, with this token.
pub(crate) async fn asks(server: &Server, token: &str) -> Response {
    server.request("GET", "/files").bearer(token).send().await
}

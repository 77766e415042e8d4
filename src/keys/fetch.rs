//! A key set behind a URL: one request, bounded in every way.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use super::file::MOST_BYTES;
use super::url::JwksUrl;

/// Timeout of a fetch, from the name's resolution to the last byte.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a fetch gives no text that could be a key set.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// There are no certificate authorities.
    #[error("there are no certificate authorities to trust (SSL_CERT_FILE names a file of them): {0}")]
    Authorities(std::io::Error),
    /// The connection failed, TLS included.
    #[error("{0}")]
    Connection(String),
    /// The status is not 200. A redirect is not followed: the URL says which server the keys come from.
    #[error("the answer is {0}")]
    Status(StatusCode),
    /// The answer has too many bytes.
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooLong,
    /// The answer is not text.
    #[error("the answer is not UTF-8")]
    Text,
    /// The answer is too slow.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Patience,
}

/// Fetches the text behind the URL. The certificate authorities are the system's, or those of
/// `SSL_CERT_FILE`. They are read each time, because they change as well.
pub(super) async fn fetch(url: &JwksUrl) -> Result<String, FetchError> {
    tokio::time::timeout(PATIENCE, answer(url)).await.unwrap_or(Err(FetchError::Patience))
}

async fn answer(url: &JwksUrl) -> Result<String, FetchError> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .map_err(FetchError::Authorities)?
        .https_or_http()
        .enable_http1()
        .build();
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let request = Request::get(url.uri().clone())
        .header(USER_AGENT, concat!("longhaul/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .body(Empty::<Bytes>::new())
        .expect("a URI and two constants make a request");
    let answer = client.request(request).await.map_err(|error| FetchError::Connection(causes(&error)))?;
    if answer.status() != StatusCode::OK {
        return Err(FetchError::Status(answer.status()));
    }
    let body = Limited::new(answer.into_body(), MOST_BYTES).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            FetchError::TooLong
        } else {
            FetchError::Connection(causes(&*error))
        }
    })?;
    String::from_utf8(body.to_bytes().into()).map_err(|_| FetchError::Text)
}

/// An error with all its causes: by itself the library only says that it could not connect.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The outcome of a fetch that gets this answer.
    async fn fetched(answer: Vec<u8>) -> Result<String, FetchError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", listener.local_addr().expect("bound"));
        let serve = async {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await.expect("a request");
            // A long answer may not be read to its end.
            let _ = stream.write_all(&answer).await;
        };
        let url = url.parse().expect("a URL");
        let (text, ()) = tokio::join!(fetch(&url), serve);
        text
    }

    #[tokio::test]
    async fn only_a_whole_short_text_is_taken() {
        let of = |head: &str, body: &[u8]| [head.as_bytes(), b"\r\n\r\n", body].concat();
        let close = "HTTP/1.1 200 OK\r\nConnection: close";
        let long = vec![b'x'; MOST_BYTES + 1];
        for (answer, expected) in [
            (of(close, b"{}"), "{}"),
            (of("HTTP/1.1 200 OK\r\nContent-Length: 2", b"{}"), "{}"),
            (of("HTTP/1.1 200 OK\r\nContent-Length: 3", b"{}"), "error"),
            (of("HTTP/1.1 301 Moved\r\nLocation: /other\r\nContent-Length: 0", b""), "is 301"),
            (of("HTTP/1.1 404 Not Found\r\nContent-Length: 2", b"{}"), "is 404"),
            (of("HTTP/1.1 204 No Content", b""), "is 204"),
            (of(close, &long), "more than 1048576 bytes"),
            (of(close, b"\xff"), "not UTF-8"),
            (b"nonsense\r\n\r\n".to_vec(), "invalid HTTP"),
            (Vec::new(), "connection closed"),
        ] {
            let outcome = fetched(answer).await.unwrap_or_else(|error| error.to_string());
            assert!(outcome.contains(expected), "{outcome:.200}: {expected}");
        }
    }

    #[tokio::test]
    async fn nobody_there_is_said_in_words() {
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/keys", free.local_addr().expect("bound")).parse().expect("a URL");
        drop(free);
        let error = fetch(&url).await.expect_err("nobody listens").to_string();
        assert!(error.contains("refused"), "{error}");
    }
}

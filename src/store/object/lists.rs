//! Requests for lists that the client does not have: it signs them, as for a link, and they are sent as they
//! are.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{ClientOptions, Error};
use time::OffsetDateTime;

use crate::store::StoreError;

/// How long the answer to one request may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a signature is good.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// How often a request is sent before it has failed, and how long it waits in between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// The most bytes of an answer, which has a thousand entries.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Sends requests that are signed for the bucket.
pub(super) struct Lists {
    signer: Arc<dyn Signer>,
    client: HttpClient,
}

impl Lists {
    pub(super) fn by(signer: Arc<dyn Signer>, options: ClientOptions) -> Result<Self, Error> {
        Ok(Self { signer, client: ReqwestConnector::default().connect(&options.with_timeout(PATIENCE))? })
    }

    /// The answer to a GET, with the time at which the store gave it, in seconds since 1970; `None` if there
    /// is no such thing.
    pub(super) async fn get(
        &self,
        path: &Path,
        query: &[(&str, &str)],
    ) -> Result<Option<(i64, String)>, StoreError> {
        let mut attempt = 1;
        loop {
            match self.try_get(path, query).await {
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE * attempt).await,
                answer => return answer,
            }
            attempt += 1;
        }
    }

    async fn try_get(
        &self,
        path: &Path,
        query: &[(&str, &str)],
    ) -> Result<Option<(i64, String)>, StoreError> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let url = self.signer.signed_url_opts(Method::GET, path, SIGNED_FOR, &options).await;
        let url = url.map_err(|error| unavailable(&error))?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.as_str().parse().map_err(|error| unavailable(&error))?;
        let answer = self.client.execute(request).await.map_err(|error| unavailable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| unavailable(&error))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let date = head.headers.get("date").and_then(|date| date.to_str().ok()).and_then(seconds_of_date);
        match head.status.as_u16() {
            200 => Ok(Some((date.ok_or_else(|| unavailable(&"an answer without a date"))?, text))),
            404 if !text.contains("<Code>NoSuchBucket</Code>") => Ok(None),
            status => Err(unavailable(&format!("the object store answers {status}: {}", code(&text)))),
        }
    }
}

impl fmt::Debug for Lists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lists")
    }
}

/// The seconds since 1970 of a time in a header.
fn seconds_of_date(text: &str) -> Option<i64> {
    Some(OffsetDateTime::from(httpdate::parse_http_date(text).ok()?).unix_timestamp())
}

/// The code in the text of an error.
fn code(text: &str) -> &str {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
    code.map_or("", |(code, _)| code)
}

fn unavailable(why: &(impl fmt::Display + ?Sized)) -> StoreError {
    StoreError::Unavailable(why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_say_when_and_why() {
        assert_eq!(seconds_of_date("Sun, 29 Nov 2026 21:00:00 GMT"), Some(1_795_986_000));
        assert_eq!(seconds_of_date("tomorrow"), None);
        assert_eq!(code("<Error><Code>AccessDenied</Code></Error>"), "AccessDenied");
        assert_eq!(code("a page of a proxy"), "");
    }
}

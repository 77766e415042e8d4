//! Requests that the client does not have: it signs them, and they are sent as they are, from here or by
//! others, who have no credentials.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{ClientOptions, Error};
use time::OffsetDateTime;
use tokio::time::timeout;

use crate::store::StoreError;

/// How long a signature counts; the clocks of stores differ.
const VALID: Duration = Duration::from_secs(600);
/// How long it waits before a request is sent again, times how often it was sent.
const PAUSE: Duration = Duration::from_millis(500);
/// The most bytes of an answer, which has a thousand entries.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What signs and sends requests.
#[derive(Clone)]
pub(super) struct Signed {
    signer: Arc<dyn Signer>,
    client: HttpClient,
}

/// How long an answer is waited for, and how often it is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    wait: Duration,
    attempts: u32,
}

impl Patience {
    /// Of one for whom a client waits.
    pub(super) const SHORT: Self = Self { wait: Duration::from_secs(10), attempts: 1 };
    /// Of one that asks for many lists, and begins again if one fails.
    pub(super) const LONG: Self = Self { wait: Duration::from_secs(60), attempts: 4 };
}

/// An answer, and when the store gave it, in seconds since 1970.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) at: i64,
    pub(super) text: String,
}

impl Signed {
    pub(super) fn by(signer: Arc<dyn Signer>) -> Result<Self, Error> {
        // Where the addresses lead is the signer's to say.
        let options = ClientOptions::new().with_allow_http(true).with_timeout(Patience::LONG.wait);
        Ok(Self { signer, client: ReqwestConnector::default().connect(&options)? })
    }

    /// The URL of a request that any client may send, for a while.
    pub(super) async fn url(
        &self,
        method: Method,
        path: &Path,
        valid: Duration,
        query: &[(&str, &str)],
    ) -> Result<String, StoreError> {
        let options = SignedUrlOptions::new().with_query(query.iter().copied());
        let url = self.signer.signed_url_opts(method, path, valid, &options).await;
        url.map(String::from).map_err(|error| unavailable(&error))
    }

    /// The answer to a GET; `None` if it asks about an object of parts that does not exist.
    pub(super) async fn get(
        &self,
        path: &Path,
        query: &[(&str, &str)],
        patience: Patience,
    ) -> Result<Option<Answer>, StoreError> {
        let mut attempt = 1;
        loop {
            let answer = timeout(patience.wait, self.try_get(path, query)).await;
            match answer.unwrap_or_else(|_| Err(unavailable("the object store takes too long for a list"))) {
                Err(error) if attempt == patience.attempts => return Err(error),
                Err(_) => tokio::time::sleep(PAUSE * attempt).await,
                answer => return answer,
            }
            attempt += 1;
        }
    }

    async fn try_get(&self, path: &Path, query: &[(&str, &str)]) -> Result<Option<Answer>, StoreError> {
        let url = self.url(Method::GET, path, VALID, query).await?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(|error| unavailable(&error))?;
        let answer = self.client.execute(request).await.map_err(|error| unavailable(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MOST_BYTES).collect().await.map_err(|error| unavailable(&error))?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let date = head.headers.get("date").and_then(|date| date.to_str().ok()).and_then(seconds_of_date);
        match (head.status.as_u16(), code(&text)) {
            (200, _) => {
                Ok(Some(Answer { at: date.ok_or_else(|| unavailable("an answer without a date"))?, text }))
            }
            (404, "NoSuchUpload") => Ok(None),
            (status, code) => Err(unavailable(&format!("the object store answers {status}: {code}"))),
        }
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signed")
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

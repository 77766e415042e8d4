//! Requests that the client does not have, and signs: the list of an object's parts, and what others send,
//! who have no credentials.

use std::sync::Arc;
use std::time::Duration;

use object_store::client::{HttpClient, HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions, Signer};
use object_store::{ClientOptions, Error};
use tokio::time::timeout;

use crate::store::StoreError;

/// How long an answer may take.
const WAIT: Duration = Duration::from_secs(10);
/// How long a signature counts; the clocks of stores differ.
const VALID: Duration = Duration::from_secs(600);

/// What signs and sends requests.
#[derive(Clone)]
pub(super) struct Signed {
    signer: Arc<dyn Signer>,
    client: HttpClient,
}

/// The numbers of parts, from 1, and what names their bytes.
pub(super) type Listed = Vec<(usize, String)>;

impl Signed {
    pub(super) fn by(signer: Arc<dyn Signer>) -> Result<Self, Error> {
        let options = ClientOptions::new().with_allow_http(true).with_timeout(WAIT);
        let client = ReqwestConnector::default().connect(&options)?;
        Ok(Self { signer, client })
    }

    /// The URL of a request that any client may send, for a while.
    pub(super) async fn url(
        &self,
        method: Method,
        path: &Path,
        valid: Duration,
        query: Vec<(&str, String)>,
    ) -> Result<String, StoreError> {
        let options = SignedUrlOptions::new().with_query(query);
        let url = self.signer.signed_url_opts(method, path, valid, &options).await.map_err(failed)?;
        Ok(url.into())
    }

    /// The parts that there are; `None` if there is no such object of parts.
    pub(super) async fn parts(&self, path: &Path, multipart: &str) -> Result<Option<Listed>, StoreError> {
        let (mut parts, mut after) = (Vec::new(), 0);
        loop {
            let Some(page) = self.page(path, multipart, after).await? else { return Ok(None) };
            parts.extend(listed(&page));
            let last = parts.last().map_or(0, |(number, _)| *number);
            if first(&page, "IsTruncated") != Some("true") || last <= after {
                return Ok(Some(parts));
            }
            after = last;
        }
    }

    async fn page(&self, path: &Path, multipart: &str, after: usize) -> Result<Option<String>, StoreError> {
        let query = vec![("uploadId", multipart.to_owned()), ("part-number-marker", after.to_string())];
        let url = self.url(Method::GET, path, VALID, query).await?;
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = url.parse().map_err(failed)?;
        let answer = async {
            let answer = self.client.execute(request).await?;
            let (head, body) = answer.into_parts();
            Ok::<_, object_store::client::HttpError>((head.status, body.bytes().await?))
        };
        let answer = timeout(WAIT, answer).await.map_err(|_| failed("the list of parts takes too long"))?;
        let (status, body) = answer.map_err(failed)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        match status.as_u16() {
            200 => Ok(Some(text)),
            404 if first(&text, "Code") == Some("NoSuchUpload") => Ok(None),
            status => {
                Err(failed(format!("the list of parts: {status} {}", first(&text, "Code").unwrap_or(""))))
            }
        }
    }
}

/// Which of the parts, from 0, are not those that were put.
pub(super) fn other_than(put: &[String], listed: &Listed) -> Vec<usize> {
    let is_same = |idx: usize, content_id: &String| {
        listed.iter().any(|(number, tag)| *number == idx + 1 && content_id.contains(tag.as_str()))
    };
    put.iter()
        .enumerate()
        .filter(|(idx, content_id)| !is_same(*idx, content_id))
        .map(|(idx, _)| idx)
        .collect()
}

fn failed(error: impl ToString) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn listed(page: &str) -> Listed {
    let parts = page.split("<Part>").skip(1);
    let part = |text: &str| {
        let tag = first(text, "ETag")?.replace("&#34;", "\"").replace("&quot;", "\"");
        Some((first(text, "PartNumber")?.parse().ok()?, tag.trim_matches('"').to_owned()))
    };
    parts.filter_map(part).collect()
}

/// The text of the first element of this name.
fn first<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once('<').map(|(text, _)| text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_others_are_named() {
        let page = "<ListPartsResult><IsTruncated>false</IsTruncated>
            <Part><PartNumber>1</PartNumber><ETag>&#34;aa&#34;</ETag></Part>
            <Part><PartNumber>2</PartNumber><ETag>\"bb\"</ETag></Part></ListPartsResult>";
        let listed = listed(page);
        assert_eq!(listed, [(1, "aa".to_owned()), (2, "bb".to_owned())]);
        assert_eq!(first(page, "IsTruncated"), Some("false"));
        for (put, others) in [
            (&["\"aa\"", "\"bb\""][..], &[][..]),
            (&["\"aa\"", "\"cc\"", "\"dd\""], &[1, 2]),
            (&["<PartMetadata><e_tag>\"aa\"</e_tag></PartMetadata>"], &[]),
        ] {
            let put: Vec<_> = put.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(other_than(&put, &listed), others);
        }
    }
}

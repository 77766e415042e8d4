//! URLs under which clients get files from the store itself.

use std::time::Duration;

use longhaul::store::{Payloads, Shown, Source};
use object_store::ClientOptions;
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::signer::Method;

use crate::MIB;
use crate::cluster::{Cluster, bytes, place};

/// An answer: its status, some headers, and its bytes.
struct Answer {
    status: u16,
    headers: object_store::signer::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("")
    }
}

async fn ask(method: Method, url: &str, range: Option<&'static str>) -> Answer {
    let options = ClientOptions::new().with_allow_http(true);
    let client = ReqwestConnector::default().connect(&options).expect("a client");
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = method;
    *request.uri_mut() = url.parse().expect("a URL");
    if let Some(range) = range {
        let value = object_store::signer::HeaderValue::from_static(range);
        request.headers_mut().insert(object_store::signer::HeaderName::from_static("range"), value);
    }
    let (head, body) = client.execute(request).await.expect("answered").into_parts();
    let body = body.bytes().await.expect("readable").to_vec();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

#[tokio::test]
async fn the_store_says_of_a_file_what_it_was_told_to_say() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let length = 5 * MIB + 9;
    let id = node.create(length).await;
    node.send(id, 1, length).await.expect("recorded");
    node.objects.place(id, length, &place(1)).await.expect("placed");
    let source = Source::Placed(place(1), id);
    let shown = Shown {
        is_head: false,
        content_type: "application/octet-stream".into(),
        disposition: "attachment; filename*=UTF-8''n%C3%A9%20%22x%22.html".into(),
        valid: Duration::from_secs(300),
    };
    let url = node.objects.url(&source, &shown).await.expect("there").expect("it signs");
    let head = node.objects.url(&source, &Shown { is_head: true, ..shown.clone() }).await;
    let head = head.expect("there").expect("it signs");
    for (method, url, range, status, body) in [
        (Method::GET, &url, None, 200, Some(0..length)),
        (Method::GET, &url, Some("bytes=2-4"), 206, Some(2..5)),
        (Method::GET, &url, Some("bytes=-3"), 206, Some(length - 3..length)),
        (Method::HEAD, &head, None, 200, None),
    ] {
        let answer = ask(method.clone(), url, range).await;
        assert_eq!(answer.status, status, "{method} {range:?}");
        assert_eq!(answer.header("content-type"), shown.content_type);
        assert_eq!(answer.header("content-disposition"), shown.disposition);
        assert_eq!(answer.header("cache-control"), "private, max-age=300");
        assert_eq!(answer.header("accept-ranges"), "bytes");
        if let Some(body) = body {
            assert!(answer.body == bytes(1, body), "{method} {range:?}");
        }
    }
    assert_eq!(ask(Method::HEAD, &url, None).await.status, 403, "it is signed for one method");
    let page = url.replace("application%2Foctet-stream", "text%2Fhtml");
    assert_ne!(page, url);
    assert_eq!(ask(Method::GET, &page, None).await.status, 403, "nobody makes a page of it");
}

#[tokio::test]
async fn a_file_that_is_gone_has_no_url() {
    let cluster = Cluster::new().await;
    let node = cluster.node();
    let id = node.create(9).await;
    let shown = Shown {
        is_head: false,
        content_type: String::new(),
        disposition: String::new(),
        valid: Duration::ZERO,
    };
    let url = node.objects.url(&Source::Placed(place(1), id), &shown).await;
    assert!(matches!(url, Err(longhaul::store::StoreError::Missing(_))), "{url:?}");
}

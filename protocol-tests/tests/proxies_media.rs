//! Media that a proxy on the same disk sends, with the configurations of `examples/proxies`: clients see no
//! difference.

use std::path::PathBuf;

use harness::chat::Chat;
use harness::http::{Request, Response};
use harness::left_out::left_out;
use harness::reverse_proxy::{Product, ReverseProxy};
use harness::server::Setup;
use serde_json::Value;

const FILM: &[u8] = b"0123456789";

/// What an answer says of a file. When it was asked for, and by which request, is another matter.
const TOLD: [&str; 15] = [
    "content-type",
    "content-length",
    "content-range",
    "content-disposition",
    "cache-control",
    "etag",
    "last-modified",
    "repr-digest",
    "vary",
    "x-content-type-options",
    "content-security-policy",
    "cross-origin-resource-policy",
    "referrer-policy",
    "access-control-allow-origin",
    "access-control-expose-headers",
];

/// The programs that can send files, as far as there are here.
fn products() -> impl Iterator<Item = Product> {
    [Product::Nginx, Product::Caddy].into_iter().filter(|product| !left_out(product.name()))
}

fn setup() -> Setup {
    Setup::default().flag("--trust-forwarded")
}

fn accelerated() -> Setup {
    setup().setting("--media", "accel:/protected/")
}

async fn front(product: Product, chat: &Chat) -> ReverseProxy {
    let media: PathBuf = chat.server.folder().path().join("chats");
    ReverseProxy::start_with_media(product, chat.server.address(), &media).await
}

fn text<'a>(message: &'a Value, key: &str) -> &'a str {
    message[key].as_str().expect("text")
}

/// Requests for a file with this tag and date: the method and further headers.
fn requests(etag: &str, date: &str) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let with = |name, value: &str| (name, value.to_owned());
    let range = || with("Range", "bytes=2-4");
    vec![
        ("GET", vec![]),
        ("HEAD", vec![]),
        ("GET", vec![range()]),
        ("GET", vec![with("Range", "bytes=7-")]),
        ("GET", vec![with("Range", "bytes=-3")]),
        ("GET", vec![with("Range", "bytes=5-99")]),
        ("GET", vec![with("Range", "bytes=10-")]),
        ("GET", vec![with("Range", "bytes=4-2")]),
        ("GET", vec![with("Range", "bytes=0-1,4-5")]),
        ("GET", vec![with("Range", "BYTES=2-4")]),
        ("GET", vec![range(), with("If-Range", etag)]),
        ("GET", vec![range(), with("If-Range", "\"other\"")]),
        ("GET", vec![range(), with("If-Range", date)]),
        ("GET", vec![with("If-None-Match", etag)]),
        ("GET", vec![with("If-None-Match", "\"other\"")]),
        ("GET", vec![range(), with("If-None-Match", "\"other\"")]),
        ("GET", vec![with("If-Match", etag)]),
        ("GET", vec![with("If-Match", "\"other\"")]),
        ("GET", vec![with("If-Modified-Since", date)]),
        ("GET", vec![with("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]),
        ("GET", vec![with("If-Unmodified-Since", date)]),
        ("HEAD", vec![range()]),
    ]
}

/// What a client sees of an answer.
fn seen(answer: &Response) -> (u16, Vec<Option<String>>, Vec<u8>) {
    let headers = TOLD.iter().map(|name| answer.header(name).map(str::to_owned)).collect();
    (answer.status, headers, answer.body.clone())
}

#[tokio::test]
async fn a_member_sees_the_same_whether_server_or_proxy_sends_the_bytes() {
    for product in products() {
        let chat = Chat::on(setup()).await;
        let message = chat.post("n\u{e9} 1.mp4", FILM).await;
        let front = front(product, &chat).await;
        let ask = |method: &str, headers: &[(&str, String)]| {
            let request = chat.request(&chat.bob, method, text(&message, "media_url")).to(front.address());
            let request = request.header("Origin", "https://chat.example");
            headers.iter().fold(request, |request, (name, value)| request.header(name, value))
        };
        let first = ask("GET", &[]).send().await.expecting(200);
        let requests = requests(first.expect("ETag"), first.expect("Last-Modified"));
        let mut served = Vec::new();
        for (method, headers) in &requests {
            served.push(seen(&ask(method, headers).send().await));
        }
        chat.server.restart_with(accelerated()).await;
        for ((method, headers), served) in requests.iter().zip(served) {
            let answer = ask(method, headers).send().await;
            assert_eq!(seen(&answer), served, "{method} {headers:?} by {}", product.name());
            for name in ["x-accel-redirect", "x-sendfile"] {
                assert_eq!(answer.header(name), None, "{name} is between the two servers");
            }
        }
    }
}

#[tokio::test]
async fn a_link_lets_in_through_the_proxy_and_is_kept_as_long() {
    for product in products() {
        let chat = Chat::on(accelerated()).await;
        let message = chat.post("a.mp4", FILM).await;
        let front = front(product, &chat).await;
        let link = Request::new(front.address(), "GET", text(&message, "media_link"));
        let answer = link.send().await.expecting(200);
        assert_eq!(answer.body, FILM);
        assert!(answer.expect("Cache-Control").starts_with("private, max-age="));
        assert_eq!(answer.expect("Referrer-Policy"), "no-referrer");
        assert_eq!(answer.expect("Cross-Origin-Resource-Policy"), "cross-origin");
    }
}

#[tokio::test]
async fn the_answer_names_the_file_and_has_none_of_its_bytes() {
    let chat = Chat::on(accelerated()).await;
    let message = chat.post("n\u{e9}.mp4", FILM).await;
    let (id, url) = (text(&message, "_id"), text(&message, "media_url"));
    for range in [None, Some("bytes=2-4")] {
        let request = chat.request(&chat.bob, "GET", url);
        let request = range.into_iter().fold(request, |request, range| request.header("Range", range));
        let answer = request.send().await.expecting(200);
        assert_eq!((answer.body.len(), answer.number("Content-Length")), (0, 0));
        assert_eq!(answer.expect("X-Accel-Redirect"), format!("/protected/{id}/n%C3%A9.mp4"));
        assert_eq!(answer.expect("X-Sendfile"), format!("/protected/{id}/n\u{e9}.mp4"));
        assert_eq!(answer.expect("Content-Type"), "video/mp4");
        assert_eq!(answer.header("Content-Range"), None);
    }
}

#[tokio::test]
async fn the_proxy_lets_in_only_clients_that_the_server_lets_in() {
    for product in products() {
        let chat = Chat::on(accelerated()).await;
        let message = chat.post("a.mp4", FILM).await;
        let front = front(product, &chat).await;
        let (id, url) = (text(&message, "_id"), text(&message, "media_url"));
        for (request, status) in [
            (chat.request(&chat.eve, "GET", url), 404),
            (chat.server.request("GET", url), 401),
            (chat.server.request("GET", &format!("{}x", text(&message, "media_link"))), 403),
            (chat.request(&chat.bob, "GET", &format!("{url}x")), 404),
            (chat.request(&chat.bob, "GET", &format!("/protected/{id}/a.mp4")), 404),
            (chat.request(&chat.bob, "GET", &format!("/{id}/a.mp4")), 404),
        ] {
            let answer = request.to(front.address()).send().await.expecting(status);
            assert!(!answer.body.ends_with(FILM), "{status}");
        }
        std::fs::remove_file(chat.server.folder().path().join("chats").join(id).join("a.mp4"))
            .expect("there");
        let gone = chat.request(&chat.bob, "GET", url);
        assert_ne!(gone.to(front.address()).send().await.status, 200, "what is gone is not handed over");
    }
}

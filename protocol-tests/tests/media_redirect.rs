//! Media that the object store sends (`--media redirect`): what a client that follows the 307 is told, held
//! against what the server says when it sends the bytes itself.

use harness::cluster::{Cluster, left_out};
use harness::http::{Request, Response};
use harness::server::Setup;
use harness::tus;
use serde_json::Value;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89";
const FILM: &[u8] = b"0123456789";
const PAGE: &[u8] = b"<!doctype html><script>alert(1)</script>";
const DRAWING: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";

/// A file: its name, what it claims to be, its bytes, and how it is to be shown, if it is.
type File = (&'static str, &'static str, &'static [u8], Option<&'static str>);

const FILES: [File; 11] = [
    ("a.mp4", "video/mp4", FILM, Some("video/mp4")),
    ("a.png", "image/png", PNG, Some("image/png")),
    ("a.html", "text/html", PAGE, None),
    ("a.svg", "image/svg+xml", DRAWING, None),
    // What they are shows only in their bytes.
    ("page.png", "image/png", PAGE, None),
    ("drawing.jpg", "image/jpeg", DRAWING, None),
    ("no extension", "text/html; charset=utf-8", PAGE, None),
    ("\"a\"; filename=\"b.html", "text/html", PAGE, None),
    ("n\u{e9} \u{1f600} 'x'*.jpg", "text/html", FILM, Some("image/jpeg")),
    ("\u{6587}\u{4ef6}.pdf", "application/pdf", FILM, None),
    ("empty.mp4", "video/mp4", b"", Some("video/mp4")),
];

/// What both say alike of bytes that they send.
const SAME: [&str; 5] =
    ["content-type", "content-disposition", "content-length", "content-range", "accept-ranges"];

/// What only the server says, or says otherwise, and why.
const OTHER: [(&str, &str); 12] = [
    ("etag", "a store has tags of its own, and a client asks it with those"),
    ("cache-control", "the server speaks of the message's URL, and the store of one that soon ends"),
    ("vary", "who asks does not matter to the store: the URL is all"),
    ("x-request-id", "a store names its requests in its own way"),
    ("repr-digest", "a store says only what a request for an object can ask it to say"),
    ("x-content-type-options", "the same"),
    ("content-security-policy", "the same"),
    ("cross-origin-resource-policy", "the same"),
    ("referrer-policy", "the same"),
    ("access-control-allow-origin", "a store goes by the rules of the bucket"),
    ("access-control-expose-headers", "the same"),
    ("access-control-allow-credentials", "the same"),
];

/// What every answer has, whoever gives it.
const OF_EVERY_ANSWER: [&str; 3] = ["date", "connection", "last-modified"];

/// The headers of a request.
type Headers = Vec<(&'static str, String)>;

fn text<'a>(message: &'a Value, key: &str) -> &'a str {
    message[key].as_str().expect("text")
}

/// Sends a file, and returns its message.
async fn send(cluster: &Cluster, (name, kind, bytes, _): File) -> Value {
    let chat = &cluster.chat;
    let location = tus::create(chat, bytes.len() as u64, &[("filename", name), ("filetype", kind)]).await;
    if !bytes.is_empty() {
        tus::append(chat, &location, 0, bytes).await.expecting(204);
    }
    let head = tus::head(chat, &location).await.expecting(200);
    let target = format!("/messages/{}", head.expect("Chat-Message-Id"));
    chat.request(&chat.bob, "GET", &target).send().await.expecting(200).json()
}

/// Asks for media, and follows a redirection as clients do: by a request with the same headers, without the
/// token.
async fn get(cluster: &Cluster, method: &str, target: &str, headers: &[(&'static str, String)]) -> Response {
    let with =
        |request: Request| headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    let is_link = target.contains("sig=");
    let chat = &cluster.chat;
    let asks =
        if is_link { chat.server.request(method, target) } else { chat.request(&chat.bob, method, target) };
    let answer = with(asks).send().await;
    if answer.status != 307 {
        return answer;
    }
    assert!(answer.body.is_empty());
    let kept = if is_link { "private, max-age=60" } else { "no-store" };
    assert_eq!(answer.expect("Cache-Control"), kept, "it is not kept for as long as its URL is good");
    let store = cluster.s3.address();
    let location = answer.expect("Location");
    assert!(location.starts_with(&format!("http://{store}/")), "{location}");
    with(Request::new(store, method, location)).send().await
}

/// What a client sees of an answer with bytes; of a refusal, whose words are each server's own, the status.
fn seen(answer: &Response) -> (u16, Vec<Option<String>>, &[u8]) {
    if answer.status >= 300 {
        return (answer.status, Vec::new(), &[]);
    }
    let headers = SAME.iter().map(|name| answer.header(name).map(str::to_owned));
    (answer.status, headers.collect(), &answer.body)
}

/// Checks that everything that the server says is known to be the same or to be otherwise, and that what is
/// otherwise is so.
fn differs_as_known(served: &Response, stored: &Response) {
    for (name, value) in served.head.without(&OF_EVERY_ANSWER) {
        let name = name.to_ascii_lowercase();
        if let Some((_, why)) = OTHER.iter().find(|(other, _)| *other == name) {
            assert_ne!(stored.header(&name), Some(value.as_str()), "{name}: {why}?");
        } else {
            assert!(SAME.contains(&name.as_str()), "{name}: {value}, and the store says {stored:?}");
        }
    }
    assert_eq!(stored.expect("Cache-Control"), "private, max-age=300", "no longer than its URL is good");
}

#[tokio::test]
async fn the_store_says_of_every_file_what_the_server_would_say() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 1).await;
    let origin: Headers = vec![("Origin", "https://chat.example".to_owned())];
    let (mut asked, mut served) = (Vec::new(), Vec::new());
    for file in FILES {
        let message = send(&cluster, file).await;
        for way in ["media_url", "media_link"] {
            for method in ["GET", "HEAD"] {
                let target = text(&message, way).to_owned();
                served.push(get(&cluster, method, &target, &origin).await.expecting(200));
                asked.push((method, target, file));
            }
        }
    }
    cluster.chat.server.restart_with(Setup::default().setting("--media", "redirect")).await;
    for ((method, target, (name, _, bytes, shown)), served) in asked.into_iter().zip(served) {
        let stored = get(&cluster, method, &target, &origin).await;
        assert_eq!(seen(&stored), seen(&served), "{method} {target}");
        let expected: &[u8] = if method == "HEAD" { b"" } else { bytes };
        assert_eq!(stored.body, expected, "{method} {target}");
        assert_eq!(stored.expect("Content-Type"), shown.unwrap_or("application/octet-stream"), "{name}");
        let kind = if shown.is_some() { "inline; " } else { "attachment; " };
        assert!(stored.expect("Content-Disposition").starts_with(kind), "{name}: {stored:?}");
        // The server answers an empty file itself.
        if !bytes.is_empty() {
            differs_as_known(&served, &stored);
        }
    }
}

/// Method and headers of a request, and the statuses of server and store if they differ.
type Asked = (&'static str, Headers, Option<(u16, u16)>);

/// Requests with ranges and conditions, for a file with this tag and date; and the statuses of server and
/// store, where they differ, which is the store's to decide: this one takes `bytes` only in small letters,
/// compares no `If-Range`, compares dates by parts of a second, and gives a range of a `HEAD`. An object is
/// never changed, so each of these answers is right.
fn requests(tag: &str, date: &str) -> Vec<Asked> {
    let with = |name, value: &str| (name, value.to_owned());
    let range = || with("Range", "bytes=2-4");
    vec![
        ("GET", vec![], None),
        ("HEAD", vec![], None),
        ("GET", vec![range()], None),
        ("GET", vec![with("Range", "bytes=7-")], None),
        ("GET", vec![with("Range", "bytes=-3")], None),
        ("GET", vec![with("Range", "bytes=5-99")], None),
        ("GET", vec![with("Range", "bytes=10-")], None),
        ("GET", vec![with("Range", "bytes=4-2")], None),
        ("GET", vec![with("Range", "bytes=0-1,4-5")], None),
        ("GET", vec![with("Range", "BYTES=2-4")], Some((206, 200))),
        ("GET", vec![range(), with("If-Range", tag)], None),
        ("GET", vec![range(), with("If-Range", "\"other\"")], Some((200, 206))),
        ("GET", vec![with("If-None-Match", tag)], None),
        ("GET", vec![with("If-None-Match", "\"other\"")], None),
        ("GET", vec![range(), with("If-None-Match", "\"other\"")], None),
        ("GET", vec![with("If-Match", tag)], None),
        ("GET", vec![with("If-Match", "\"other\"")], None),
        ("GET", vec![with("If-Modified-Since", date)], Some((304, 200))),
        ("GET", vec![with("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")], None),
        ("GET", vec![with("If-Unmodified-Since", date)], Some((200, 412))),
        ("HEAD", vec![range()], Some((200, 206))),
    ]
}

#[tokio::test]
async fn the_store_gives_the_ranges_that_the_server_would_give() {
    if left_out() {
        return;
    }
    let cluster = Cluster::start(Setup::default(), 1).await;
    let message = send(&cluster, FILES[0]).await;
    let target = text(&message, "media_url");
    let ask = async || {
        let first = get(&cluster, "GET", target, &[]).await.expecting(200);
        let mut answers = Vec::new();
        for (method, headers, statuses) in requests(first.expect("ETag"), first.expect("Last-Modified")) {
            let answer = get(&cluster, method, target, &headers).await;
            answers.push((format!("{method} {headers:?}"), answer, statuses));
        }
        answers
    };
    let served = ask().await;
    cluster.chat.server.restart_with(Setup::default().setting("--media", "redirect")).await;
    for ((asked, served, statuses), (_, stored, _)) in served.into_iter().zip(ask().await) {
        match statuses {
            None => assert_eq!(seen(&stored), seen(&served), "{asked}"),
            Some(known) => assert_eq!((served.status, stored.status), known, "{asked}"),
        }
    }
}

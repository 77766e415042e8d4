//! The documentation that the server serves.

use std::collections::BTreeSet;

use harness::chat::{Chat, check_code};
use harness::http::{Request, Response};
use harness::left_out::left_out;
use harness::script::Script;
use harness::server::{Server, Setup};
use serde_json::json;

const DOCUMENTS: [&str; 9] =
    ["overview", "front-end", "api", "events", "errors", "operation", "settings", "bounds", "moving"];

async fn get(server: &Server, path: &str) -> Response {
    server.request("GET", path).send().await
}

/// The values of this attribute in a document.
fn values(html: &str, attribute: &str) -> Vec<String> {
    let begin = format!(" {attribute}=\"");
    let rests = html.split(&begin).skip(1);
    rests.map(|rest| rest.split('"').next().expect("an end").to_owned()).collect()
}

/// Checks that every link of every document leads to a page of this server, below this path.
async fn check(server: &Server, base: &str) {
    let index = get(server, &format!("{base}/docs")).await.expecting(200);
    assert_eq!(index.body, get(server, &format!("{base}/docs/overview")).await.expecting(200).body);
    let mut seen = BTreeSet::new();
    for name in DOCUMENTS {
        let page = get(server, &format!("{base}/docs/{name}/")).await.expecting(200);
        assert_eq!(page.expect("Content-Type"), "text/html; charset=utf-8");
        assert!(page.expect("Content-Security-Policy").starts_with("default-src 'none'; style-src 'self'"));
        let text = page.text();
        assert!(text.contains(&format!("<base href=\"{base}/docs/\">")), "{name}");
        let links = values(&text, "href").into_iter().skip(1).filter(|link| !link.starts_with("https://"));
        seen.extend(links.map(|link| match link.strip_prefix("../") {
            Some(file) => format!("{base}/{file}"),
            None => format!("{base}/docs/{}", link.split('#').next().unwrap_or_default()),
        }));
    }
    assert!(seen.len() > DOCUMENTS.len() + 3, "{seen:?}");
    for path in seen {
        get(server, &path).await.expecting(200);
    }
}

#[tokio::test]
async fn the_documentation_is_there_for_everybody_with_a_key_in_a_demo_and_without_a_page() {
    for setup in [Setup::default(), Setup::default().demo(), Setup::default().setting("--web", "off")] {
        check(&setup.start().await, "").await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    check(&Setup::default().setting("--web", folder.path().display()).start().await, "").await;
}

#[tokio::test]
async fn the_documentation_is_below_the_base_path_only() {
    let server = Setup::default().base_path("/chat").start().await;
    check(&server, "/chat").await;
    for path in ["/docs", "/docs/api", "/openapi.json", "/asyncapi.json"] {
        check_code(&Request::new(server.address(), "GET", path).send().await, 404, "not_found");
    }
}

#[tokio::test]
async fn the_descriptions_say_where_this_server_is() {
    let plain = Setup::default().start().await;
    let below = Setup::default().base_path("/chat").flag("--trust-forwarded").start().await;
    for (server, base, forwarded, url, host, protocol) in [
        (&plain, "", &[][..], "/", "chat.example:8000", "ws"),
        (&below, "/chat", &[], "/chat", "chat.example:8000", "ws"),
        (
            &below,
            "/chat",
            &[
                ("X-Forwarded-Prefix", "/edge"),
                ("X-Forwarded-Proto", "https"),
                ("X-Forwarded-Host", "a.example"),
            ],
            "/edge/chat",
            "a.example",
            "wss",
        ),
    ] {
        let ask = async |file: &str| {
            let request =
                server.request("GET", &format!("{base}/{file}")).header("Host", "chat.example:8000");
            let request =
                forwarded.iter().fold(request, |request, (name, value)| request.header(name, value));
            let answer = request.send().await.expecting(200);
            assert_eq!(answer.expect("Content-Type"), "application/json");
            answer.json()
        };
        assert_eq!(ask("openapi.json").await["servers"][0]["url"], url);
        let events = &ask("asyncapi.json").await["servers"]["here"];
        let path = format!("{}/socket.io/", url.trim_end_matches('/'));
        assert_eq!((&events["host"], &events["pathname"]), (&host.into(), &path.into()));
        assert_eq!(events["protocol"], protocol);
    }
}

#[tokio::test]
async fn tools_on_other_pages_may_read_it_and_caches_ask_whether_it_is_still_the_same() {
    let chat = Chat::start().await;
    for path in ["/openapi.json", "/asyncapi.json", "/docs/errors"] {
        let ask = || chat.server.request("GET", path).header("Origin", "https://tools.example");
        let answer = ask().send().await.expecting(200);
        assert_eq!(answer.expect("Access-Control-Allow-Origin"), "*");
        assert_eq!(answer.expect("Cache-Control"), "no-cache");
        let again = ask().header("If-None-Match", answer.expect("ETag")).send().await.expecting(304);
        assert!(again.body.is_empty());
    }
}

/// Looks at the documents in a browser, in the sizes of a phone and a desk, in light and dark.
#[tokio::test]
async fn nothing_is_wrong_with_how_a_document_looks() {
    if left_out("chromium") {
        return;
    }
    let server = Setup::default().start().await;
    let config = json!({
        "browser": "chromium", "profile": server.scratch("profile"), "url": format!("{}/docs/", server.url()),
        "documents": DOCUMENTS,
    });
    let browser = Script::start("docs", &config);
    let looks = browser.saw("seen").await;
    assert_eq!(looks, json!(DOCUMENTS.len() * 4));
    assert_eq!(browser.all("fault"), Vec::<serde_json::Value>::new());
}

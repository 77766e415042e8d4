//! nginx, HAProxy and Caddy in front of the server, with the configurations of `examples/proxies`: clients
//! survive restarts, and nothing is lost or changed on the way.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::chat::Chat;
use harness::content::Content;
use harness::http::Request;
use harness::left_out::left_out;
use harness::multipart::Form;
use harness::note::note;
use harness::proxy::{Conditions, Direction};
use harness::reverse_proxy::{Product, ReverseProxy};
use harness::script::{Script, socket};
use harness::sending::Sending;
use harness::server::Setup;
use harness::{tus, wait};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// The versions of tus-js-client, by their names in `clients/package.json`.
const LIBRARIES: [&str; 2] = ["tus-js-client", "tus-js-client-5"];

/// How long the server is away. The test does not wait for anything meanwhile: the clients have to bear it.
const AWAY: Duration = Duration::from_millis(1500);

/// How the server ends.
#[derive(Debug, Clone, Copy)]
enum Going {
    Terminated,
    Killed,
}

impl Going {
    /// Ends the server, and starts it again after a while. Returns how many bytes went over the network until
    /// then: those that the client had already sent of the failed request, too.
    async fn and_coming_back(self, sending: &Sending) -> u64 {
        let server = &sending.chat.server;
        match self {
            Self::Terminated => {
                server.terminate();
                server.ended(wait::BOUND).await;
            }
            Self::Killed => server.kill().await,
        }
        tokio::time::sleep(AWAY).await;
        let sent = sending.proxy.carried(Direction::Up);
        server.restart().await;
        sent
    }
}

fn setup() -> Setup {
    Setup::default().flag("--trust-forwarded")
}

/// A chat with this proxy in front of it.
async fn stage(product: Product, setup: Setup) -> (Chat, ReverseProxy) {
    let chat = Chat::on(setup).await;
    let front = ReverseProxy::start(product, chat.server.address()).await;
    note(format_args!("behind {}", product.name()));
    (chat, front)
}

/// The proxies that are installed here.
fn products() -> impl Iterator<Item = Product> {
    Product::ALL.into_iter().filter(|product| !left_out(product.name()))
}

#[tokio::test]
async fn a_restart_behind_nginx_costs_a_wait_and_no_byte() {
    a_restart_costs_a_wait_and_no_byte(Product::Nginx).await;
}

#[tokio::test]
async fn a_restart_behind_haproxy_costs_a_wait_and_no_byte() {
    a_restart_costs_a_wait_and_no_byte(Product::HaProxy).await;
}

#[tokio::test]
async fn a_restart_behind_caddy_costs_a_wait_and_no_byte() {
    a_restart_costs_a_wait_and_no_byte(Product::Caddy).await;
}

/// A restart costs the client a wait, but no byte twice. The network is slow, so that the upload is half done
/// when the server ends.
async fn a_restart_costs_a_wait_and_no_byte(product: Product) {
    if left_out(product.name()) {
        return;
    }
    for library in LIBRARIES {
        for going in [Going::Terminated, Going::Killed] {
            note(format_args!("with {library}, {going:?}"));
            let (chat, front) = stage(product, setup()).await;
            let slow = Conditions { up_bytes_per_sec: Some(8 * MIB), ..Conditions::default() };
            let sending = Sending::behind(chat, front.address(), 32 * MIB, slow).await;
            let client = start(&sending, library);
            let secured = sending.secured(&client, 8 * MIB).await;
            let sent = going.and_coming_back(&sending).await;
            check_went_on(&sending, &client).await;
            sending.check_sent_again(sent - secured);
        }
    }
}

/// All buffers are full when the server ends: the client has to notice the answer while it still sends.
#[tokio::test]
async fn an_upload_at_full_speed_goes_on_after_a_restart() {
    const SIZE: u64 = 256 * MIB;
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        let sending = Sending::behind(chat, front.address(), SIZE, Conditions::default()).await;
        let client = start(&sending, LIBRARIES[0]);
        let secured = sending.secured(&client, 8 * MIB).await;
        assert!(client.all("success").is_empty(), "it is still on its way");
        let sent = Going::Killed.and_coming_back(&sending).await;
        check_went_on(&sending, &client).await;
        sending.check_sent_again(sent - secured);
    }
}

fn start(sending: &Sending, library: &str) -> Script {
    let mut config = sending.config(json!({}));
    config["library"] = json!(library);
    Script::start("tus", &config)
}

/// Checks that there is one message of one upload, which was created once and for which nothing went wrong.
async fn check_went_on(sending: &Sending, client: &Script) {
    sending.check(client).await;
    let answers = client.all("answer");
    let creations = answers.iter().filter(|answer| answer["method"] == "POST").count();
    assert_eq!(creations, 1, "it was not started again: {answers:?}");
    assert!(client.all("error").is_empty(), "{:?}", client.all("error"));
}

/// A page of another origin can read the answers that a proxy makes, and preflight requests say so.
#[tokio::test]
async fn a_proxy_without_its_server_answers_a_423_that_every_client_can_read() {
    const ORIGIN: &str = "https://chat.example";
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        chat.server.kill().await;
        for method in ["HEAD", "PATCH", "POST", "GET", "DELETE"] {
            let request = Request::new(front.address(), method, "/files/0123").header("Origin", ORIGIN);
            let answer = request.send().await;
            assert_eq!(answer.status, 423, "{method}: {:?}", answer.head);
            for (name, value) in
                [("Retry-After", "1"), ("Tus-Resumable", "1.0.0"), ("Access-Control-Allow-Origin", ORIGIN)]
            {
                assert_eq!(answer.expect(name), value, "{method}");
            }
            assert!(answer.expect("Access-Control-Expose-Headers").contains("Retry-After"), "{method}");
            if method != "HEAD" {
                assert_eq!(answer.json()["code"], "restarting", "{method}");
            }
        }
        let preflight = Request::new(front.address(), "OPTIONS", "/files/0123")
            .header("Origin", ORIGIN)
            .header("Access-Control-Request-Method", "PATCH")
            .header("Access-Control-Request-Headers", "authorization,upload-offset");
        let preflight = preflight.send().await;
        assert!(matches!(preflight.status, 200 | 204), "{:?}", preflight.head);
        assert_eq!(preflight.expect("Access-Control-Allow-Headers"), "authorization,upload-offset");
        assert!(preflight.expect("Access-Control-Allow-Methods").contains("PATCH"));
    }
}

#[tokio::test]
async fn the_servers_own_answers_pass_as_they_are() {
    for product in products() {
        let (chat, front) = stage(product, setup().setting("--reserve", next_to_the_whole_disk())).await;
        let busy = Request::new(front.address(), "GET", "/readyz").send().await.expecting(503);
        assert_eq!(busy.json()["detail"], "no room");
        let full = tus::creation_in_chat(&chat, 5);
        let direct = full.clone().send().await;
        assert_eq!(full.to(front.address()).send().await.text(), direct.text());
        for (path, status) in [("/files/0123", 401), ("/nothing", 404)] {
            let answer = Request::new(front.address(), "GET", path).send().await.expecting(status);
            assert!(answer.json()["detail"].is_string(), "{path}");
        }
    }
}

/// A reserve of almost the whole disk, so that there is no room.
fn next_to_the_whole_disk() -> u64 {
    let disk = rustix::fs::statvfs(std::env::temp_dir()).expect("the folder is on a disk");
    (disk.f_blocks - 1) * disk.f_frsize
}

#[tokio::test]
async fn urls_name_the_proxy_and_its_port() {
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        // The proxy overwrites the forwarding headers of a client.
        let creation = tus::creation_in_chat(&chat, 5)
            .to(front.address())
            .header("Host", front.address())
            .header("X-Forwarded-Host", "evil.example")
            .header("X-Forwarded-Proto", "https")
            .header("X-Forwarded-Port", "1")
            .header("X-Forwarded-Prefix", "/evil")
            .header("Forwarded", "host=evil.example;proto=https");
        let created = creation.send().await.expecting(201);
        let location = created.expect("Location");
        assert!(location.starts_with(&format!("{}/files/", front.url())), "{location}");
    }
}

/// Long headers come from tokens of users in many groups. If HEAD were answered with a 4xx, a client would
/// give up all progress.
#[tokio::test]
async fn long_headers_pass() {
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        let location = tus::create(&chat, 5, &[("filename", "a.txt")]).await;
        let head = tus::request(&chat, &chat.alice, "HEAD", &location).to(front.address());
        let head = head.header("Cookie", "x".repeat(20_000)).send().await.expecting(200);
        assert_eq!(head.number("Upload-Offset"), 0);
    }
}

#[tokio::test]
async fn below_a_path_every_way_in_works_through_a_proxy() {
    for product in products() {
        let (chat, front) = stage(product, setup().base_path("/chat")).await;
        let url = format!("{}/chat", front.url());
        let (mut sender, member) = connected(&chat, &url, "websocket").await;
        check_socket(&chat, &mut sender, &member).await;
        let form = Form::of("b.txt", b"hello", &chat.conversation);
        let sent =
            form.into_request(chat.one_shot(&chat.alice)).to(front.address()).send().await.expecting(200);
        let media = sent.json()["message"]["media_url"].as_str().expect("text").to_owned();
        assert!(media.starts_with("/chat/uploads/chats/"), "{media}");
        let read = chat.request(&chat.bob, "GET", &media).to(front.address()).send().await.expecting(200);
        assert_eq!(read.body, b"hello");

        let conversation = chat.another_conversation().await;
        let chat = Chat { conversation, ..chat };
        let sending = Sending::behind(chat, front.address(), 3 * MIB, Conditions::default()).await;
        let client = Script::start("tus", &sending.config(json!({"parallelUploads": 2})));
        let url = client.saw("success").await["url"].as_str().expect("text").to_owned();
        assert!(url.starts_with(&format!("{}/chat/files/", sending.proxy.url())), "{url}");
        let message = sending.chat.first_message().await;
        assert_eq!(message["sha256"], sending.content.sha256());
    }
}

#[tokio::test]
async fn one_shots_of_any_size_arrive_whole() {
    const SIZE: u64 = 24 * MIB;
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        let (video, path) = (Content::random(SIZE), chat.server.scratch("holiday.mp4"));
        video.write_to(&path);
        let answer =
            fetch(&chat, &format!("{}/messages/upload", front.url()), &chat.alice.token, &path).await;
        assert_eq!(answer["status"], 200, "{answer}");
        let message = answer["body"]["message"].clone();
        assert_eq!(chat.media_digest(&message).await, (SIZE, video.sha256()));

        // nginx 1.22 speaks HTTP/2 without TLS only on a port of its own, where it speaks nothing else.
        let versions = match product {
            Product::Nginx => &["--http1.1"][..],
            Product::HaProxy | Product::Caddy => &["--http1.1", "--http2-prior-knowledge"],
        };
        for version in versions.iter().filter(|_| !left_out("curl")) {
            let message = curl(&chat, &front, &path, version)["message"].clone();
            assert_eq!(chat.media_digest(&message).await, (SIZE, video.sha256()), "{version}");
        }
    }
}

async fn fetch(chat: &Chat, url: &str, token: &str, path: &Path) -> Value {
    let config = json!({
        "url": url,
        "token": token,
        "file": path,
        "type": "video/mp4",
        "fields": {"conversation_id": chat.conversation},
    });
    Script::start("fetch", &config).saw("answer").await
}

fn curl(chat: &Chat, front: &ReverseProxy, path: &Path, version: &str) -> Value {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", version])
        .args(["-H", &format!("Authorization: Bearer {}", chat.alice.token)])
        .args(["-F", &format!("file=@{}", path.display())])
        .args(["-F", &format!("conversation_id={}", chat.conversation)])
        .arg(format!("{}/messages/upload", front.url()))
        .output()
        .expect("curl can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("curl printed the answer")
}

#[tokio::test]
async fn sockets_pass_over_both_transports() {
    for product in products() {
        let (chat, front) = stage(product, setup()).await;
        for transport in ["websocket", "polling"] {
            note(transport);
            let (mut sender, member) = connected(&chat, &front.url(), transport).await;
            check_socket(&chat, &mut sender, &member).await;
        }
    }
}

async fn connected(chat: &Chat, url: &str, transport: &str) -> (Script, Script) {
    let sender = socket(url, &chat.alice.token, &[transport]).await;
    (sender, socket(url, &chat.bob.token, &[transport]).await)
}

/// Checks that a small and a large message are acknowledged, and announced to the other member.
async fn check_socket(chat: &Chat, sender: &mut Script, member: &Script) {
    for (name, size) in [("a.txt", 5), ("b.mp4", 6 * MIB)] {
        let path = chat.server.scratch(name);
        let content = Content::random(size);
        content.write_to(&path);
        let data = json!({"conversation_id": chat.conversation, "file_name": name, "type": "file"});
        sender.order(&json!({"emit": "send_message", "data": data, "file": path, "ack": name})).await;
        let ack = sender.saw_with("ack", |ack| ack["of"] == name).await;
        let message = ack["answer"]["message"].clone();
        assert_eq!(message["sha256"], content.sha256(), "{ack}");
        assert_eq!(member.saw_with("new_message", |seen| seen["_id"] == message["_id"]).await, message);
    }
}

#[tokio::test]
async fn a_refusal_can_be_read_while_the_client_still_sends() {
    for product in products() {
        let (chat, front) = stage(product, setup().setting("--max-oneshot-size", 30 * MIB)).await;
        let path = chat.server.scratch("refused.mp4");
        Content::random(48 * MIB).write_to(&path);
        let named = format!("/messages/upload?conversation_id={}", chat.conversation);
        for (route, token, status) in [
            ("/messages/upload", "no token at all", 401),
            (named.as_str(), chat.eve.token.as_str(), 403),
            ("/messages/upload", chat.alice.token.as_str(), 413),
        ] {
            let answer = fetch(&chat, &format!("{}{route}", front.url()), token, &path).await;
            assert_eq!(answer["status"], status, "{answer}");
            assert!(answer["body"]["detail"].is_string(), "{answer}");
        }
        assert!(chat.messages().await.is_empty());
    }
}

/// The lines of configuration in the documentation are lines of the tested files.
#[test]
fn the_documentation_shows_lines_of_the_tested_file() {
    let document = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../src/docs/operation.md"));
    let document = document.expect("there is a document");
    let example = fs::read_to_string(Product::Nginx.example()).expect("there is an example");
    let known: Vec<_> = example.lines().map(str::trim).collect();
    let (_, shown) = document.split_once("```nginx\n").expect("the document shows some of it");
    let (shown, _) = shown.split_once("```").expect("and ends");
    assert!(shown.lines().count() > 3);
    for line in shown.lines().map(str::trim) {
        assert!(known.contains(&line), "{line}");
    }
}

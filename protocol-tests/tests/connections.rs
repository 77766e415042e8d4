//! Connections: how long they may rest, how fast clients must read, and the address for operations, which
//! always has room.

use std::net::SocketAddr;

use harness::chat::{Chat, check_detail};
use harness::content::Content;
use harness::http::{Connection, Request};
use harness::proxy::{Conditions, Proxy};
use harness::server::{Server, Setup};
use harness::wait;
use serde_json::Value;
use tokio::net::TcpStream;

const MIB: u64 = 1 << 20;
/// The size of a film: more than all buffers on its way hold.
const FILM: u64 = 32 * MIB;
/// The headers of a WebSocket's opening handshake, without its first line and its end.
const OPENING: &str = "Host: chat.example\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";

#[tokio::test]
async fn a_connection_that_had_an_answer_outlives_those_that_never_said_anything() {
    let server = Setup::default().setting("--header-timeout", 1).start().await;
    let request = server.request("GET", "/healthz");
    let mut kept = Connection::open(server.address()).await;
    for _ in 0..3 {
        assert_eq!(kept.request(&request).await.status, 200);
        Connection::open(server.address()).await.gone().await;
    }
    assert_eq!(kept.request(&request).await.status, 200);
}

#[tokio::test]
async fn a_connection_rests_no_longer_than_the_keep_alive_timeout() {
    let setup = Setup::default().setting("--header-timeout", 600).setting("--keep-alive-timeout", 1);
    let server = setup.start().await;
    let mut kept = Connection::open(server.address()).await;
    assert_eq!(kept.request(&server.request("GET", "/healthz")).await.status, 200);
    assert_eq!(kept.gone().await, b"", "it ends without a word");
}

#[tokio::test]
async fn a_header_that_drips_after_an_answer_has_the_time_of_a_header() {
    let setup = Setup::default().setting("--header-timeout", 1).setting("--keep-alive-timeout", 600);
    let server = setup.start().await;
    let mut kept = Connection::open(server.address()).await;
    assert_eq!(kept.request(&server.request("GET", "/healthz")).await.status, 200);
    kept.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\nX-").await;
    wait::bounded("it is cut off", async { while kept.pour(b"a").await {} }).await;
}

#[tokio::test]
async fn an_http2_connection_rests_no_longer_than_the_timeouts() {
    let setup = Setup::default().setting("--header-timeout", 1).setting("--keep-alive-timeout", 2);
    let server = setup.start().await;
    let (_silent, ended) = http2(server.address()).await;
    wait::bounded("one without a request ends", ended).await.expect("no panic");

    let (mut client, ended) = http2(server.address()).await;
    assert_eq!(get(&mut client, "/healthz", "").await.status(), 200);
    wait::bounded("one that rests ends", ended).await.expect("no panic");
}

#[tokio::test]
async fn stalled_readers_give_their_places_up_and_never_block_operations() {
    let setup = Setup::default()
        .setting("--max-connections", 6)
        .setting("--send-timeout", 2)
        .setting("--ops-listen", "127.0.0.1:0");
    let chat = Chat::on(setup).await;
    let film = chat.post("film.mp4", &Content::random(FILM).bytes()).await;
    let request = chat.request(&chat.bob, "GET", film["media_url"].as_str().expect("text"));
    let mut stalled = Vec::new();
    for _ in 0..6 {
        let mut connection = request.open().await;
        assert_eq!(connection.head().await.status, 200);
        stalled.push(connection);
    }
    for path in ["/healthz", "/readyz", "/metrics"] {
        Request::new(operations(&chat.server), "GET", path).send().await.expecting(200);
    }
    chat.server.request("GET", "/healthz").send().await.expecting(200);
    drop(stalled);
}

#[tokio::test]
async fn a_slow_reader_that_makes_progress_gets_all_of_it() {
    let chat = Chat::on(Setup::default().setting("--send-timeout", 1)).await;
    let content = Content::random(12 * MIB);
    let film = chat.post("film.mp4", &content.bytes()).await;
    let conditions = Conditions { down_bytes_per_sec: Some(2 * MIB), ..Conditions::default() };
    let line = Proxy::under(chat.server.address(), conditions).await;
    let request = Request::new(line.address(), "GET", film["media_url"].as_str().expect("text"));
    let answer = request.bearer(&chat.bob.token).send().await.expecting(200);
    assert!(answer.body == content.bytes());
}

/// Only the stream is reset: its connection is shared with others, and goes on.
#[tokio::test]
async fn a_stream_of_http2_whose_client_makes_no_room_is_reset() {
    let chat = Chat::on(Setup::default().setting("--send-timeout", 1)).await;
    let film = chat.post("film.mp4", &Content::random(MIB).bytes()).await;
    let path = film["media_url"].as_str().expect("text");
    let (mut client, ended) = http2(chat.server.address()).await;
    let mut unread = get(&mut client, path, &chat.bob.token).await;
    let reset = async {
        loop {
            match unread.body_mut().data().await {
                // The client reads the bytes, but does not enlarge the window.
                Some(Ok(_)) => {}
                Some(Err(error)) => return error,
                None => panic!("the film is larger than the room that there is"),
            }
        }
    };
    assert!(wait::bounded("the stream ends", reset).await.is_reset());

    let mut read = get(&mut client, path, &chat.bob.token).await;
    let mut length = 0;
    while let Some(data) = read.body_mut().data().await {
        let data = data.expect("whole");
        length += data.len() as u64;
        read.body_mut().flow_control().release_capacity(data.len()).expect("it was taken");
    }
    assert_eq!(length, MIB);
    drop(client);
    ended.abort();
}

#[tokio::test]
async fn a_websocket_holds_its_place() {
    let setup = Setup::default()
        .setting("--max-connections", 2)
        .setting("--ops-listen", "127.0.0.1:0")
        .setting("--keep-alive-timeout", 600);
    let chat = Chat::on(setup).await;
    let mut sockets = Vec::new();
    for _ in 0..2 {
        sockets.push(websocket(&chat, "Upgrade: websocket\r\nConnection: Upgrade\r\n").await);
    }
    let mut waiting = chat.server.request("GET", "/healthz").open().await;
    let operations = Request::new(operations(&chat.server), "GET", "/healthz").send();
    tokio::select! {
        biased;
        answer = waiting.answer() => panic!("there was no room for it: {answer:?}"),
        answer = operations => assert_eq!(answer.status, 200),
    }
    sockets.pop();
    assert_eq!(waiting.answer().await.status, 200);
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let server = Server::start().await;
    for (what, head, status) in [
        ("none", "GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("two", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("two that differ", "GET /healthz HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        ("an empty one", "GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", 400),
        ("one that is none", "GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("the target's alone", "GET http://a/healthz HTTP/1.1\r\n\r\n", 400),
        ("both", "GET http://a/healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        ("an address of IPv6", "GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
        ("an old client", "GET /healthz HTTP/1.0\r\n\r\n", 200),
    ] {
        let mut connection = Connection::open(server.address()).await;
        connection.send(head.as_bytes()).await;
        let answer = connection.answer().await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        if status != 200 {
            check_detail(&answer, status);
            assert!(!answer.expect("X-Request-Id").is_empty());
        }
    }
}

#[tokio::test]
async fn what_cannot_become_a_websocket_is_told_so_at_once() {
    let chat = Chat::start().await;
    let (version, upgrade) =
        ("Sec-WebSocket-Version: 13\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n");
    for (what, headers) in [
        ("what a proxy dropped", version.to_owned()),
        ("half of it", format!("{version}Connection: Upgrade\r\n")),
        ("another protocol", format!("{version}Upgrade: h2c\r\nConnection: Upgrade\r\n")),
        ("another version", format!("{upgrade}Sec-WebSocket-Version: 8\r\n")),
        ("no version", upgrade.to_owned()),
        ("two keys", format!("{upgrade}{version}Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n")),
    ] {
        let mut connection = Connection::open(chat.server.address()).await;
        let head = format!("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n{OPENING}{headers}\r\n");
        connection.send(head.as_bytes()).await;
        let answer = connection.answer().await;
        check_detail(&answer, 400);
        assert_eq!(answer.expect("Sec-WebSocket-Version"), "13", "{what}");
    }
    for headers in [
        "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n",
        "upgrade: h2c, websocket\r\nconnection: UPGRADE\r\n",
    ] {
        websocket(&chat, headers).await;
    }
}

/// Opens a WebSocket with these headers.
async fn websocket(chat: &Chat, headers: &str) -> Connection {
    let mut connection = Connection::open(chat.server.address()).await;
    let target = "/socket.io/?EIO=4&transport=websocket";
    let head = format!("GET {target} HTTP/1.1\r\n{OPENING}Sec-WebSocket-Version: 13\r\n{headers}\r\n");
    connection.send(head.as_bytes()).await;
    assert_eq!(connection.head().await.status, 101, "{headers}");
    connection
}

/// The address for operations, as the server printed it.
fn operations(server: &Server) -> SocketAddr {
    let printed = server.printed();
    let line = printed.iter().find_map(|line| line.strip_prefix("health and metrics on http://"));
    line.expect("it is printed").parse().expect("an address")
}

type Client = h2::client::SendRequest<std::io::Cursor<Vec<u8>>>;

/// A client of HTTP/2 with a small window for each answer, and the task of its connection.
async fn http2(address: SocketAddr) -> (Client, tokio::task::JoinHandle<()>) {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    // The connection's window has room for other answers beside a stalled one.
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(64 << 10).initial_connection_window_size(8 << 20);
    let (client, connection) = builder.handshake(stream).await.expect("the server speaks HTTP/2");
    let ended = tokio::spawn(async move { drop(connection.await) });
    (client, ended)
}

async fn get(client: &mut Client, path: &str, token: &str) -> http::Response<h2::RecvStream> {
    let request = http::Request::get(format!("http://chat.example{path}"));
    let request = request.header("authorization", format!("Bearer {token}")).body(()).expect("valid");
    let mut ready = client.clone().ready().await.expect("the connection lives");
    let (answer, _) = ready.send_request(request, true).expect("the connection lives");
    wait::bounded("an answer", answer).await.expect("the server answers")
}

#[tokio::test]
async fn the_address_for_operations_has_nothing_else() {
    let chat = Chat::on(Setup::default().setting("--ops-listen", "127.0.0.1:0")).await;
    let address = operations(&chat.server);
    for path in ["/files", "/", "/socket.io/?EIO=4&transport=polling", "/conversations/x/messages"] {
        check_detail(&Request::new(address, "GET", path).send().await, 404);
    }
    check_detail(&Request::new(address, "POST", "/healthz").send().await, 405);
    let answer =
        Request::new(address, "GET", "/metrics").header("Origin", "http://evil.example").send().await;
    assert!(answer.header("Access-Control-Allow-Origin").is_none(), "{:?}", answer.head);
    let health: Value = chat.server.request("GET", "/healthz").send().await.expecting(200).json();
    assert_eq!(health["alive"], true, "they stay where they were");
}

//! Clients that attack the server over HTTP/2: each sends frames that the library accepts, loses its
//! connection, and costs other users nothing.

use std::time::{Duration, Instant};

use harness::chat::Chat;
use harness::http::Connection;
use harness::issuer::{Issuer, Says, SigningKey, key_set};
use harness::note::note;
use harness::server::Setup;
use harness::token::Token;
use harness::wait;

mod well;

use well::{ALLOWED, is_well};

/// How long an attack goes on.
const TEN_SECONDS: Duration = Duration::from_secs(10);

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const UNKNOWN: u8 = 77;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ENHANCE_YOUR_CALM: u8 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame is small").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The beginning of a connection: the preface, and settings with this window for each answer.
fn beginning(window: u32) -> Vec<u8> {
    let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &settings)].concat()
}

/// A HEADERS frame with each field as a literal (RFC 7541 §6.2.2).
fn headers(stream: u32, flags: u8, method: &str, path: &str, token: &str) -> Vec<u8> {
    let token = format!("Bearer {token}");
    let fields = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "chat.example"),
        ("authorization", &token),
    ];
    let mut block = Vec::new();
    for (name, value) in fields {
        for text in [name, value] {
            if text == name {
                block.push(0);
            }
            match u8::try_from(text.len()) {
                Ok(length) if length < 127 => block.push(length),
                // A long length goes on in further bytes, seven bits each.
                _ => {
                    let rest = text.len() - 127;
                    block.extend([127, u8::try_from(rest & 0x7f).expect("seven bits") | 0x80]);
                    block.push(u8::try_from(rest >> 7).expect("a short text"));
                }
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    frame(HEADERS, flags, stream, &block)
}

/// A flood of frames that cost the server more than they carry: its beginning, and the frame of each number.
struct Flood {
    what: &'static str,
    beginning: Vec<u8>,
    next: fn(u32) -> Vec<u8>,
}

fn floods() -> Vec<Flood> {
    let request = headers(1, END_HEADERS, "POST", "/files", "x");
    let flood = |what, next| Flood { what, beginning: Vec::new(), next };
    vec![
        flood("settings", |_| frame(SETTINGS, 0, 0, &[])),
        flood("settings of windows", |_| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0xff, 0xff])),
        flood("pings", |_| frame(PING, 0, 0, &[7; 8])),
        flood("answers to pings that were none", |_| frame(PING, 1, 0, &[7; 8])),
        flood("priorities", |number| frame(PRIORITY, 0, 2 * number + 1, &[0, 0, 0, 0, 1])),
        flood("room of a byte", |_| frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        flood("unknown frames", |_| frame(UNKNOWN, 0, 0, &[])),
        flood("requests that are withdrawn", |number| {
            let stream = 2 * number + 1;
            let request = headers(stream, END_HEADERS | END_STREAM, "GET", "/files", "x");
            [request, frame(RESET, 0, stream, &[0, 0, 0, 8])].concat()
        }),
        Flood { what: "nothing of a body", beginning: request, next: |_| frame(DATA, 0, 1, &[]) },
        Flood {
            what: "nothing of a header",
            beginning: headers(1, 0, "GET", "/", "x"),
            next: |_| frame(CONTINUATION, 0, 1, &[]),
        },
    ]
}

/// The error code of the server's GOAWAY before it closed the connection, if it sent one.
async fn last_words(connection: &mut Connection) -> Option<u8> {
    let heard = connection.gone().await;
    let mut at = 0;
    let mut reason = None;
    while let Some(head) = heard.get(at..at + 9) {
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        if head[3] == GOAWAY {
            reason = heard.get(at + 9 + 7).copied();
        }
        at += 9 + length;
    }
    reason
}

/// Checks that other users are served.
async fn others_are_served(chat: &Chat) {
    chat.server.request("GET", "/healthz").send().await.expecting(200);
    let message = chat.post("meanwhile.txt", b"x").await;
    assert_eq!(message["file_size"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn floods_of_frames_end_their_connection() {
    let chat = Chat::start().await;
    for flood in floods() {
        let mut connection = Connection::open(chat.server.address()).await;
        connection.send(&[beginning(65_535), flood.beginning].concat()).await;
        let frames: Vec<_> = (1..5000).map(flood.next).collect();
        // The server may close the connection in the middle.
        _ = connection.try_send(&frames.concat()).await;
        assert_eq!(last_words(&mut connection).await, Some(ENHANCE_YOUR_CALM), "{}", flood.what);
    }
    is_well(&chat, ALLOWED).await;
    let metrics = chat.server.request("GET", "/metrics").send().await.expecting(200).text();
    assert!(metrics.contains("longhaul_connections_ended_total"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_users_are_served_during_floods() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let end = Instant::now() + TEN_SECONDS;
    let attackers = floods().into_iter().map(|flood| {
        let address = chat.server.address();
        let frames: Vec<_> = (1..5000).map(flood.next).collect();
        let frames = [beginning(65_535), flood.beginning, frames.concat()].concat();
        tokio::spawn(async move {
            let mut ended = 0_u32;
            while Instant::now() < end {
                let mut connection = Connection::open(address).await;
                _ = connection.try_send(&frames).await;
                assert_eq!(last_words(&mut connection).await, Some(ENHANCE_YOUR_CALM), "{}", flood.what);
                ended += 1;
            }
            ended
        })
    });
    let attackers: Vec<_> = attackers.collect();
    while Instant::now() < end {
        others_are_served(&chat).await;
    }
    let mut ended = 0;
    for attacker in attackers {
        ended += attacker.await.expect("an attacker");
    }
    note(format_args!("{ended} connections were ended"));
    is_well(&chat, ALLOWED).await;
}

/// The server's initial windows, of the connection and of each stream.
async fn windows(connection: &mut Connection) -> (usize, usize) {
    let (mut whole, mut each) = (65_535, 65_535);
    // The server may answer the first ping before it enlarges the windows.
    let mut pings = 2;
    loop {
        let (kind, flags, payload) = next_frame(connection).await;
        let number = |at: usize| {
            let bytes = payload[at..].first_chunk().expect("four bytes");
            usize::try_from(u32::from_be_bytes(*bytes)).expect("a window")
        };
        match kind {
            // The server's first settings.
            SETTINGS if flags & 1 == 0 => {
                for at in (0..payload.len()).step_by(6).filter(|at| payload[*at..].starts_with(&[0, 4])) {
                    each = number(at + 2);
                }
                connection.send(&frame(SETTINGS, 1, 0, &[])).await;
            }
            WINDOW_UPDATE => whole += number(0),
            PING if pings == 1 => return (whole, each),
            PING => {
                pings -= 1;
                connection.send(&frame(PING, 0, 0, &[2; 8])).await;
            }
            _ => {}
        }
    }
}

async fn next_frame(connection: &mut Connection) -> (u8, u8, Vec<u8>) {
    let head = connection.exactly(9).await;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    (head[3], head[4], connection.exactly(length).await)
}

/// Requests whose tokens name an unknown key wait for the issuer, and their bodies are not read meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_hold_little_memory_before_their_token_is_verified() {
    let _alone = harness::heavy::alone().await;
    let known = SigningKey::named("known");
    let issuer = Issuer::start(Says::Keys(key_set(&[&known]))).await;
    let server = Setup::default().keys("--jwt-jwks", issuer.url()).start().await;
    issuer.says(Says::Nothing);
    let token = Token::of("alice@example.com").mint_with(&SigningKey::named("made up"));
    let ping = frame(PING, 0, 0, &[1; 8]);
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut connection = Connection::open(server.address()).await;
        connection.send(&[beginning(65_535), ping.clone()].concat()).await;
        let (mut whole, each) = windows(&mut connection).await;
        let mut attack = Vec::new();
        for stream in (1..128).step_by(2) {
            attack.extend(headers(stream, END_HEADERS, "POST", "/messages", &token));
            let some = whole.min(each);
            whole -= some;
            let body = vec![b'a'; some];
            body.chunks(16_384).for_each(|piece| attack.extend(frame(DATA, 0, stream, piece)));
        }
        attack.extend_from_slice(&ping);
        connection.send(&attack).await;
        while next_frame(&mut connection).await.0 != PING {}
        server.request("GET", "/healthz").send().await.expecting(200);
        held.push(connection);
    }
    let peak = server.peak_memory();
    note(format_args!("at most {} KiB were resident", peak >> 10));
    // Beyond the usual, the server holds the first window of each connection and 64 requests.
    assert!(peak < ALLOWED + (32 << 20), "{peak} bytes were resident");
}

/// Each stream makes the server hold a piece of a film. All streams together may hold 512 MiB.
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_read_nothing_are_ended_when_their_answers_hold_too_much() {
    let _alone = harness::heavy::alone().await;
    let chat = Chat::start().await;
    let film = chat.post("film.mp4", &vec![7; 2 << 20]).await;
    let path = film["media_url"].as_str().expect("text");
    let requests =
        (1..128).step_by(2).map(|id| headers(id, END_HEADERS | END_STREAM, "GET", path, &chat.bob.token));
    let attack = [beginning(0), requests.collect::<Vec<_>>().concat()].concat();
    let is_any_ended = async || {
        let metrics = chat.server.request("GET", "/metrics").send().await.text();
        !metrics.contains("longhaul_connections_ended_total 0\n")
    };
    let mut readers = Vec::new();
    // A piece is at least 64 KiB long while it is not read, so that these connections would hold a GiB.
    while readers.len() < 256 && !is_any_ended().await {
        let mut connection = Connection::open(chat.server.address()).await;
        connection.send(&attack).await;
        let mut answered = 0;
        while answered < 64 {
            let (kind, _, _) = next_frame(&mut connection).await;
            answered += usize::from(kind == HEADERS);
        }
        readers.push(connection);
        others_are_served(&chat).await;
    }
    note(format_args!("{} connections with 64 answers that nobody reads", readers.len()));
    wait::until_true("some of them are ended", is_any_ended).await;
    is_well(&chat, ALLOWED + (600 << 20)).await;
}

/// Each unread stream keeps a file open, and a piece of it in memory.
#[tokio::test(flavor = "multi_thread")]
async fn unread_streams_count_as_connections() {
    let setup = Setup::default().setting("--max-connections", 20).setting("--send-timeout", 2);
    let chat = Chat::on(setup).await;
    let film = chat.post("film.mp4", &vec![7; 2 << 20]).await;
    let path = film["media_url"].as_str().expect("text");
    let stream = tokio::net::TcpStream::connect(chat.server.address()).await.expect("the server listens");
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(0);
    let (client, connection) =
        builder.handshake::<_, std::io::Cursor<Vec<u8>>>(stream).await.expect("HTTP/2");
    let ended = tokio::spawn(connection);
    let (mut taken, mut refused) = (Vec::new(), 0);
    for _ in 0..40 {
        let request = http::Request::get(format!("http://chat.example{path}"))
            .header("authorization", format!("Bearer {}", chat.bob.token))
            .body(())
            .expect("valid");
        let mut ready = client.clone().ready().await.expect("the connection lives");
        let (answer, _) = ready.send_request(request, true).expect("the connection lives");
        let answer = wait::bounded("an answer", answer).await.expect("the server answers");
        match answer.status().as_u16() {
            200 => taken.push(answer),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(taken.len() <= 20 && refused >= 20, "{} were taken, {refused} refused", taken.len());
    // The unread streams are closed, which frees their places.
    others_are_served(&chat).await;
    ended.abort();
}

//! Requests with two contradicting lengths, which a proxy and the server could read differently.

use harness::chat::Chat;
use harness::http::Connection;
use harness::tus;

const PATCHED: &str =
    "Content-Type: application/offset+octet-stream\r\nTus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n";

/// A PATCH whose chunked body is exactly this text.
fn patch(chat: &Chat, location: &str, chunks: &str) -> Vec<u8> {
    let token = &chat.alice.token;
    format!(
        "PATCH {location} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n{PATCHED}\
         Transfer-Encoding: chunked\r\n\r\n{chunks}"
    )
    .into_bytes()
}

async fn connection(chat: &Chat) -> Connection {
    Connection::open(chat.server.request("GET", "/").address()).await
}

#[tokio::test]
async fn a_blank_after_the_size_of_a_chunk_ends_the_connection() {
    let chat = Chat::start().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    for chunks in ["5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n", "5 ;a=b\r\nhello\r\n0\r\n\r\n"] {
        let location = tus::create_unbound(&chat, 5).await;
        let mut connection = connection(&chat).await;
        connection.send(&patch(&chat, &location, &format!("{chunks}{hidden}"))).await;
        let answers = String::from_utf8_lossy(&connection.gone().await).into_owned();
        assert!(!answers.contains(" 204 ") && !answers.contains(" 200 "), "{chunks:?}: {answers}");
        assert_eq!(tus::offset(&chat, &location).await, 0, "{chunks:?}");
    }
    let location = tus::create_unbound(&chat, 5).await;
    let mut connection = connection(&chat).await;
    connection.send(&patch(&chat, &location, "005;a= b\r\nhello\r\n0\r\n\r\n")).await;
    assert_eq!(connection.answer().await.expecting(204).number("Upload-Offset"), 5);
    connection.send(hidden.as_bytes()).await;
    connection.answer().await.expecting(200);
}

/// A cache does not know `X-HTTP-Method-Override`: it would give the empty answer to every later GET.
#[tokio::test]
async fn an_answer_to_another_method_than_was_sent_is_for_no_cache_and_says_no_length() {
    let chat = Chat::start().await;
    let message = chat.post("a.png", b"\x89PNG\r\n\x1a\nrest").await;
    let media = message["media_url"].as_str().expect("a path");
    let listing = format!("/conversations/{}/messages", chat.conversation);
    for target in [media, &listing, "/healthz"] {
        let request = || chat.server.request("GET", target).bearer(&chat.alice.token);
        let as_head = request().header("Tus-Resumable", "1.0.0").header("X-HTTP-Method-Override", "HEAD");
        let mut connection = connection(&chat).await;
        for _ in 0..2 {
            let answer = connection.request(&as_head).await.expecting(200);
            assert_eq!(answer.header("Content-Length"), None, "{target}");
            assert_eq!(answer.expect("Cache-Control"), "no-store", "{target}");
            assert!(answer.body.is_empty(), "{target}");
        }
        assert!(!connection.request(&request()).await.expecting(200).body.is_empty(), "{target}");
    }
}

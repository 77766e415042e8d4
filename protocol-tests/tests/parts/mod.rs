//! Partial uploads, and final ones of them.

use harness::chat::Chat;
use harness::content::Content;
use harness::http::Request;
use harness::tus;
use serde_json::Value;

/// Sizes of parts that are no round numbers.
pub(crate) const SIZES: [u64; 3] = [70_001, 5, 100_003];

/// Creates a part of this length, and returns its URL.
pub(crate) async fn part(chat: &Chat, length: u64) -> String {
    let creation = tus::creation(chat, &chat.alice, "/files", length).header("Upload-Concat", "partial");
    creation.send().await.expecting(201).expect("Location").to_owned()
}

/// Creates a part and sends all of its bytes.
pub(crate) async fn complete_part(chat: &Chat, bytes: &[u8]) -> String {
    let location = part(chat, bytes.len() as u64).await;
    tus::append(chat, &location, 0, bytes).await.expecting(204);
    location
}

/// Cuts a content into parts of these sizes, sends them, and returns their URLs.
pub(crate) async fn parts_of(chat: &Chat, content: &Content, sizes: &[u64]) -> Vec<String> {
    let (mut urls, mut start) = (Vec::new(), 0);
    for size in sizes {
        urls.push(complete_part(chat, &content.slice(start..start + size)).await);
        start += size;
    }
    urls
}

pub(crate) fn concat_of(urls: &[String]) -> String {
    format!("final;{}", urls.join(" "))
}

pub(crate) fn final_upload(chat: &Chat, target: &str, urls: &[String], pairs: &[(&str, &str)]) -> Request {
    tus::request(chat, &chat.alice, "POST", target)
        .header("Upload-Concat", concat_of(urls))
        .header("Upload-Metadata", tus::metadata(pairs))
}

pub(crate) fn final_in_chat(chat: &Chat, urls: &[String], pairs: &[(&str, &str)]) -> Request {
    final_upload(chat, &format!("/conversations/{}/files", chat.conversation), urls, pairs)
}

pub(crate) async fn joined(chat: &Chat, urls: &[String], pairs: &[(&str, &str)]) -> String {
    final_in_chat(chat, urls, pairs).send().await.expecting(201).expect("Location").to_owned()
}

/// Checks that HEAD of a final upload with complete parts tells its message, and returns the message. The
/// server holds the answer until the message is made.
pub(crate) async fn is_told(chat: &Chat, location: &str, length: u64) -> Value {
    let head = tus::head(chat, location).await.expecting(200);
    let message = chat.only_message().await;
    assert_eq!((head.number("Upload-Offset"), head.number("Upload-Length")), (length, length));
    assert_eq!(head.expect("Chat-Message-Id"), message["_id"].as_str().expect("text"));
    message
}

pub(crate) async fn ends(chat: &Chat, urls: &[String]) {
    for url in urls {
        tus::request(chat, &chat.alice, "DELETE", url).send().await.expecting(204);
    }
}

//! Digests: the one that a creation announces, and the one that the server computes.

use data_encoding::{BASE64, HEXLOWER};
use harness::chat::{Chat, check_detail};
use harness::content::{Content, sha256};
use harness::server::Setup;
use harness::tus;
use serde_json::json;

mod created;

use created::create;

#[tokio::test]
async fn a_right_digest_is_accepted_in_hex_and_in_base64() {
    let chat = Chat::start().await;
    let content = Content::random(1000).bytes();
    let hex = sha256(&content);
    let base64 = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).expect("a digest is hex"));
    for digest in [&hex, &base64, &hex.to_uppercase()] {
        let location = tus::create(&chat, 1000, &[("sha256", digest)]).await;
        tus::append(&chat, &location, 0, &content).await.expecting(204);
    }
    let messages = chat.messages().await;
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message["sha256"] == hex));
}

#[tokio::test]
async fn with_digests_off_only_announced_digests_are_computed() {
    let chat = Chat::on(Setup::default().setting("--digest", "off")).await;
    chat.post("a.bin", b"hello").await;
    let digest = sha256(b"hello");
    for pairs in [&[][..], &[("sha256", &digest[..])]] {
        let location = tus::create(&chat, 5, pairs).await;
        tus::append(&chat, &location, 0, b"hello").await.expecting(204);
    }
    let mut known = Vec::new();
    for message in chat.messages().await {
        let media = chat.media(&message).await;
        assert_eq!(media.body, b"hello");
        assert_eq!(media.head.values("Repr-Digest").next().is_some(), message["sha256"] != json!(null));
        known.push(message["sha256"].clone());
    }
    assert_eq!(known, [json!(digest), json!(null), json!(null)], "newest first");
    let wrong = tus::create(&chat, 5, &[("sha256", &sha256(b"other")[..])]).await;
    let refused = tus::append(&chat, &wrong, 0, b"hello").await;
    assert!((400..500).contains(&refused.status), "{}", refused.status);
    chat.check_folders().await;
}

#[tokio::test]
async fn a_wrong_digest_is_rejected_and_stays_so() {
    let chat = Chat::start().await;
    let pairs = [("sha256", &sha256(b"other")[..]), ("client_message_id", "wrong")];
    let location = tus::create(&chat, 5, &pairs).await;
    let last = tus::append(&chat, &location, 0, b"hello").await;
    let detail = check_detail(&last, last.status);
    assert!((400..500).contains(&last.status), "{}", last.status);

    let document = chat.status(&location).await.expecting(200).json();
    assert_eq!((&document["state"], &document["detail"]), (&json!("rejected"), &json!(detail)));
    assert_eq!(document["message"], json!(null));
    let again = create(&chat, 5, &pairs).await;
    assert_eq!((check_detail(&again, again.status), again.status), (detail, last.status));
    assert!(chat.messages().await.is_empty());
    chat.check_folders().await;
}

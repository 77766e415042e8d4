//! tuspy, the tus client of Python, in its ways of sending. Each ends by reading the message and comparing the
//! bytes.

use protocol_tests::{Chat, Content, Proxy, Script, Step, left_out, note};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// A file to send, on a stage of its own, behind a bad network.
struct Sender {
    chat: Chat,
    proxy: Proxy,
    video: Content,
}

impl Sender {
    async fn new(size: u64, plan: Vec<(u64, Step)>) -> Self {
        let chat = Chat::start().await;
        let proxy = Proxy::start(chat.server.address(), plan).await;
        let video = Content::random(size);
        video.write_to(&chat.server.scratch("clip.mp4"));
        Self { chat, proxy, video }
    }

    fn config(&self, is_async: bool, options: Value) -> Value {
        json!({
            "endpoint": format!("{}/conversations/{}/files", self.proxy.url(), self.chat.conversation),
            "token": self.chat.alice.token,
            "file": self.chat.server.scratch("clip.mp4"),
            "metadata": {"filename": "clip.mp4", "filetype": "video/mp4", "client_message_id": "clip-1"},
            "async": is_async,
            "options": options,
        })
    }

    /// Waits until the client is through, and checks that it has in its hands the one message there is, with
    /// the bytes that it sent.
    async fn check(&self, client: &Script) {
        let success = client.saw("success").await;
        let message = self.chat.only_message().await;
        assert_eq!(success["message_id"], message["_id"], "{success}");
        assert_eq!(message["sha256"], self.video.sha256());
        assert_eq!(self.chat.media(&message).await.body, self.video.bytes());
        self.chat.check_folders().await;
    }
}

#[tokio::test]
async fn every_way_of_sending_becomes_one_message() {
    if left_out("python") {
        return;
    }
    let ways = [json!({}), json!({"chunk_size": MIB}), json!({"chunk_size": MIB, "upload_checksum": true})];
    for is_async in [false, true] {
        for options in &ways {
            note(format_args!("async: {is_async}, {options}"));
            let sender = Sender::new(3 * MIB + 17, Vec::new()).await;
            let client = Script::start_python("tuspy", &sender.config(is_async, options.clone()));
            sender.check(&client).await;
        }
    }
}

/// Told that all bytes are there, it asks for the result with an empty PATCH at the end.
#[tokio::test]
async fn a_lost_last_answer_makes_no_second_message_and_the_client_learns_which_it_is() {
    if left_out("python") {
        return;
    }
    for is_async in [false, true] {
        for options in [
            json!({"retries": 3, "retry_delay": 0}),
            json!({"retries": 3, "retry_delay": 0, "chunk_size": MIB}),
        ] {
            note(format_args!("async: {is_async}, {options}"));
            let size = 2 * MIB + 500_000;
            let sender = Sender::new(size, vec![(size - 1000, Step::LoseAnswer)]).await;
            let client = Script::start_python("tuspy", &sender.config(is_async, options));
            sender.check(&client).await;
            assert!(sender.proxy.is_done(), "the answer was lost");
        }
    }
}

#[tokio::test]
async fn a_client_that_was_killed_goes_on_where_it_was() {
    if left_out("python") {
        return;
    }
    let sender = Sender::new(16 * MIB, vec![(10 * MIB, Step::Hold)]).await;
    let mut config = sender.config(false, json!({"chunk_size": 4 * MIB}));
    config["urlStorage"] = json!(sender.chat.server.scratch("urls.json"));
    let mut first = Script::start_python("tuspy", &config);
    let url = first.saw("accepted").await["url"].clone();
    sender.proxy.held().await;
    first.kill().await;

    let second = Script::start_python("tuspy", &config);
    let open = second.saw("open").await;
    assert_eq!(open["url"], url, "it found the upload again");
    assert!(open["offset"].as_u64() >= Some(8 * MIB), "and what was acknowledged: {open}");
    sender.check(&second).await;
}

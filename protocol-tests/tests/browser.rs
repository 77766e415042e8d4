//! Headless Chromium: tus-js-client, Uppy, and what a page does without them, from another origin than the
//! server's. Each ends by reading the message and comparing the bytes.

use protocol_tests::{Chat, Content, Proxy, Script, Step, alone, left_out, note, tus, wait};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

/// The size of the blob.
const BLOB: u64 = 50_000_000;

/// The libraries, by the names that `clients/page.js` gives them.
const CLIENTS: [&str; 3] = ["tus-js-client", "tus-js-client-5", "uppy"];

/// A page with a file chosen in it, and a bad network between it and the server.
struct Page {
    chat: Chat,
    proxy: Proxy,
    blob: Content,
    browser: Script,
}

impl Page {
    async fn open(size: u64, plan: Vec<(u64, Step)>) -> Self {
        let chat = Chat::start().await;
        let proxy = Proxy::start(chat.server.address(), plan).await;
        let blob = Content::random(size);
        let file = chat.server.scratch("evening.mp4");
        blob.write_to(&file);
        let config = json!({"file": file, "profile": chat.server.scratch("profile")});
        let browser = Script::start("browser", &config);
        browser.saw("open").await;
        Self { chat, proxy, blob, browser }
    }

    /// Lets the page do this, and waits until it has begun.
    async fn obeys(&mut self, order: Value) {
        self.browser.order(&order).await;
        self.browser.saw_with("done", |done| *done == order).await;
    }

    /// The order to upload the file with this library.
    fn upload(&self, client: &str, options: Value) -> Value {
        json!({
            "do": "start",
            "client": client,
            "endpoint": format!("{}/conversations/{}/files", self.proxy.url(), self.chat.conversation),
            "token": self.chat.alice.token,
            "metadata": {"filename": "evening.mp4", "filetype": "video/mp4", "client_message_id": "evening-1"},
            "options": options,
        })
    }

    /// Waits until the upload is through, and checks that the page has in its hands the one message there is.
    async fn check_upload(&mut self) {
        let success = self.browser.saw("success").await;
        let message = self.chat.only_message().await;
        assert_eq!(success["message_id"], message["_id"], "{success}");
        self.check(&message).await;
    }

    /// The same for an upload in parts. The last answer that the library gets comes before they are joined, so a
    /// page asks by HEAD.
    async fn check_joined(&mut self) {
        let url = self.browser.saw("success").await["url"].clone();
        let head = tus::head(&self.chat, url.as_str().expect("a URL is a string")).await.expecting(200);
        let message = self.chat.only_message().await;
        assert_eq!(head.expect("Chat-Message-Id"), message["_id"]);
        tus::end_parts(&self.chat, &[&self.browser]).await;
        self.check(&message).await;
    }

    /// Checks that the message has the bytes of the file, and ends the browser.
    async fn check(&mut self, message: &Value) {
        assert_eq!(self.chat.media_digest(message).await, (self.blob.len(), self.blob.sha256()));
        assert_eq!(message["sha256"], self.blob.sha256());
        self.chat.check_folders().await;
        for event in ["error", "page error"] {
            assert!(self.browser.all(event).is_empty(), "{:?}", self.browser.all(event));
        }
        assert!(self.browser.end().await.success());
    }

    /// Checks that so many uploads were created, and that no more than a few megabytes went over the network twice.
    fn check_never_started_again(&self, created: usize) {
        let answers = self.browser.all("answer");
        let creations = answers.iter().filter(|answer| answer["method"] == "POST").count();
        assert_eq!(creations, created, "it was not started again: {answers:?}");
        let twice = self.proxy.carried().saturating_sub(BLOB);
        assert!(twice < 9 * MIB, "{twice} bytes were sent twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_paused_and_resumed_becomes_one_message() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for client in CLIENTS {
        note(format_args!("with {client}"));
        let mut page = Page::open(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = page.upload(client, json!({}));
        page.obeys(order).await;
        page.proxy.held().await;
        page.obeys(json!({"do": "pause"})).await;
        page.obeys(json!({"do": "resume"})).await;
        page.check_upload().await;
        page.check_never_started_again(1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_reloaded_in_the_middle_goes_on_where_it_was() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    let whole = CLIENTS.map(|client| (client, json!({})));
    let in_chunks = [("uppy", json!({"chunkSize": 5_000_000}))];
    for (client, options) in whole.into_iter().chain(in_chunks) {
        note(format_args!("with {client}, {options}"));
        let mut page = Page::open(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = page.upload(client, options);
        page.obeys(order.clone()).await;
        page.proxy.held().await;
        page.obeys(json!({"do": "reload"})).await;
        page.browser.order(&order).await;
        page.check_upload().await;
        page.check_never_started_again(1);
    }
}

/// The parts and what they are joined to are five uploads; those of the page before the reload are gone on with.
#[tokio::test(flavor = "multi_thread")]
async fn parts_sent_in_parallel_survive_a_reload_and_become_one_message() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for client in CLIENTS {
        note(format_args!("with {client}"));
        let mut page = Page::open(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = page.upload(client, json!({"parallelUploads": 4}));
        page.obeys(order.clone()).await;
        page.proxy.held().await;
        wait::until_true("the parts are remembered", async || page.browser.all("answer").len() >= 4).await;
        page.obeys(json!({"do": "reload"})).await;
        page.browser.order(&order).await;
        page.check_joined().await;
        page.check_never_started_again(5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_by_a_page_becomes_one_message() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for client in ["fetch", "XMLHttpRequest", "axios"] {
        note(format_args!("with {client}"));
        let mut page = Page::open(BLOB, Vec::new()).await;
        let order = one_shot(&page, client, &page.chat.alice.token);
        page.obeys(order).await;
        let told = page.browser.saw("message").await;
        let message = page.chat.only_message().await;
        assert_eq!(told, message, "the page was given the message");
        assert_eq!(message["content"], "look");
        page.check(&message).await;
    }
}

/// A browser tells its page of no answer that it could not read: neither one that came too early for it, nor one
/// that lacks what other origins need.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_read_why_it_was_refused_while_it_was_sending() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for client in ["fetch", "XMLHttpRequest"] {
        let mut page = Page::open(BLOB, Vec::new()).await;
        let order = one_shot(&page, client, &page.chat.eve.token);
        page.obeys(order).await;
        let refused = page.browser.saw("refused").await;
        assert_eq!(refused["message"], "You are not a participant in this conversation", "{client}");
        assert!(page.browser.end().await.success());
    }
}

fn one_shot(page: &Page, client: &str, token: &str) -> Value {
    json!({
        "do": "oneShot",
        "client": client,
        "to": {"server": page.proxy.url(), "token": token},
        "conversation": page.chat.conversation,
        "options": {"content": "look"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sends_and_hears_over_either_transport_of_socket_io() {
    if left_out("chromium") {
        return;
    }
    let _alone = alone().await;
    for transports in [json!(["polling"]), json!(["websocket"]), json!(["polling", "websocket"])] {
        note(&transports);
        let mut page = Page::open(300_000, Vec::new()).await;
        let auth = json!({"token": page.chat.alice.token});
        let url = page.proxy.url();
        page.obeys(json!({"do": "connect", "url": url, "auth": auth, "transports": transports})).await;
        page.browser.saw("connect").await;
        let conversation = page.chat.conversation.clone();
        let order =
            json!({"do": "send", "conversation_id": conversation, "type": "file", "file_name": "a.bin"});
        page.obeys(order).await;
        let ack = page.browser.saw("ack").await;
        let message = page.chat.only_message().await;
        assert_eq!(ack, json!({"success": true, "message": message}));
        assert_eq!(page.browser.saw("new_message").await, message);
        page.check(&message).await;
    }
}

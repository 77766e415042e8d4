//! Uploads from pages in headless Chromium, of another origin than the server's: with tus-js-client, with
//! Uppy, and without a library. Each test ends by reading the message and comparing the bytes.

use harness::left_out::left_out;
use harness::note::note;
use harness::proxy::Step;
use harness::wait;
use serde_json::{Value, json};

mod opened;

use opened::{Browser, Page};

const MIB: u64 = 1 << 20;

/// The size of the blob.
const BLOB: u64 = 50_000_000;

/// The libraries, by the names that `clients/page.js` gives them.
const CLIENTS: [&str; 3] = ["tus-js-client", "tus-js-client-5", "uppy"];

impl Page<'_> {
    /// The order to upload the file with this library.
    fn upload(&self, client: &str, options: Value) -> Value {
        let mut order = self.sending.config(options);
        order["do"] = json!("start");
        order["client"] = json!(client);
        order
    }

    /// Checks how many uploads were created, and that at most `twice` bytes were sent twice.
    fn check_never_started_again(&self, created: usize, twice: u64) {
        let answers = self.browser.all("answer");
        let creations = answers.iter().filter(|answer| answer["method"] == "POST").count();
        assert_eq!(creations, created, "it was not started again: {answers:?}");
        self.sending.check_sent_again(twice);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_paused_and_resumed_becomes_one_message() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for client in CLIENTS {
        note(format_args!("with {client}"));
        let mut page = browser.page(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = page.upload(client, json!({}));
        page.obeys(order).await;
        page.sending.proxy.held().await;
        let secured = page.sending.secured(page.browser, 8 * MIB).await;
        page.obeys(json!({"do": "pause"})).await;
        page.obeys(json!({"do": "resume"})).await;
        page.sending.check(page.browser).await;
        page.check_never_started_again(1, BLOB / 2 - secured);
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_reloaded_in_the_middle_goes_on_where_it_was() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    let whole = CLIENTS.map(|client| (client, json!({})));
    let in_chunks = [("uppy", json!({"chunkSize": 5_000_000}))];
    for (client, options) in whole.into_iter().chain(in_chunks) {
        note(format_args!("with {client}, {options}"));
        let mut page = browser.page(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = page.upload(client, options);
        page.obeys(order.clone()).await;
        page.sending.proxy.held().await;
        let secured = page.sending.secured(page.browser, 8 * MIB).await;
        page.obeys(json!({"do": "reload"})).await;
        page.browser.order(&order).await;
        page.sending.check(page.browser).await;
        page.check_never_started_again(1, BLOB / 2 - secured);
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

/// Four parts and their final upload are five uploads: the page goes on with those from before the reload.
/// When the network holds a connection, more bytes are on their way than three of the parts have.
#[tokio::test(flavor = "multi_thread")]
async fn parts_sent_in_parallel_survive_a_reload_and_become_one_message() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for client in CLIENTS {
        note(format_args!("with {client}"));
        let mut page = browser.page(BLOB, vec![(BLOB / 8 * 7, Step::Hold)]).await;
        let order = page.upload(client, json!({"parallelUploads": 4}));
        page.obeys(order.clone()).await;
        page.sending.proxy.held().await;
        let secured = page.sending.secured(page.browser, 8 * MIB).await;
        wait::until_true("the parts are remembered", async || page.browser.all("answer").len() >= 4).await;
        page.obeys(json!({"do": "reload"})).await;
        page.browser.order(&order).await;
        page.sending.check_joined(&[page.browser]).await;
        page.check_never_started_again(5, BLOB - secured);
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_by_a_page_becomes_one_message() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for client in ["fetch", "XMLHttpRequest", "axios"] {
        note(format_args!("with {client}"));
        let mut page = browser.page(BLOB, Vec::new()).await;
        let order = one_shot(&page, client, &page.sending.chat.alice.token);
        page.obeys(order).await;
        let told = page.browser.saw("message").await;
        let message = page.sending.chat.only_message().await;
        assert_eq!(told, message, "the page was given the message");
        assert_eq!(message["content"], "look");
        page.sending.check_message(&message).await;
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

/// The code of the README, with which applications begin.
const PUBLISHED: [&str; 1] = ["readme"];

fn as_published(page: &Page, lines: &str, caption: &str) -> Value {
    json!({
        "do": "sendAsPublished",
        "lines": lines,
        "to": {"server": page.sending.proxy.url(), "token": page.sending.chat.alice.token},
        "conversation": page.sending.chat.conversation,
        "caption": caption,
    })
}

/// The file is sent once, once more with another caption, and once more with the same one.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_sent_again_on_purpose_is_another_message() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for lines in PUBLISHED {
        note(lines);
        let mut page = browser.page(3 * MIB + 17, Vec::new()).await;
        for (count, caption) in ["first", "second", "second"].into_iter().enumerate() {
            page.browser.forget();
            let order = as_published(&page, lines, caption);
            page.obeys(order).await;
            let shown = page.browser.saw("shown").await;
            let messages = page.sending.chat.messages().await;
            assert_eq!(messages.len(), count + 1, "{messages:?}");
            assert_eq!(
                (&messages[0]["_id"], &messages[0]["content"]),
                (&shown["message_id"], &json!(caption))
            );
            page.sending.check_message(&messages[0]).await;
            assert!(page.browser.all("token").len() >= 2, "each request has a token of its own");
            page.check_nothing_went_wrong();
        }
    }
    browser.end().await;
}

/// The page is closed in the middle, and the same file is chosen again: with the same caption the upload goes
/// on, with another one it becomes another message.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_upload_goes_on_unless_another_message_is_meant() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for lines in PUBLISHED {
        for (caption, created) in [("first", 1), ("second", 2)] {
            note(format_args!("{lines}, then {caption}"));
            let mut page = browser.page(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
            let order = as_published(&page, lines, "first");
            page.obeys(order).await;
            page.sending.proxy.held().await;
            page.obeys(json!({"do": "reload"})).await;
            page.browser.forget();
            let order = as_published(&page, lines, caption);
            page.obeys(order).await;
            page.browser.saw("shown").await;
            let message = page.sending.chat.only_message().await;
            assert_eq!(message["content"], caption);
            let uploads = page.sending.chat.request(&page.sending.chat.alice, "GET", "/files").send().await;
            let unfinished = uploads.expecting(200).json()["uploads"].as_array().map_or(0, Vec::len);
            assert_eq!(unfinished, created - 1, "the first one waits for whoever goes on with it");
        }
    }
    browser.end().await;
}

/// A browser that knows that it is offline retries nothing by itself.
#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_when_the_browser_is_online_again() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for lines in PUBLISHED {
        note(lines);
        let mut page = browser.page(BLOB, vec![(BLOB / 2, Step::Hold)]).await;
        let order = as_published(&page, lines, "first");
        page.obeys(order).await;
        page.sending.proxy.held().await;
        page.obeys(json!({"do": "network", "offline": true})).await;
        page.obeys(json!({"do": "network", "offline": false})).await;
        page.browser.saw("shown").await;
        let message = page.sending.chat.only_message().await;
        page.sending.check_message(&message).await;
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

/// A browser hides some answers from its page: one that came while it was still sending, and one without the
/// headers that another origin needs.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_can_read_why_it_was_refused_while_it_was_sending() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for client in ["fetch", "XMLHttpRequest"] {
        let mut page = browser.page(BLOB, Vec::new()).await;
        let order = one_shot(&page, client, &page.sending.chat.eve.token);
        page.obeys(order).await;
        let refused = page.browser.saw("refused").await;
        assert_eq!(refused["message"], "You are not a participant in this conversation", "{client}");
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

fn one_shot(page: &Page, client: &str, token: &str) -> Value {
    json!({
        "do": "oneShot",
        "client": client,
        "to": {"server": page.sending.proxy.url(), "token": token},
        "conversation": page.sending.chat.conversation,
        "options": {"content": "look"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_sends_and_hears_over_either_transport_of_socket_io() {
    if left_out("chromium") {
        return;
    }
    let mut browser = Browser::start().await;
    for transports in [json!(["polling"]), json!(["websocket"]), json!(["polling", "websocket"])] {
        note(&transports);
        let mut page = browser.page(300_000, Vec::new()).await;
        let auth = json!({"token": page.sending.chat.alice.token});
        let url = page.sending.proxy.url();
        page.obeys(json!({"do": "connect", "url": url, "auth": auth, "transports": transports})).await;
        page.browser.saw("connect").await;
        let conversation = page.sending.chat.conversation.clone();
        let order =
            json!({"do": "send", "conversation_id": conversation, "type": "file", "file_name": "a.bin"});
        page.obeys(order).await;
        let ack = page.browser.saw("ack").await;
        let message = page.sending.chat.only_message().await;
        assert_eq!(ack, json!({"success": true, "message": message}));
        assert_eq!(page.browser.saw("new_message").await, message);
        page.sending.check_message(&message).await;
        page.check_nothing_went_wrong();
    }
    browser.end().await;
}

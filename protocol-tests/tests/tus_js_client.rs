//! tus-js-client in Node, as applications use it, versions 4 and 5: every way of sending, stopping and going
//! on. Each test ends by reading the message and comparing the bytes.

use harness::chat::check_detail;
use harness::note::note;
use harness::proxy::Step;
use harness::script::Script;
use harness::token::Token;
use harness::{tus, wait};
use serde_json::{Value, json};

mod sender;

use sender::{LIBRARIES, MIB, Sender, answered, counts, killed_on_the_way};

/// An empty file with `uploadDataDuringCreation` is left out: version 4 then reads up to byte -1.
#[tokio::test]
async fn every_way_of_sending_becomes_one_message() {
    let odd = 3 * MIB + 17;
    let ways = [
        (odd, json!({}), counts(&[("POST", 1), ("PATCH", 1)])),
        (odd, json!({"chunkSize": MIB}), counts(&[("POST", 1), ("PATCH", 4)])),
        (odd, json!({"uploadDataDuringCreation": true}), counts(&[("POST", 1)])),
        (
            odd,
            json!({"uploadDataDuringCreation": true, "chunkSize": MIB}),
            counts(&[("POST", 1), ("PATCH", 3)]),
        ),
        (odd, json!({"overridePatchMethod": true}), counts(&[("POST", 2)])),
        (odd, json!({"overridePatchMethod": true, "chunkSize": MIB}), counts(&[("POST", 5)])),
        (odd, json!({"addRequestId": true}), counts(&[("POST", 1), ("PATCH", 1)])),
        (0, json!({}), counts(&[("POST", 1)])),
    ];
    for library in LIBRARIES {
        for (size, options, requests) in &ways {
            note(format_args!("{size} bytes, {options}"));
            let sender = Sender::new(library, *size, Vec::new()).await;
            let client = sender.start(options.clone());
            sender.check(&client).await;
            assert_eq!(&answered(&client), requests, "{options}");
        }
    }
}

/// The stream does not end where a chunk ends: both versions of the library would hang, waiting for the next
/// chunk.
#[tokio::test]
async fn a_stream_whose_length_is_told_only_at_the_end_becomes_one_message() {
    for library in LIBRARIES {
        for size in [3 * MIB + 17, 17] {
            for with_creation in [false, true] {
                note(format_args!("{size} bytes, data with the creation: {with_creation}"));
                let sender = Sender::new(library, size, Vec::new()).await;
                let client = sender.start(json!({
                    "uploadLengthDeferred": true,
                    "uploadDataDuringCreation": with_creation,
                    "chunkSize": MIB,
                }));
                sender.check(&client).await;
                assert_eq!(answered(&client)["POST"], 1);
            }
        }
    }
}

#[tokio::test]
async fn a_lost_last_answer_makes_no_second_message_and_the_client_learns_which_it_is() {
    let ways = [
        json!({}),
        json!({"chunkSize": MIB}),
        json!({"overridePatchMethod": true}),
        json!({"uploadDataDuringCreation": true}),
    ];
    for library in LIBRARIES {
        for options in &ways {
            note(options);
            let size = 2 * MIB + 500_000;
            let sender = Sender::new(library, size, vec![(size - 1000, Step::LoseAnswer)]).await;
            let client = sender.start(options.clone());
            sender.check(&client).await;
            assert!(sender.proxy.is_done(), "the answer was lost");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_the_creation_makes_no_second_upload() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 2 * MIB, vec![(1, Step::LoseAnswer)]).await;
        let client = sender.start(json!({}));
        sender.check(&client).await;
        assert!(sender.proxy.is_done(), "the answer was lost");
    }
}

#[tokio::test]
async fn an_aborted_upload_goes_on_where_it_was() {
    for library in LIBRARIES {
        for options in [json!({}), json!({"chunkSize": 4 * MIB})] {
            let sender = Sender::new(library, 32 * MIB, vec![(20 * MIB, Step::Hold)]).await;
            let mut client = sender.start(options);
            sender.proxy.held().await;
            let secured = sender.secured(&client, 8 * MIB).await;
            client.order(&json!("abort")).await;
            client.saw("aborted").await;
            assert!(sender.chat.messages().await.is_empty());
            client.order(&json!("start")).await;
            sender.check(&client).await;
            assert_eq!(answered(&client)["POST"], 1, "it was not started again");
            sender.check_sent_again(20 * MIB - secured);
        }
    }
}

#[tokio::test]
async fn a_terminated_upload_leaves_nothing() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 8 * MIB, vec![(5 * MIB, Step::Hold)]).await;
        let mut client = sender.start(json!({}));
        let location = client.saw("created").await["url"].as_str().expect("a URL is a string").to_owned();
        sender.proxy.held().await;
        client.order(&json!("terminate")).await;
        client.saw("terminated").await;
        assert_eq!(answered(&client)["DELETE"], 1);

        let chat = &sender.chat;
        assert_eq!(tus::head(chat, &location).await.status, 404);
        check_detail(&tus::append(chat, &location, 0, b"more").await, 404);
        let unfinished = chat.request(&chat.alice, "GET", "/files").send().await.expecting(200).text();
        assert!(!unfinished.contains(tus::id_of(&location)), "the record is gone: {unfinished}");
        assert!(chat.messages().await.is_empty());
        chat.check_folders().await;
    }
}

#[tokio::test]
async fn a_client_that_was_killed_goes_on_where_it_was() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 32 * MIB, vec![(20 * MIB, Step::Hold)]).await;
        let config = sender.remembering(json!({"chunkSize": 4 * MIB}));
        let url = killed_on_the_way(&sender, &config).await.saw("created").await["url"].clone();

        let second = Script::start("tus", &config);
        assert_eq!(second.saw("remembered").await["uploads"], 1);
        sender.check(&second).await;
        assert_eq!(second.saw("success").await["url"], url);
        assert!(!answered(&second).contains_key("POST"), "it was not started again");
        sender.check_sent_again(4 * MIB);
    }
}

#[tokio::test]
async fn an_upload_whose_url_the_application_kept_is_gone_on_with() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 8 * MIB, vec![(5 * MIB, Step::Hold)]).await;
        let first = killed_on_the_way(&sender, &sender.config(json!({}))).await;
        let url = first.saw("created").await["url"].clone();
        let client = sender.start(json!({"uploadUrl": url, "endpoint": null}));
        sender.check(&client).await;
        assert_eq!(answered(&client), counts(&[("HEAD", 1), ("PATCH", 1)]));
    }
}

#[tokio::test]
async fn a_token_that_expires_on_the_way_is_refreshed_and_the_upload_goes_on() {
    for library in LIBRARIES {
        for options in [json!({"chunkSize": MIB}), json!({"overridePatchMethod": true, "chunkSize": MIB})] {
            let sender = Sender::new(library, 5 * MIB, Vec::new()).await;
            let mut config = sender.config(options);
            config["expiry"] = expiry(&sender, 3);
            let client = Script::start("tus", &config);
            sender.check(&client).await;
            assert_eq!(client.all("refused").len(), 1, "it had to refresh the token once");
            assert_eq!(client.all("created").first(), client.all("created").last(), "it is one upload");
            sender.check_sent_again(MIB);
        }
    }
}

/// A client comes back after its token has expired. Its HEAD is answered, because after a refusal it would
/// start again; its first bytes are refused, and it refreshes the token.
#[tokio::test]
async fn a_client_that_comes_back_with_an_expired_token_goes_on_where_it_was() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 16 * MIB, vec![(10 * MIB, Step::Hold)]).await;
        let mut config = sender.remembering(json!({}));
        let url = killed_on_the_way(&sender, &config).await.saw("created").await["url"].clone();

        config["expiry"] = expiry(&sender, 0);
        let second = Script::start("tus", &config);
        sender.check(&second).await;
        assert_eq!(second.saw("success").await["url"], url);
        let answers: Vec<_> = second.all("answer").iter().map(|seen| seen["status"].clone()).collect();
        assert_eq!(answers, [200, 401, 200, 204], "HEAD, PATCH, and both again");
    }
}

/// The options of a token that expires after this many requests, and can be refreshed.
fn expiry(sender: &Sender, requests: usize) -> Value {
    let of = Token::of(&sender.chat.alice.name);
    json!({
        "after": requests,
        "expired": of.clone().expired().mint(),
        "fresh": of.with("jti", "the second").mint(),
    })
}

#[tokio::test]
async fn the_same_file_sent_to_two_conversations_is_two_messages() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 2 * MIB, Vec::new()).await;
        let (here, there) = (sender.chat.conversation.clone(), sender.chat.another_conversation().await);
        let first = sender.remembering(json!({}));
        let mut second = first.clone();
        second["endpoint"] = json!(sender.endpoint(&there));
        let in_first = sent(&sender, &first, &here, 0).await;
        let in_second = sent(&sender, &second, &there, 0).await;
        assert_ne!(in_first["_id"], in_second["_id"]);
        assert_eq!(
            sent(&sender, &first, &here, 1).await,
            in_first,
            "sent again, it is the message that it was"
        );
    }
}

/// Sends the file, checks how many uploads of it the client had remembered, and returns the only message of
/// the conversation.
async fn sent(sender: &Sender, config: &Value, conversation: &str, remembered: usize) -> Value {
    let client = Script::start("tus", config);
    assert_eq!(client.saw("remembered").await["uploads"], remembered);
    let success = client.saw("success").await;
    let messages = sender.chat.messages_of(conversation).await;
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert_eq!(success["message_id"], messages[0]["_id"]);
    assert_eq!(sender.chat.media(&messages[0]).await.body, sender.content.bytes());
    wait::until_true("no part file is left", async || sender.chat.server.folder().parts().is_empty()).await;
    messages[0].clone()
}

//! tus-js-client with `parallelUploads`: uploads in parts.

use harness::heavy::alone;
use harness::note::note;
use harness::proxy::{Direction, Step};
use harness::script::Script;
use harness::{tus, wait};
use serde_json::{Value, json};

mod sender;

use sender::{LIBRARIES, MIB, Sender, answered, counts, killed_on_the_way};

#[tokio::test]
async fn parts_sent_in_parallel_become_one_message() {
    let ways = [
        (json!({}), counts(&[("POST", 5), ("PATCH", 4)])),
        (json!({"chunkSize": MIB}), counts(&[("POST", 5), ("PATCH", 8)])),
        (json!({"uploadDataDuringCreation": true}), counts(&[("POST", 5)])),
        (json!({"overridePatchMethod": true}), counts(&[("POST", 9)])),
    ];
    for library in LIBRARIES {
        for (options, requests) in &ways {
            note(options);
            let sender = Sender::new(library, 6 * MIB + 17, Vec::new()).await;
            let client = sender.start(in_parallel(options.clone()));
            sender.check_joined(&[&client]).await;
            assert_eq!(&answered(&client), requests, "{options}");
        }
    }
}

/// Joining large parts takes a while, and the client is not answered before it is done.
#[tokio::test]
async fn large_parts_are_a_message_before_the_client_hears_of_success() {
    let _heavy = alone().await;
    for library in LIBRARIES {
        let sender = Sender::new(library, 400 * MIB + 17, Vec::new()).await;
        let client = sender.start(in_parallel(json!({})));
        sender.check_joined(&[&client]).await;
    }
}

#[tokio::test]
async fn parts_whose_whole_is_rejected_are_an_error_and_no_success() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 6 * MIB + 17, Vec::new()).await;
        let mut config = sender.config(in_parallel(json!({})));
        config["metadata"]["sha256"] = json!("0".repeat(64));
        fails(&sender, &Script::start("tus", &config), "SHA-256").await;

        let sender = Sender::new(library, 32 * MIB, every_part_begun(32 * MIB)).await;
        let config = sender.remembering(in_parallel(json!({"chunkSize": MIB})));
        killed_on_the_way(&sender, &config).await;
        sender.chat.put_conversation(&sender.chat.conversation, &[&sender.chat.bob]).await.expecting(200);
        fails(&sender, &Script::start("tus", &config), "You are not a participant").await;
    }
}

async fn fails(sender: &Sender, client: &Script, reason: &str) {
    let error = client.saw("error").await;
    assert!(error["message"].as_str().is_some_and(|message| message.contains(reason)), "{error}");
    assert!(client.all("success").is_empty());
    assert!(sender.chat.messages().await.is_empty());
}

/// A network plan that holds a connection after more bytes than three of the four parts have.
fn every_part_begun(size: u64) -> Vec<(u64, Step)> {
    vec![(size / 8 * 7, Step::Hold)]
}

fn in_parallel(mut options: Value) -> Value {
    options["parallelUploads"] = json!(4);
    options
}

/// The answer to the POST that joins the parts gets lost. That is the last request, so an upload before this
/// one tells how many bytes are sent until then. Version 4 reports the loss, and the application starts
/// again; version 5 does so by itself.
#[tokio::test]
async fn a_lost_answer_to_the_joining_of_parts_makes_no_second_message() {
    for library in LIBRARIES {
        let size = 4 * MIB + 17;
        let first = Sender::new(library, size, Vec::new()).await;
        let undisturbed = first.start(in_parallel(json!({})));
        first.check_joined(&[&undisturbed]).await;

        let within_the_last = first.proxy.carried(Direction::Up) - 300;
        let sender = Sender::new(library, size, vec![(within_the_last, Step::LoseAnswer)]).await;
        let mut client = sender.start(in_parallel(json!({})));
        if library == "tus-js-client" {
            client.saw("error").await;
            client.order(&json!("start")).await;
        }
        sender.check_joined(&[&client]).await;
        assert!(sender.proxy.is_done(), "the answer was lost");
        let requests = counts(&[("POST", 5), ("PATCH", 4), ("HEAD", 4)]);
        assert_eq!(answered(&client), requests, "the parts were found, and joined again");
    }
}

#[tokio::test]
async fn an_aborted_upload_in_parts_goes_on_where_it_was() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 32 * MIB, every_part_begun(32 * MIB)).await;
        let mut client = sender.start(in_parallel(json!({})));
        sender.proxy.held().await;
        let secured = sender.secured(&client, 8 * MIB).await;
        client.order(&json!("abort")).await;
        client.saw("aborted").await;
        client.order(&json!("start")).await;
        sender.check_joined(&[&client]).await;
        assert_eq!(answered(&client)["POST"], 5, "no part was started again");
        sender.check_sent_again(sender.content.len() - secured);
    }
}

#[tokio::test]
async fn an_upload_in_parts_whose_client_was_killed_goes_on_where_it_was() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 32 * MIB, every_part_begun(32 * MIB)).await;
        let config = sender.remembering(in_parallel(json!({"chunkSize": MIB})));
        let first = killed_on_the_way(&sender, &config).await;

        let second = Script::start("tus", &config);
        assert_eq!(second.saw("remembered").await["uploads"], 1);
        sender.check_joined(&[&first, &second]).await;
        assert_eq!(answered(&second)["POST"], 1, "no part was started again");
        sender.check_sent_again(4 * MIB);
    }
}

#[tokio::test]
async fn a_terminated_upload_in_parts_leaves_nothing() {
    for library in LIBRARIES {
        let sender = Sender::new(library, 8 * MIB, every_part_begun(8 * MIB)).await;
        let mut client = sender.start(in_parallel(json!({})));
        sender.proxy.held().await;
        client.order(&json!("terminate")).await;
        client.saw("terminated").await;
        // Version 4 does not wait for the parts that it ends.
        wait::until_true("every part was ended", async || answered(&client).get("DELETE") == Some(&4)).await;
        let chat = &sender.chat;
        for part in client.all("answer").iter().filter_map(|answer| answer["location"].as_str()) {
            assert_eq!(tus::head(chat, part).await.status, 404);
        }
        assert!(chat.messages().await.is_empty());
        chat.check_folders().await;
    }
}

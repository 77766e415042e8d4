//! tuspy, the tus client for Python, in its ways of sending. Each test ends by reading the message and
//! comparing the bytes.

use harness::left_out::left_out;
use harness::note::note;
use harness::proxy::Step;
use harness::script::Script;
use harness::sending::Sending;
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

fn config(sending: &Sending, is_async: bool, options: Value) -> Value {
    let mut config = sending.config(options);
    config["async"] = json!(is_async);
    config
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
            let sending = Sending::new(3 * MIB + 17, Vec::new()).await;
            let client = Script::start_python("tuspy", &config(&sending, is_async, options.clone()));
            sending.check(&client).await;
        }
    }
}

/// When HEAD tells tuspy that all bytes are there, it asks for the result with an empty PATCH at the end.
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
            let sending = Sending::new(size, vec![(size - 1000, Step::LoseAnswer)]).await;
            let client = Script::start_python("tuspy", &config(&sending, is_async, options));
            sending.check(&client).await;
            assert!(sending.proxy.is_done(), "the answer was lost");
        }
    }
}

#[tokio::test]
async fn a_client_that_was_killed_goes_on_where_it_was() {
    if left_out("python") {
        return;
    }
    let sending = Sending::new(16 * MIB, vec![(10 * MIB, Step::Hold)]).await;
    let mut settings = config(&sending, false, json!({"chunk_size": 4 * MIB}));
    settings["urlStorage"] = json!(sending.chat.server.scratch("urls.json"));
    let mut first = Script::start_python("tuspy", &settings);
    let url = first.saw("accepted").await["url"].clone();
    sending.proxy.held().await;
    first.kill().await;

    let second = Script::start_python("tuspy", &settings);
    let open = second.saw("open").await;
    assert_eq!(open["url"], url, "it found the upload again");
    assert!(open["offset"].as_u64() >= Some(8 * MIB), "and what was acknowledged: {open}");
    sending.check(&second).await;
}

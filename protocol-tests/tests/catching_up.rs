//! Clients that name the last message that they know when they connect (`auth.after`), and are sent what came
//! after it.

use std::collections::{BTreeMap, BTreeSet};

use harness::chat::{Chat, User, conversation_id};
use harness::multipart::Form;
use harness::script::Script;
use harness::server::Setup;
use harness::wait;
use serde_json::{Value, json};

/// Connects a client that names this message, and at each reconnection the last one that it was told of.
async fn follower(chat: &Chat, user: &User, after: &Value) -> Script {
    let config = json!({
        "url": chat.server.url(), "transports": ["websocket"], "follows": {"token": user.token, "after": after},
    });
    let follower = Script::start("socket", &config);
    follower.saw("connect").await;
    follower
}

async fn post(chat: &Chat, user: &User, conversation: &str, name: &str) -> Value {
    let form = Form::of(name, name.as_bytes(), conversation);
    form.into_request(chat.one_shot(user)).send().await.expecting(200).json()["message"].clone()
}

fn id(message: &Value) -> &str {
    message["_id"].as_str().expect("an id")
}

/// The messages that a client was told of, and the ends of catching up, as names and payloads.
fn told(client: &Script) -> Vec<(String, Value)> {
    let events = client.events().into_iter().map(|event| (event["event"].clone(), event["data"].clone()));
    let events = events.filter_map(|(name, data)| Some((name.as_str()?.to_owned(), data)));
    events.filter(|(name, _)| name == "new_message" || name == "caught_up").collect()
}

fn caught_up(after: &str) -> (String, Value) {
    ("caught_up".to_owned(), json!({"after": after, "complete": true}))
}

fn new_message(message: &Value) -> (String, Value) {
    ("new_message".to_owned(), message.clone())
}

#[tokio::test]
async fn missed_messages_of_all_conversations_come_in_order_before_new_ones() {
    let chat = Chat::start().await;
    let another = chat.another_conversation().await;
    let strangers = conversation_id();
    chat.put_conversation(&strangers, &[&chat.alice, &chat.eve]).await.expecting(201);
    let known = chat.post("known.mp4", b"known").await;
    let mut missed = Vec::new();
    for number in 0..6 {
        let conversation = if number % 2 == 0 { &another } else { &chat.conversation };
        let sender = if number < 4 { &chat.alice } else { &chat.bob };
        missed.push(post(&chat, sender, conversation, &format!("{number}.mp4")).await);
        post(&chat, &chat.alice, &strangers, "not for bob.mp4").await;
    }
    let bob = follower(&chat, &chat.bob, &known["_id"]).await;
    bob.saw("caught_up").await;
    let next = chat.post("next.mp4", b"next").await;
    bob.saw_with("new_message", |seen| *seen == next).await;
    let mut expected: Vec<_> = missed.iter().map(new_message).collect();
    expected.extend([caught_up(id(&missed[5])), new_message(&next)]);
    assert_eq!(told(&bob), expected);

    let knows_all = follower(&chat, &chat.bob, &next["_id"]).await;
    // Messages of the other conversation from the last minute may come again.
    let end = knows_all.saw("caught_up").await;
    assert_eq!(end["complete"], true);
    let of_this =
        told(&knows_all).into_iter().filter(|(_, data)| data["conversation_id"] == chat.conversation);
    assert_eq!(of_this.count(), 0, "nothing is newer there");
    assert!(chat.socket(&chat.bob).await.all("caught_up").is_empty(), "it names no message");
}

#[tokio::test]
async fn an_unknown_or_foreign_last_message_is_answered_and_the_connection_stays() {
    let chat = Chat::start().await;
    let strangers = conversation_id();
    chat.put_conversation(&strangers, &[&chat.alice, &chat.eve]).await.expecting(201);
    let foreign = post(&chat, &chat.alice, &strangers, "foreign.mp4").await;
    let own = chat.post("own.mp4", b"own").await;
    let mut newest = own["_id"].clone();
    // An unknown id of the same second as the foreign message.
    let unknown = format!("{}0123456789abcdef", &id(&foreign)[..8]);
    for (after, answered, code, is_sent) in [
        (foreign["_id"].clone(), foreign["_id"].clone(), "message_not_found", true),
        (json!(unknown), json!(unknown), "message_not_found", true),
        (json!("f".repeat(24)), json!("f".repeat(24)), "message_not_found", false),
        (json!("nonsense"), Value::Null, "invalid_message_id", false),
        (json!(7), Value::Null, "invalid_message_id", false),
        (json!({"_id": foreign["_id"]}), Value::Null, "invalid_message_id", false),
    ] {
        let bob = follower(&chat, &chat.bob, &after).await;
        let end = bob.saw("caught_up").await;
        let last = if is_sent { newest } else { answered };
        assert_eq!(end["after"], last, "{after}: {end}");
        assert_eq!((&end["complete"], &end["code"]), (&json!(false), &json!(code)), "{after}");
        assert!(end["detail"].is_string(), "{end}");
        let next = chat.post("next.mp4", b"next").await;
        newest = next["_id"].clone();
        bob.saw_with("new_message", |seen| *seen == next).await;
        let seen: Vec<_> = bob.all("new_message").iter().map(|seen| id(seen).to_owned()).collect();
        assert_eq!(seen.contains(&id(&own).to_owned()), is_sent, "{after}");
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "once each");
    }
    for nothing in [Value::Null, json!("")] {
        let bob = follower(&chat, &chat.bob, &nothing).await;
        let next = chat.post("next.mp4", b"next").await;
        bob.saw("new_message").await;
        assert_eq!(told(&bob), [new_message(&next)], "{nothing}");
    }
}

#[tokio::test]
async fn a_member_who_left_is_sent_newer_messages_of_other_conversations() {
    let chat = Chat::start().await;
    let another = chat.another_conversation().await;
    let known = chat.post("known.mp4", b"known").await;
    chat.post("after.mp4", b"after").await;
    let elsewhere = post(&chat, &chat.alice, &another, "elsewhere.mp4").await;
    chat.put_conversation(&chat.conversation, &[&chat.alice]).await.expecting(200);
    let bob = follower(&chat, &chat.bob, &known["_id"]).await;
    let end = bob.saw("caught_up").await;
    assert_eq!((&end["after"], &end["code"]), (&elsewhere["_id"], &json!("message_not_found")));
    assert_eq!(bob.all("new_message"), [elsewhere]);
}

/// How many missed messages are sent at most.
const MOST: usize = 1000;

#[tokio::test]
async fn a_client_that_missed_very_much_is_sent_the_oldest_and_reads_on() {
    let chat = Chat::start().await;
    let another = chat.another_conversation().await;
    let known = chat.post("known.mp4", b"known").await;
    sent_by(&chat, [&chat.conversation, &another], MOST / 2 + 1).await;
    let bob = follower(&chat, &chat.bob, &known["_id"]).await;
    let end = bob.saw("caught_up").await;
    let seen = bob.all("new_message");
    assert_eq!(seen.len(), MOST);
    assert_eq!(end, json!({"after": seen[MOST - 1]["_id"], "complete": false}));
    let mut known_of: BTreeMap<&str, &str> = BTreeMap::new();
    for message in &seen {
        known_of.insert(message["conversation_id"].as_str().expect("text"), id(message));
    }
    let mut all: Vec<String> = seen.iter().map(|message| id(message).to_owned()).collect();
    for (conversation, last) in known_of {
        let target = format!("/conversations/{conversation}/messages?after={last}");
        let page = chat.request(&chat.bob, "GET", &target).send().await.expecting(200).json();
        all.extend(page["messages"].as_array().expect("a page").iter().map(|message| id(message).to_owned()));
    }
    assert_eq!(all.len(), 2 * (MOST / 2 + 1), "all of them, once each");
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
}

/// Checks that the client heard of every message that it did not know, in the order of its conversation, and
/// of none twice over one connection.
fn check(client: &Script, known: &Value, sent: &BTreeMap<String, Vec<String>>) {
    let mut heard: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut ever, mut of_connection) = (BTreeSet::from([id(known).to_owned()]), BTreeSet::new());
    for event in client.events() {
        if event["event"] == "connect" {
            of_connection.clear();
        }
        if event["event"] == "new_message" {
            let message = &event["data"];
            let (id, conversation) = (id(message).to_owned(), message["conversation_id"].as_str());
            assert!(of_connection.insert(id.clone()), "{id} came twice over one connection");
            if ever.insert(id.clone()) {
                heard.entry(conversation.expect("text").to_owned()).or_default().push(id);
            }
        }
    }
    assert_eq!(heard, *sent);
}

/// Sends `count` messages into each of the conversations, and returns their ids in the order in which they
/// were made.
async fn sent_by(chat: &Chat, conversations: [&String; 2], count: usize) -> BTreeMap<String, Vec<String>> {
    let send = async |conversation: &String| {
        let mut ids = Vec::new();
        for number in 0..count {
            ids.push(id(&post(chat, &chat.alice, conversation, &format!("{number}.txt")).await).to_owned());
        }
        (conversation.clone(), ids)
    };
    let [one, two] = conversations;
    <[_; 2]>::from(tokio::join!(send(one), send(two))).into_iter().collect()
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_loses_no_message_and_doubles_none() {
    let chat = Chat::start().await;
    let another = chat.another_conversation().await;
    let known = chat.post("known.mp4", b"known").await;
    let mut bob = follower(&chat, &chat.bob, &known["_id"]).await;
    let breaking = async {
        for times in 1..=20 {
            wait::until_true("it has caught up", async || bob.all("caught_up").len() >= times).await;
            bob.order(&json!({"drop": true})).await;
        }
    };
    let sending = sent_by(&chat, [&chat.conversation, &another], 100);
    let ((), mut sent) = tokio::join!(breaking, sending);
    wait::until_true("it has caught up", async || bob.all("caught_up").len() == 21).await;
    let last = chat.post("last.mp4", b"last").await;
    bob.saw_with("new_message", |seen| *seen == last).await;
    sent.get_mut(&chat.conversation).expect("sent there").push(id(&last).to_owned());
    check(&bob, &known, &sent);
    assert!(bob.all("caught_up").iter().all(|end| end["complete"] == true));
}

#[tokio::test]
async fn clients_catch_up_after_the_server_was_killed() {
    let chat = Chat::start().await;
    let another = chat.another_conversation().await;
    let known = chat.post("known.mp4", b"known").await;
    let bob = follower(&chat, &chat.bob, &known["_id"]).await;
    let mut sent: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for round in 1..=3 {
        let more = sent_by(&chat, [&chat.conversation, &another], 20).await;
        more.into_iter().for_each(|(conversation, ids)| sent.entry(conversation).or_default().extend(ids));
        chat.server.restart().await;
        wait::until_true("it has caught up", async || bob.all("caught_up").len() > round).await;
    }
    let last = post(&chat, &chat.alice, &another, "last.txt").await;
    bob.saw_with("new_message", |seen| *seen == last).await;
    sent.entry(another).or_default().push(id(&last).to_owned());
    check(&bob, &known, &sent);
}

#[tokio::test]
async fn a_message_that_a_crash_left_comes_once_among_the_missed_ones() {
    for step in ["finalize.claimed", "finalize.committed", "publish.announced"] {
        let chat = Chat::start().await;
        let known = chat.post("known.mp4", b"known").await;
        chat.server.restart_with(Setup::default().crash_at(step)).await;
        let bob = follower(&chat, &chat.bob, &known["_id"]).await;
        bob.saw("caught_up").await;
        let form = Form::of("left.mp4", b"left", &chat.conversation);
        _ = form.into_request(chat.one_shot(&chat.alice)).try_send().await;
        chat.server.ended(wait::BOUND).await;
        chat.server.restart_with(Setup::default()).await;
        wait::until_true("it is back", async || bob.all("connect").len() == 2).await;
        let next = chat.post("next.mp4", b"next").await;
        bob.saw_with("new_message", |seen| *seen == next).await;
        bob.saw_with("upload_finished", |seen| seen["message_id"] == next["_id"]).await;
        let messages = chat.messages().await;
        check(
            &bob,
            &known,
            &BTreeMap::from([(
                chat.conversation.clone(),
                messages.iter().rev().skip(1).map(|message| id(message).to_owned()).collect(),
            )]),
        );
        assert_eq!(messages.len(), 3, "{step}");
    }
}

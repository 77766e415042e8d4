//! Routes that read messages and make conversations.

use harness::chat::{Chat, User, check_detail, conversation_id};
use harness::http::Response;
use harness::token::Token;
use serde_json::{Value, json};

#[tokio::test]
async fn pages_are_newest_first_and_miss_nothing() {
    let chat = Chat::start().await;
    let mut sent = Vec::new();
    for number in 0..7 {
        sent.push(chat.post(&format!("{number}.txt"), b"x").await);
    }
    sent.reverse();
    let mut read: Vec<Value> = Vec::new();
    let mut before = String::new();
    for expected in [3, 3, 1] {
        let page = page(&chat, &format!("?limit=3{before}")).await.expecting(200).json();
        let messages = page["messages"].as_array().expect("messages are an array");
        assert_eq!(messages.len(), expected);
        read.extend_from_slice(messages);
        before = page["next"].as_str().map_or_else(String::new, |next| format!("&before={next}"));
    }
    assert_eq!(before, "", "after the last page there is none");
    assert_eq!(read, sent);
}

#[tokio::test]
async fn a_page_that_is_just_full_is_the_last() {
    let chat = Chat::start().await;
    for number in 0..2 {
        chat.post(&format!("{number}.txt"), b"x").await;
    }
    let mut page_at = page(&chat, "?limit=2").await.expecting(200).json();
    if let Some(next) = page_at["next"].as_str() {
        page_at = page(&chat, &format!("?limit=2&before={next}")).await.expecting(200).json();
        assert_eq!(page_at["messages"], json!([]));
    }
    assert_eq!(page_at["next"], Value::Null);
}

#[tokio::test]
async fn an_empty_conversation_is_an_empty_page() {
    let chat = Chat::start().await;
    let answer = page(&chat, "").await.expecting(200);
    assert_eq!(answer.json(), json!({"messages": [], "next": null}));
}

#[tokio::test]
async fn ids_and_times_never_go_backwards() {
    let chat = Chat::start().await;
    for number in 0..10 {
        chat.post(&format!("{number}.txt"), b"x").await;
    }
    let messages = chat.messages().await;
    for pair in messages.windows(2) {
        assert!(pair[0]["created_at"].as_str() >= pair[1]["created_at"].as_str(), "{pair:?}");
        assert!(pair[0]["_id"].as_str() > pair[1]["_id"].as_str(), "{pair:?}");
    }
}

#[tokio::test]
async fn malformed_page_parameters_are_400() {
    let chat = Chat::start().await;
    for query in ["?limit=0", "?limit=201", "?limit=-1", "?limit=abc", "?limit=", "?before=nonsense"] {
        let answer = page(&chat, query).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
        check_detail(&answer, 400);
    }
    page(&chat, "?limit=200").await.expecting(200);
}

async fn page(chat: &Chat, query: &str) -> Response {
    let target = format!("/conversations/{}/messages{query}", chat.conversation);
    chat.request(&chat.bob, "GET", &target).send().await
}

#[tokio::test]
async fn only_members_read_messages() {
    let chat = Chat::start().await;
    let message = chat.post("a.txt", b"x").await;
    let one = format!("/messages/{}", message["_id"].as_str().expect("an id is text"));
    let all = format!("/conversations/{}/messages", chat.conversation);
    for (target, refusal) in [(&one, 404), (&all, 403)] {
        chat.request(&chat.bob, "GET", target).send().await.expecting(200);
        check_detail(&chat.request(&chat.eve, "GET", target).send().await, refusal);
        check_detail(&chat.server.request("GET", target).send().await, 401);
    }
    chat.put_conversation(&chat.conversation, &[&chat.alice]).await.expecting(200);
    for (target, refusal) in [(&one, 404), (&all, 403)] {
        check_detail(&chat.request(&chat.bob, "GET", target).send().await, refusal);
    }
}

/// The answers to a stranger do not differ, so trying ids out reveals no message.
#[tokio::test]
async fn a_stranger_cannot_tell_a_message_from_none() {
    let chat = Chat::start().await;
    let there = chat.post("a.txt", b"x").await["_id"].as_str().expect("an id is text").to_owned();
    let flip = |digit: char| if digit == '0' { '1' } else { '0' };
    let absent: String = there.char_indices().map(|(at, d)| if at == 23 { flip(d) } else { d }).collect();
    for method in ["GET", "HEAD"] {
        for path in ["/messages/{id}", "/uploads/chats/{id}/a.txt", "/uploads/chats/{id}/b.txt"] {
            let mut answers = Vec::new();
            for id in [&there, &absent] {
                let request = chat.request(&chat.eve, method, &path.replace("{id}", id));
                let answer = request.header("Range", "bytes=0-0").header("If-Match", "\"x\"").send().await;
                let headers = answer.head.without(&["Date", "X-Request-Id"]);
                answers.push((answer.status, headers, answer.body.clone()));
            }
            assert_eq!(answers[0].0, 404, "{method} {path}");
            assert_eq!(answers[0], answers[1], "{method} {path}");
        }
    }
}

#[tokio::test]
async fn one_message_is_read_as_it_was_sent() {
    let chat = Chat::start().await;
    let message = chat.post("a.txt", b"x").await;
    let target = format!("/messages/{}", message["_id"].as_str().expect("an id is text"));
    assert_eq!(chat.request(&chat.bob, "GET", &target).send().await.expecting(200).json(), message);
    chat.server.restart().await;
    assert_eq!(chat.request(&chat.bob, "GET", &target).send().await.expecting(200).json(), message);
}

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let chat = Chat::start().await;
    let message = chat.request(&chat.bob, "GET", "/messages/000000000000000000000000").send().await;
    check_detail(&message, 404);
    let unknown = format!("/conversations/{}/messages", conversation_id());
    let answer = chat.request(&chat.bob, "GET", &unknown).send().await;
    assert_eq!(check_detail(&answer, 404), "Conversation not found");
    let nonsense = chat.request(&chat.bob, "GET", "/conversations/nonsense/messages").send().await;
    assert_eq!(check_detail(&nonsense, 400), "Invalid conversation_id");
}

#[tokio::test]
async fn a_conversation_is_made_then_changed() {
    let chat = Chat::start().await;
    let id = conversation_id();
    chat.put_conversation(&id, &[&chat.alice]).await.expecting(201);
    chat.put_conversation(&id, &[&chat.alice, &chat.eve]).await.expecting(200);
    let target = format!("/conversations/{id}/messages");
    chat.request(&chat.eve, "GET", &target).send().await.expecting(200);
    chat.server.restart().await;
    chat.request(&chat.eve, "GET", &target).send().await.expecting(200);
    chat.put_conversation(&id, &[&chat.alice]).await.expecting(200);
    check_detail(&chat.request(&chat.eve, "GET", &target).send().await, 403);
}

#[tokio::test]
async fn only_an_admin_makes_conversations() {
    let chat = Chat::start().await;
    let target = format!("/conversations/{}", conversation_id());
    let body = json!({"participants": [chat.eve.name]});
    let scopes = ["", "chat", "administrator", "admin:read"];
    for scope in scopes {
        let token = Token::of(&chat.eve.name).with("scope", scope).mint();
        let put = chat.server.request("PUT", &target).bearer(&token).json(&body);
        check_detail(&put.send().await, 403);
    }
    let plain = chat.request(&chat.eve, "PUT", &target).json(&body).send().await;
    check_detail(&plain, 403);
    check_detail(&chat.server.request("PUT", &target).json(&body).send().await, 401);
    let forged = Token::of(&chat.eve.name).with("scope", "admin").forged().mint();
    check_detail(&chat.server.request("PUT", &target).bearer(&forged).json(&body).send().await, 401);
}

#[tokio::test]
async fn anything_else_than_participants_is_400() {
    let chat = Chat::start().await;
    let admin = User::admin();
    let put = |target: &str| chat.request(&admin, "PUT", target);
    let target = format!("/conversations/{}", conversation_id());
    for body in [
        json!({}),
        json!([]),
        json!({"participants": "alice@example.com"}),
        json!({"participants": [1, 2]}),
        json!({"participants": [""]}),
        json!({"participants": null}),
    ] {
        let answer = put(&target).json(&body).send().await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        check_detail(&answer, 400);
    }
    check_detail(&put(&target).header("Content-Type", "application/json").body("{").send().await, 400);
    let good = json!({"participants": ["alice@example.com"]});
    for id in ["nonsense", "0123456789abcdef0123456", "0123456789abcdef0123456g"] {
        check_detail(&put(&format!("/conversations/{id}")).json(&good).send().await, 400);
    }
}

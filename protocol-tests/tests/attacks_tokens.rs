//! Tokens, JSON and codings made by attackers, to cost the server something or to get in.

use data_encoding::BASE64URL_NOPAD;
use harness::attack::{self, ALLOWED};
use harness::chat::{Chat, check_detail};
use harness::server::Setup;
use harness::token::Token;
use harness::tus;
use serde_json::{Value, json};

mod bodies;

use bodies::every_body;

#[tokio::test(flavor = "multi_thread")]
async fn deep_json_is_400_wherever_json_is_taken() {
    let chat = Chat::start().await;
    attack::goes_on(&chat, ALLOWED, async || {
        for opening in ["[", "{\"a\":", "{\"participants\":["] {
            let deep = opening.repeat(60_000 / opening.len());
            let admin = harness::chat::User::admin();
            let id = harness::chat::conversation_id();
            for request in [
                chat.request(&admin, "PUT", &format!("/conversations/{id}")),
                chat.request(&chat.alice, "POST", "/messages"),
            ] {
                let answer =
                    request.header("Content-Type", "application/json").body(deep.as_bytes()).send().await;
                check_detail(&answer, 400);
            }
            let header =
                BASE64URL_NOPAD.encode(format!("{{\"alg\":\"HS256\",\"x\":{}", &deep[..5000]).as_bytes());
            let answer =
                chat.server.request("GET", "/files").bearer(&format!("{header}.e30.AAAA")).send().await;
            check_detail(&answer, 401);
        }
        deep_events_end_their_session(&chat).await;
    })
    .await;
}

/// Sends deep JSON in events over polling, written without a client library; each ends its session.
async fn deep_events_end_their_session(chat: &Chat) {
    let open = chat.server.request("GET", "/socket.io/?EIO=4&transport=polling").send().await.expecting(200);
    let text = open.text();
    let session: Value = serde_json::from_str(text.trim_start_matches('0')).expect("a handshake");
    let target =
        format!("/socket.io/?EIO=4&transport=polling&sid={}", session["sid"].as_str().expect("an id"));
    let connect = format!("40{}", json!({"token": chat.alice.token}));
    chat.server.request("POST", &target).body(connect).send().await.expecting(200);
    let deep = format!("42[\"send_message\",{}", "[".repeat(100_000));
    let answer = chat.server.request("POST", &target).body(deep).send().await;
    assert!(answer.status < 500, "{} {}", answer.status, answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_415_and_nothing_of_it_is_unpacked_or_kept() {
    let chat = Chat::start().await;
    attack::goes_on(&chat, ALLOWED, async || {
        for coding in ["gzip", "br", "deflate", "zstd", "x-nonsense", "gzip, identity"] {
            for (what, request, beginning) in every_body(&chat) {
                let answer = request.header("Content-Encoding", coding).body(beginning).send().await;
                assert_eq!(answer.status, 415, "{what} in {coding}: {}", answer.text());
                check_detail(&answer, 415);
                assert_eq!(answer.expect("Accept-Encoding"), "identity");
            }
        }
    })
    .await;
    let location = tus::create(&chat, 4, &[]).await;
    let plain = tus::patch(&chat, &chat.alice, &location, 0).header("Content-Encoding", "identity");
    plain.body(b"plai").send().await.expecting(204);
    assert_eq!(chat.only_message().await["file_size"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_every_wrong_kind_are_401() {
    let chat = Chat::start().await;
    let good = Token::of(&chat.alice.name).mint();
    let (signed, signature) = good.rsplit_once('.').expect("three parts");
    let (header, claims) = signed.split_once('.').expect("three parts");
    let none = BASE64URL_NOPAD.encode(br#"{"alg":"none","typ":"JWT"}"#);
    let none_in_capitals = BASE64URL_NOPAD.encode(br#"{"alg":"NONE"}"#);
    let embedded = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}"#);
    let elsewhere =
        BASE64URL_NOPAD.encode(br#"{"alg":"HS256","jku":"http://127.0.0.1:1/k","kid":"../../dev/null"}"#);
    let other_claims =
        BASE64URL_NOPAD.encode(br#"{"sub":"admin@example.com","exp":4102444800,"scope":"admin"}"#);
    attack::goes_on(&chat, ALLOWED, async || {
        for (what, token) in [
            ("alg none", format!("{none}.{claims}.")),
            ("alg none with a signature", format!("{none}.{claims}.{signature}")),
            ("alg NONE", format!("{none_in_capitals}.{claims}.")),
            ("a key of its own", format!("{embedded}.{claims}.{signature}")),
            ("a key elsewhere", format!("{elsewhere}.{claims}.{signature}")),
            ("other claims", format!("{header}.{other_claims}.{signature}")),
            ("no signature", format!("{header}.{claims}.")),
            ("two parts", signed.to_owned()),
            ("four parts", format!("{good}.{signature}")),
            ("dots", "..".to_owned()),
            ("padding", format!("{header}==.{claims}==.{signature}==")),
            ("nonsense", "%%%.%%%.%%%".to_owned()),
            ("7 KiB", "a.".repeat(3500)),
            ("another secret", Token::of(&chat.alice.name).forged().mint()),
        ] {
            let answer = chat.server.request("GET", "/files").bearer(&token).send().await;
            assert_eq!(check_detail(&answer, 401), "Invalid or expired token", "{what}");
            let admin =
                chat.server.request("PUT", &format!("/conversations/{}", chat.conversation)).bearer(&token);
            check_detail(&admin.json(&json!({"participants": []})).send().await, 401);
        }
        let long = format!("{header}.{}.{signature}", "a".repeat(60_000));
        let answer = chat.server.request("GET", "/files").bearer(&long).send().await;
        assert_eq!(check_detail(&answer, 401), "The access token is longer than 16384 bytes");
        let huge = chat.server.request("GET", "/files").bearer(&"a".repeat(1 << 20)).try_send().await;
        assert!(huge.is_err() || huge.is_ok_and(|answer| answer.status == 431));
    })
    .await;
}

/// A public key is known to all: a token signed with its text as an HMAC secret proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_is_not_a_secret() {
    let pem = include_str!("../../src/auth/testdata/rs256.pem");
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let file = folder.path().join("public.pem");
    std::fs::write(&file, pem).expect("a file of ours can be made");
    let server = Setup::default().demo().setting("--jwt-public-key", file.display()).start().await;
    for secret in [pem, pem.trim_end(), &pem.replace('\n', "\r\n")] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        let claims = json!({"sub": "alice@example.com", "exp": 4_102_444_800_u64});
        for algorithm in [jsonwebtoken::Algorithm::HS256, jsonwebtoken::Algorithm::HS512] {
            let token = jsonwebtoken::encode(&jsonwebtoken::Header::new(algorithm), &claims, &key)
                .expect("HMAC signs");
            check_detail(&server.request("GET", "/files").bearer(&token).send().await, 401);
        }
    }
}

//! Keys of tokens: where they come from, how they are replaced while the server runs, and what happens while
//! there are none.

use harness::chat::check_detail;
use harness::issuer::{Issuer, Says, SigningKey, key_set};
use harness::script::Script;
use harness::server::{Server, Setup, run_to_its_end};
use harness::token::Token;
use harness::wait;
use serde_json::json;
use std::time::Duration;

mod asked;

use asked::asks;

/// Waits until the server answers a request with this token with this status.
async fn becomes(server: &Server, token: &str, status: u16) {
    let what = format!("a token gets {status}");
    wait::until_true(&what, async || asks(server, token).await.status == status).await;
}

fn token_of(key: &SigningKey) -> String {
    Token::of("alice@example.com").mint_with(key)
}

fn says(keys: &[&SigningKey]) -> Says {
    Says::Keys(key_set(keys))
}

#[tokio::test]
async fn a_key_set_behind_a_url_is_read_again_for_an_unknown_key_but_not_for_each() {
    let [old, new, newest] = ["old", "new", "newest"].map(SigningKey::named);
    let issuer = Issuer::start(says(&[&old])).await;
    let server = Setup::default().keys("--jwt-jwks", issuer.url()).start().await;
    asks(&server, &token_of(&old)).await.expecting(200);
    assert_eq!(issuer.asked(), 1);

    issuer.says(says(&[&old, &new]));
    let token = token_of(&new);
    let request = server.request("GET", "/files").bearer(&token);
    let asking: Vec<_> = (0..20).map(|_| tokio::spawn(request.clone().send())).collect();
    for asked in asking {
        asked.await.expect("it does not panic").expecting(200);
    }
    assert_eq!(issuer.asked(), 2, "and shared them");

    issuer.says(says(&[&newest]));
    let strangers: Vec<_> = (0..20).map(|n| token_of(&SigningKey::named(&format!("made up {n}")))).collect();
    for token in strangers.iter().chain([&token_of(&newest)]) {
        let refused = asks(&server, token).await;
        assert_eq!(check_detail(&refused, 401), "Invalid or expired token");
    }
    assert_eq!(issuer.asked(), 2, "no request has them read more often than once a minute");

    server.hang_up();
    becomes(&server, &token_of(&newest), 200).await;
    assert_eq!(issuer.asked(), 3);
    for gone in [&old, &new] {
        asks(&server, &token_of(gone)).await.expecting(401);
    }
}

#[tokio::test]
async fn a_wrong_answer_of_the_issuer_changes_nothing() {
    let key = SigningKey::named("a");
    let issuer = Issuer::start(says(&[&key])).await;
    let server = Setup::default().keys("--jwt-jwks", issuer.url()).start().await;
    let wrong = [
        Says::ComeBack,
        Says::Keys("<html>sorry</html>".into()),
        Says::Keys(json!({"keys": []}).to_string()),
        Says::Keys(
            json!({"keys": [{"kid": "a", "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}]}).to_string(),
        ),
        Says::Keys(" ".repeat(2 << 20)),
    ];
    for (times, wrong) in (2..).zip(wrong) {
        issuer.says(wrong);
        server.hang_up();
        issuer.was_asked(times).await;
        asks(&server, &token_of(&key)).await.expecting(200);
    }
    wait::until_true("each failure is told", async || {
        server.log().matches("the former ones stay").count() == 5
    })
    .await;
}

#[tokio::test]
async fn a_server_whose_issuer_is_away_asks_clients_to_come_again() {
    let key = SigningKey::named("a");
    let issuer = Issuer::start(Says::ComeBack).await;
    let server = Setup::default().keys("--jwt-jwks", issuer.url()).start().await;
    let not_ready = server.request("GET", "/readyz").send().await.expecting(503);
    assert!(not_ready.text().contains("no keys"), "{}", not_ready.text());
    server.request("GET", "/healthz").send().await.expecting(200);
    let token = token_of(&key);
    for (method, path, status) in [
        ("GET", "/files", 503),
        ("POST", "/files", 503),
        ("PATCH", "/files/01010101010101010101010101010101", 503),
        ("HEAD", "/files/01010101010101010101010101010101", 423),
    ] {
        let request = server.request(method, path).header("Tus-Resumable", "1.0.0").bearer(&token);
        let answer = request.send().await.expecting(status);
        assert!(answer.number("Retry-After") > 0, "{method}");
    }
    let auth = json!({"url": server.url(), "auth": {"token": token}, "transports": ["websocket"]});
    let socket = Script::start("socket", &auth);

    issuer.says(says(&[&key]));
    becomes(&server, &token, 200).await;
    server.request("GET", "/readyz").send().await.expecting(200);
    socket.saw("connect").await;
    assert!(socket.all("connect_error").is_empty(), "it was not sent away: {:?}", socket.events());
}

#[tokio::test]
async fn keys_come_by_https_only_with_a_trusted_certificate() {
    let key = SigningKey::named("a");
    let issuer = Issuer::with_a_certificate(says(&[&key])).await;
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let trusted = folder.path().join("trusted.pem");
    issuer.write_certificate(&trusted);
    let setup = |file: &std::path::Path| {
        Setup::default().keys("--jwt-jwks", issuer.url()).env("SSL_CERT_FILE", file.display())
    };
    let server = setup(&trusted).start().await;
    asks(&server, &token_of(&key)).await.expecting(200);

    let other = folder.path().join("other.pem");
    Issuer::with_a_certificate(Says::ComeBack).await.write_certificate(&other);
    let server = setup(&other).start().await;
    asks(&server, &token_of(&key)).await.expecting(503);
    assert!(server.log().contains("certificate"), "{}", server.log());
}

#[tokio::test]
async fn a_malformed_key_among_good_ones_is_passed_over_and_named() {
    let key = SigningKey::named("good");
    let mut short = SigningKey::named("short").public();
    short["x"] = json!("AAAA");
    let bad = [
        short,
        json!({"kid": "no-numbers", "kty": "RSA"}),
        json!({"kid": "shared", "kty": "oct", "k": "c2VjcmV0LXRoYXQtaXMtdG9sZA"}),
        json!(7),
    ];
    let set = |keys: &[serde_json::Value]| json!({ "keys": keys }).to_string();
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = folder.path().join("keys.json");
    let good = [&bad[..], &[key.public()]].concat();
    std::fs::write(&path, set(&good)).expect("a file of ours can be made");
    let server = Setup::default().keys("--jwt-jwks", path.display()).start().await;
    asks(&server, &token_of(&key)).await.expecting(200);
    let log = server.log();
    for name in ["short", "no-numbers", "shared", "number 4"] {
        let line = log.lines().find(|line| line.contains("passed over") && line.contains(name));
        assert!(line.is_some(), "{name} is named: {log}");
    }
    assert!(!log.contains("c2VjcmV0"), "nothing secret is told: {log}");

    std::fs::write(&path, set(&bad)).expect("a file of ours can be made");
    let issuer = Issuer::start(Says::Keys(set(&bad))).await;
    for place in [path.display().to_string(), issuer.url()] {
        let data = folder.path().join("data").display().to_string();
        let arguments = ["--listen", "127.0.0.1:0", "--data-dir", &data, "--jwt-jwks", &place];
        let death = run_to_its_end(&arguments, &[]).await;
        assert_eq!(death.status.code(), Some(2), "{death}");
        assert!(death.log.contains("no usable"), "{death}");
    }
}

#[tokio::test]
async fn a_key_set_in_a_file_is_read_again_as_well() {
    let [old, new] = ["old", "new"].map(SigningKey::named);
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = folder.path().join("keys.json");
    let write = |keys: &[&SigningKey]| std::fs::write(&path, key_set(keys)).expect("a file of ours");
    write(&[&old]);
    let server = Setup::default().keys("--jwt-jwks", path.display()).start().await;
    asks(&server, &token_of(&old)).await.expecting(200);
    write(&[&new]);
    asks(&server, &token_of(&new)).await.expecting(200);
    asks(&server, &token_of(&old)).await.expecting(401);
}

const OLD: &str = "the old secret, which is long enough for everyone";

const NEW: &str = "the new secret, which is as long, and has a comma";

#[tokio::test]
async fn two_secrets_are_valid_at_a_time_and_may_be_replaced_while_the_server_runs() {
    let [old, new] = [OLD, NEW].map(|secret| Token::of("alice@example.com").signed_by(secret).mint());
    let server = Setup::default().keys("--jwt-secret", NEW).setting("--jwt-secret", OLD).start().await;
    for token in [&old, &new] {
        asks(&server, token).await.expecting(200);
    }
    let path = server.scratch("secrets");
    let write = |text: String| std::fs::write(&path, text).expect("a file of ours");
    write(format!("{OLD}\n"));
    let setup = Setup::default().keys("--jwt-secret-file", path.display());
    server.restart_with(setup).await;
    asks(&server, &old).await.expecting(200);
    asks(&server, &new).await.expecting(401);

    write(format!("{NEW}\n{OLD}\n"));
    server.hang_up();
    becomes(&server, &new, 200).await;
    asks(&server, &old).await.expecting(200);

    write(format!("{NEW}\n"));
    server.hang_up();
    becomes(&server, &old, 401).await;
    asks(&server, &new).await.expecting(200);

    write("short\n".to_owned());
    server.hang_up();
    wait::until_true("it is told", async || server.log().contains("the former ones stay")).await;
    asks(&server, &new).await.expecting(200);
    assert!(!server.log().contains(NEW) && !server.log().contains("short\n"), "no secret is told");

    write(format!("{OLD}\n"));
    let by_variable = Setup::default().demo().env("LONGHAUL_JWT_SECRET_FILE", path.display());
    server.restart_with(by_variable).await;
    asks(&server, &old).await.expecting(200);
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_does_not_start() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let data = folder.path().join("data").display().to_string();
    let file = folder.path().join("secret").display().to_string();
    let short = "x".repeat(31);
    std::fs::write(&file, &short).expect("a file of ours can be made");
    let given = ["--listen", "127.0.0.1:0", "--data-dir", &data];
    for (arguments, environment) in [
        (&["--jwt-secret", &short][..], &[][..]),
        (&["--jwt-secret", ""], &[]),
        (&["--jwt-secret", OLD, "--jwt-secret", &short], &[]),
        (&["--jwt-secret-file", &file], &[]),
        (&[], &[("LONGHAUL_JWT_SECRET", short.as_str())]),
        (&[], &[("LONGHAUL_JWT_SECRET_FILE", &file)]),
    ] {
        let death = run_to_its_end(&[&given, arguments].concat(), environment).await;
        assert_eq!(death.status.code(), Some(2), "{death}");
        assert!(death.log.contains("--jwt-secret") && death.log.contains("at least 32"), "{death}");
        assert!(!death.log.contains(&short), "the secret is not told: {death}");
    }
}

#[tokio::test]
async fn a_hang_up_never_ends_the_server() {
    let server = Setup::default().demo().start().await;
    server.hang_up();
    wait::until_true("it is noticed", async || server.log().contains("given with the settings")).await;
    server.request("GET", "/healthz").send().await.expecting(200);

    // The server is starting: it has asked for its keys, and accepts no requests yet.
    let key = SigningKey::named("a");
    let issuer = Issuer::start(Says::Nothing).await;
    let setup = Setup::default().keys("--jwt-jwks", issuer.url());
    let starting = server.try_restart_with(setup);
    let meanwhile = async {
        issuer.was_asked(1).await;
        server.hang_up();
        issuer.says(says(&[&key]));
    };
    let (started, ()) = tokio::join!(starting, meanwhile);
    started.expect("it goes on starting");
    issuer.was_asked(2).await;
    becomes(&server, &token_of(&key), 200).await;

    // The server is ending.
    let open = server.request("POST", "/files").bearer(&token_of(&key)).declared_length(9).open().await;
    server.terminate();
    server.hang_up();
    drop(open);
    assert_eq!(server.ended(Duration::from_secs(30)).await.code(), Some(0));
}

#[tokio::test]
async fn only_the_configured_issuer_and_audience_count() {
    let setup =
        Setup::default().setting("--jwt-issuer", "https://id.example").setting("--jwt-audience", "chat");
    let server = setup.start().await;
    let good = Token::of("alice@example.com").with("iss", "https://id.example").with("aud", "chat");
    asks(&server, &good.mint()).await.expecting(200);
    for bad in [
        good.clone().without("iss"),
        good.clone().with("iss", "https://id.example/"),
        good.clone().with("iss", json!(["https://id.example"])),
        good.clone().without("aud"),
        good.clone().with("aud", json!(["chat", 7])),
        good.clone().with("aud", json!({"chat": true})),
    ] {
        assert_eq!(check_detail(&asks(&server, &bad.mint()).await, 401), "Invalid or expired token");
    }
}

#[tokio::test]
async fn a_malformed_claim_does_not_let_the_next_one_decide() {
    let server = Server::start().await;
    let ben = Token::of("alice@example.com").with("email", "ben@example.com");
    for malformed in [
        json!(7),
        json!(""),
        json!(true),
        json!(["alice@example.com"]),
        json!({"id": "alice@example.com"}),
        json!("alice\u{0}"),
        json!("alice\nben"),
        json!("x".repeat(257)),
    ] {
        let token = ben.clone().with("sub", malformed.clone()).mint();
        assert_eq!(
            check_detail(&asks(&server, &token).await, 401),
            "Invalid or expired token",
            "{malformed}"
        );
    }
    for absent in [ben.clone().without("sub"), ben.clone().with("sub", json!(null))] {
        asks(&server, &absent.mint()).await.expecting(200);
    }
    for exp in [json!("4102444800"), json!(null), json!([4_102_444_800_u64])] {
        asks(&server, &ben.clone().with("exp", exp).mint()).await.expecting(401);
    }
    let put = |token: String| {
        let body = json!({"participants": ["alice@example.com"]});
        server.request("PUT", "/conversations/507f1f77bcf86cd7994390aa").bearer(&token).json(&body)
    };
    for scope in [json!(["admin"]), json!(7), json!({"admin": true}), json!(null)] {
        let token = ben.clone().with("scope", scope).mint();
        put(token.clone()).send().await.expecting(403);
        asks(&server, &token).await.expecting(200);
    }
}

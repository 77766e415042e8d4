//! Tokens as long as identity providers make them.

use harness::chat::check_detail;
use harness::script::Script;
use harness::server::Server;
use harness::token::Token;
use harness::wait;
use serde_json::json;

mod asked;

use asked::asks;

/// A token of the greatest allowed length, or a few bytes less.
fn long_token(user: &str) -> String {
    let of = |filler: usize| Token::of(user).with("groups", "x".repeat(filler)).mint();
    let slack = (16 * 1024 - of(0).len()) / 4 * 3;
    let token = of(slack - 3);
    assert!((16_370..=16_384).contains(&token.len()), "{}", token.len());
    token
}

#[tokio::test]
async fn a_token_of_16_kibibytes_comes_through_everywhere() {
    let server = Server::start().await;
    let token = long_token("alice@example.com");
    asks(&server, &token).await.expecting(200);
    for (what, config) in [
        ("auth", json!({"auth": {"token": token}})),
        ("query", json!({"query": {"token": token}})),
        ("header", json!({"extraHeaders": {"Authorization": format!("Bearer {token}")}})),
    ] {
        for transport in ["websocket", "polling"] {
            let mut config = config.clone();
            config["url"] = json!(server.url());
            config["transports"] = json!([transport]);
            let socket = Script::start("socket", &config);
            wait::until_true(&format!("it is told about {what} by {transport}"), async || {
                !socket.all("connect").is_empty() || !socket.all("connect_error").is_empty()
            })
            .await;
            assert!(socket.all("connect_error").is_empty(), "{what} {transport}: {:?}", socket.events());
        }
    }
    for longer in [
        Token::of("alice@example.com").with("groups", "x".repeat(13_000)),
        Token::of("a").with("x", "x".repeat(60_000)),
    ] {
        let refused = asks(&server, &longer.mint()).await;
        assert_eq!(check_detail(&refused, 401), "The access token is longer than 16384 bytes");
        assert_eq!(refused.expect("WWW-Authenticate"), "Bearer");
    }
}

#[tokio::test]
async fn a_token_of_16_kibibytes_comes_through_over_http_2() {
    if harness::left_out::left_out("curl") {
        return;
    }
    let server = Server::start().await;
    let too_long = Token::of("alice@example.com").with("groups", "x".repeat(13_000)).mint();
    for (token, expected) in [(long_token("alice@example.com"), "200"), (too_long, "longer than 16384 bytes")]
    {
        let headers = server.scratch("headers");
        std::fs::write(&headers, format!("Authorization: Bearer {token}\n")).expect("a file of ours");
        let mut curl = tokio::process::Command::new("curl");
        curl.args([
            "--silent",
            "--show-error",
            "--max-time",
            "60",
            "--noproxy",
            "*",
            "--http2-prior-knowledge",
        ])
        .args([
            "-w",
            "%{http_code}",
            "-H",
            &format!("@{}", headers.display()),
            &format!("{}/files", server.url()),
        ]);
        let output = wait::bounded("curl ends", curl.output()).await.expect("curl can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains(expected), "{said} {}", String::from_utf8_lossy(&output.stderr));
    }
}

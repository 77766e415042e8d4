//! Demo mode gives its tokens to whoever sits at this machine, and to nobody's page.

use protocol_tests::http::{Connection, Request, Response};
use protocol_tests::{Server, Setup, check_detail};

/// The beginning of every token.
const TOKEN: &str = "eyJ";

fn page(server: &Server, host: &str) -> Request {
    server.request("GET", "/").header("Host", host)
}

fn gives_tokens_away(answer: &Response) -> bool {
    answer.text().contains(TOKEN)
}

#[tokio::test]
async fn a_demo_is_served_under_the_names_of_this_machine_only() {
    let server = Setup::default().demo().start().await;
    let port = server.address().port();
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.8.7.6", "[::1]", "longhaul.localhost"] {
        for host in [host.to_owned(), format!("{host}:{port}"), format!("{host}:9")] {
            let answer = page(&server, &host).send().await.expecting(200);
            assert!(gives_tokens_away(&answer), "{host}");
        }
    }
    let foreign = [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "evillocalhost",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
    ];
    for host in foreign {
        for host in [host.to_owned(), format!("{host}:{port}")] {
            for name in ["X-Forwarded-Host", "Forwarded", "X-Original-Host"] {
                let refused = page(&server, &host).header(name, "localhost").send().await;
                assert!(check_detail(&refused, 403).contains("localhost"), "{host}");
                assert!(!gives_tokens_away(&refused), "{host}");
            }
        }
    }
    // What is no name at all is refused with or without a demo.
    for host in
        ["localhost@evil.example", "evil.example@localhost", "localhost, evil.example", "localhost evil"]
    {
        check_detail(&page(&server, host).send().await, 400);
    }
}

#[tokio::test]
async fn a_foreign_name_gets_nothing_else_of_a_demo_either() {
    let setup = Setup::default().demo().flag("--trust-forwarded");
    let server = setup.start().await;
    for path in
        ["/", "/?a", "/files", "/healthz", "/metrics", "/socket.io/?EIO=4&transport=polling", "/nothing"]
    {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = server.request(method, path).header("Host", "evil.example");
            let refused = request.header("X-HTTP-Method-Override", "GET").send().await;
            check_detail(&refused, 403);
        }
    }
    // The authority of the request line counts before the header.
    for (target, host) in [("http://evil.example/", "localhost"), ("http://localhost/", "evil.example")] {
        let mut connection = Connection::open(server.address()).await;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        connection.send(request.as_bytes()).await;
        assert!(!gives_tokens_away(&connection.answer().await), "{target} {host}");
    }
}

#[tokio::test]
async fn no_other_origin_may_read_or_frame_the_page() {
    let demo = Setup::default().demo().start().await;
    let with_credentials = Setup::default()
        .setting("--cors-origin", "https://chat.example")
        .flag("--cors-credentials")
        .start()
        .await;
    for server in [&demo, &with_credentials] {
        for origin in ["https://evil.example", "https://chat.example", "null", "http://localhost:1"] {
            for path in ["/", "/?a=b", "//", "/./", "/%2f"] {
                let read = server.request("GET", path).header("Origin", origin).send().await;
                if !read.text().contains("<h1>longhaul</h1>") {
                    assert_eq!(read.status, 404, "the page is not there: {path}");
                    continue;
                }
                let preflight = server.request("OPTIONS", path).header("Origin", origin);
                let preflight = preflight.header("Access-Control-Request-Method", "GET").send().await;
                for answer in [read, preflight] {
                    let allowed = answer.header("Access-Control-Allow-Origin");
                    assert_eq!(allowed, None, "{origin} {path}");
                }
            }
        }
        let page = server.request("GET", "/").send().await.expecting(200);
        for (name, value) in [
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
        ] {
            assert_eq!(page.expect(name), value);
        }
        assert!(page.expect("Content-Security-Policy").contains("frame-ancestors 'none'"));
        // What gives nothing away stays open to other origins.
        let open = server.request("OPTIONS", "/files").header("Origin", "https://chat.example").send().await;
        assert!(open.header("Access-Control-Allow-Origin").is_some());
    }
}

#[tokio::test]
async fn with_a_key_any_name_is_served() {
    let server = Server::start().await;
    for host in ["chat.example", "10.0.0.1:8000", "localhost"] {
        let answer = page(&server, host).send().await.expecting(200);
        assert!(!gives_tokens_away(&answer), "{host}");
    }
}

//! Demo mode gives its tokens only to clients on this machine, and never to a page of another origin.

use harness::chat::check_detail;
use harness::http::{Connection, Request, Response};
use harness::server::{Server, Setup, run_to_its_end};
use serde_json::json;

/// The beginning of every token.
const TOKEN: &str = "eyJ";

fn page(server: &Server, host: &str) -> Request {
    server.request("GET", "/demo.json").header("Host", host)
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
    // A malformed host is refused with or without a demo.
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
    for path in [
        "/",
        "/?a",
        "/demo.json",
        "/app.js",
        "/files",
        "/healthz",
        "/metrics",
        "/socket.io/?EIO=4&transport=polling",
        "/nothing",
    ] {
        for method in ["GET", "POST", "OPTIONS"] {
            let request = server.request(method, path).header("Host", "evil.example");
            let refused = request.header("X-HTTP-Method-Override", "GET").send().await;
            check_detail(&refused, 403);
        }
    }
    // The authority of the request line counts before the header.
    for (target, host) in
        [("http://evil.example/demo.json", "localhost"), ("http://localhost/demo.json", "evil.example")]
    {
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
            for path in ["/", "/?a=b", "//", "/./", "/%2f", "/demo.json", "/demo.json/", "/demo.json?a=b"] {
                let read = server.request("GET", path).header("Origin", origin).send().await;
                if !read.text().contains("<h1>longhaul</h1>") && !gives_tokens_away(&read) {
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
        // Routes that give no token away stay open to other origins.
        let open = server.request("OPTIONS", "/files").header("Origin", "https://chat.example").send().await;
        assert!(open.header("Access-Control-Allow-Origin").is_some());
    }
}

#[tokio::test]
async fn with_a_key_any_name_is_served() {
    let server = Server::start().await;
    for host in ["chat.example", "10.0.0.1:8000", "localhost"] {
        server.request("GET", "/").header("Host", host).send().await.expecting(200);
        check_detail(&page(&server, host).send().await, 404);
    }
}

#[tokio::test]
async fn the_page_is_made_of_files_of_its_own_below_the_base_path() {
    let server = Setup::default().base_path("/chat").demo().start().await;
    for (path, content_type) in [
        ("/", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/demo.json", "application/json"),
    ] {
        let answer = server.request("GET", path).send().await.expecting(200);
        assert_eq!(answer.expect("Content-Type"), content_type, "{path}");
        let policy = answer.expect("Content-Security-Policy");
        assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let page = server.request("GET", "/").send().await;
    assert!(page.text().contains("<base href=\"/chat/\">"));
    for path in ["/nothing.js", "/../app.js", "/files.js"] {
        server.request("GET", path).send().await.expecting(404);
    }
}

#[tokio::test]
async fn the_page_can_be_left_out_or_be_anothers() {
    let off = Setup::default().demo().setting("--web", "off").start().await;
    for path in ["/", "/app.js", "/demo.json"] {
        check_detail(&off.request("GET", path).send().await, 404);
    }
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("sub")).expect("a folder");
    for (file, text) in [("index.html", "<p>mine"), ("sub/a.js", "1"), ("files", "hidden by a route")] {
        std::fs::write(folder.path().join(file), text).expect("a file");
    }
    let own = |setup: Setup| setup.setting("--web", folder.path().display()).start();
    let (demo, keyed) = (own(Setup::default().demo()).await, own(Setup::default()).await);
    for server in [&demo, &keyed] {
        let index = server.request("GET", "/").send().await.expecting(200);
        assert_eq!(index.text(), "<p>mine");
        server.request("HEAD", "/sub/a.js").send().await.expecting(200);
        let part = server.request("GET", "/index.html").header("Range", "bytes=0-1").send().await;
        assert_eq!(part.expecting(206).text(), "<p");
        check_detail(&server.request("GET", "/files").send().await, 401);
        check_detail(&server.request("POST", "/index.html").send().await, 404);
        for path in ["/nothing", "/sub/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/sub%2f..%2f..%2fetc"]
        {
            check_detail(&server.request("GET", path).send().await, 404);
        }
    }
    assert!(gives_tokens_away(&page(&demo, "localhost").send().await));
    check_detail(&page(&keyed, "localhost").send().await, 404);
}

#[tokio::test]
async fn a_token_can_be_had_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let missing = run_to_its_end(&["token", "--user", "a@b.c", "--data-dir", &data], &[]).await;
    assert_eq!(missing.status.code(), Some(2));
    assert!(missing.log.contains("no secret, and no demo"), "{}", missing.log);

    let demo = Setup::default().demo().data_folder(folder.path().join("data").as_path()).start().await;
    let token = run_to_its_end(&["token", "--user", "alice@example.com", "--data-dir", &data], &[]).await;
    demo.request("GET", "/files").bearer(token.log.trim()).send().await.expecting(200);

    let secret = "a secret of more than thirty-two bytes";
    let keyed = Setup::default()
        .demo()
        .setting("--jwt-secret", secret)
        .setting("--jwt-claims", "uid")
        .setting("--jwt-audience", "chat")
        .setting("--jwt-issuer", "https://issuer.example");
    let keyed = keyed.start().await;
    let variables = [
        ("LONGHAUL_JWT_SECRET", secret),
        ("LONGHAUL_JWT_CLAIMS", "uid"),
        ("LONGHAUL_JWT_AUDIENCE", "chat"),
        ("LONGHAUL_JWT_ISSUER", "https://issuer.example"),
    ];
    let conversation = json!({"participants": ["alice@example.com"]});
    for (arguments, status) in [(&["--admin"][..], 201), (&[], 403)] {
        let arguments = [&["token", "--user", "root@example.com"], arguments].concat();
        let token = run_to_its_end(&arguments, &variables).await;
        let put = keyed.request("PUT", "/conversations/507f1f77bcf86cd799439099").bearer(token.log.trim());
        put.json(&conversation).send().await.expecting(status);
    }
    for wrong in [&["--user", ""][..], &["--user", "a@b.c", "--valid-for", "soon"], &[]] {
        let refused = run_to_its_end(&[&["token"], wrong].concat(), &variables).await;
        assert_eq!(refused.status.code(), Some(2), "{wrong:?}");
    }
}

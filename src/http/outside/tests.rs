use std::sync::Arc;

use axum::http::Request;

use super::*;

fn outside(headers: &[(&str, &str)], trusts: bool, base: &str) -> Outside {
    let mut request = Request::builder().uri("/files");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let parts = request.body(()).expect("valid").into_parts().0;
    let base = base.parse().expect("a base path");
    Outside::of(&parts, trusts, &Presenter::new(base, Arc::default()))
}

#[test]
fn the_host_is_what_the_client_called_us() {
    for (host, url) in [
        ("a:8000", "http://a:8000/x"),
        ("chat.example", "http://chat.example/x"),
        ("[::1]:8000", "http://[::1]:8000/x"),
        ("[::1]", "http://[::1]/x"),
        ("a:", "http://a/x"),
        // A text that is no host makes a relative URL.
        ("a b", "/x"),
        ("a/b?c", "/x"),
        ("user@a", "/x"),
        ("user:secret@a:1", "/x"),
        ("a::", "/x"),
        ("a:b", "/x"),
        ("a:65536", "/x"),
        ("a:0", "/x"),
        (":80", "/x"),
        ("", "/x"),
    ] {
        assert_eq!(outside(&[("host", host)], false, "").url("/x"), url, "{host}");
    }
    assert_eq!(outside(&[], false, "").url("/x"), "/x");
}

#[test]
fn forwarded_headers_count_only_when_they_are_trusted() {
    let headers = [
        ("host", "in:1"),
        ("x-forwarded-host", "chat.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-prefix", "/edge"),
        ("forwarded", "host=other.example;proto=https"),
    ];
    assert_eq!(outside(&headers, false, "").url("/x"), "http://in:1/x");
    assert_eq!(outside(&headers[..5], true, "").url("/x"), "https://chat.example:8443/edge/x");
    assert_eq!(outside(&headers, true, "").url("/x"), "https://other.example:8443/edge/x");
}

#[test]
fn what_proxies_say_becomes_the_url() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        // Schemes, in any letter case.
        (&[("x-forwarded-proto", "HTTPS")], "https://in:1/x"),
        (&[("x-forwarded-proto", "Https, http")], "https://in:1/x"),
        (&[("x-forwarded-proto", "wss")], "https://in:1/x"),
        (&[("x-forwarded-proto", "gopher")], "http://in:1/x"),
        (&[("forwarded", "proto=HTTPS")], "https://in:1/x"),
        // Hosts: the outermost proxy's; a malformed one is ignored.
        (&[("x-forwarded-host", "a:81, b")], "http://a:81/x"),
        (&[("x-forwarded-host", "a/../b")], "http://in:1/x"),
        (&[("x-forwarded-host", "a@b")], "http://in:1/x"),
        (&[("x-forwarded-host", "")], "http://in:1/x"),
        (&[("forwarded", r#"host="[2001:db8::1]:8443";proto=https"#)], "https://[2001:db8::1]:8443/x"),
        (&[("forwarded", "host=a;proto=https, host=b;proto=http")], "https://a/x"),
        // Each parameter by itself: if `Forwarded` lacks it or has it malformed, the other headers count.
        (&[("forwarded", "proto=https"), ("x-forwarded-host", "a")], "https://a/x"),
        (&[("forwarded", "host=a"), ("x-forwarded-proto", "https")], "https://a/x"),
        (&[("forwarded", "host=a b"), ("x-forwarded-host", "c")], "http://c/x"),
        (&[("forwarded", "for=_hidden;host=\"a\\b/c\""), ("x-forwarded-host", "c")], "http://c/x"),
        // Ports: for a host without one; the usual port is left out.
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "8080")], "http://a:8080/x"),
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "80")], "http://a/x"),
        (&[("forwarded", "host=a;proto=https"), ("x-forwarded-port", "443")], "https://a/x"),
        (&[("forwarded", "host=a;proto=https"), ("x-forwarded-port", "80")], "https://a:80/x"),
        (&[("x-forwarded-host", "a:1"), ("x-forwarded-port", "2")], "http://a:1/x"),
        (&[("x-forwarded-host", "[::1]"), ("x-forwarded-port", "8443, 80")], "http://[::1]:8443/x"),
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "+80")], "http://a/x"),
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "99999")], "http://a/x"),
        (&[("x-forwarded-host", "a"), ("x-forwarded-port", "0")], "http://a/x"),
        // Prefixes: those of several proxies are joined; a malformed one voids them all.
        (&[("x-forwarded-prefix", "/edge")], "http://in:1/edge/x"),
        (&[("x-forwarded-prefix", "edge/")], "http://in:1/edge/x"),
        (&[("x-forwarded-prefix", "/")], "http://in:1/x"),
        (&[("x-forwarded-prefix", "/a, /b")], "http://in:1/a/b/x"),
        (&[("x-forwarded-prefix", "/a"), ("x-forwarded-prefix", "/b")], "http://in:1/a/b/x"),
        (&[("x-forwarded-prefix", "/a, //evil.example")], "http://in:1/x"),
        (&[("x-forwarded-prefix", "//evil.example")], "http://in:1/x"),
        (&[("x-forwarded-prefix", "/../x?y")], "http://in:1/x"),
    ];
    for (headers, url) in cases {
        let headers: Vec<_> = [("host", "in:1")].iter().chain(*headers).copied().collect();
        assert_eq!(outside(&headers, true, "").url("/x"), *url, "{headers:?}");
    }
}

#[test]
fn what_a_proxy_took_away_stands_before_the_base_path() {
    let headers = [("host", "a"), ("x-forwarded-prefix", "/edge")];
    assert_eq!(outside(&headers, true, "/chat").url("/x"), "http://a/edge/chat/x");
    assert_eq!(outside(&headers, false, "/chat").url("/x"), "http://a/chat/x");
    assert_eq!(outside(&headers[1..], true, "/chat").presenter.base().of("/x"), "/edge/chat/x");
}

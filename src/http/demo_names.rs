//! Names that a demo answers to. Its page gives tokens away, and a foreign name may resolve to this machine:
//! a page under that name would have the demo's origin, and could read everything (DNS rebinding).

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;

use super::error::{ApiError, Code};
use crate::loopback::is_loopback;

/// Refuses a request for any name but this machine's. Only what the browser itself sets counts, the request's
/// authority and `Host`: a page can set every header that a proxy would.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let hosts = request.headers().get_all(HOST).iter().map(|host| host.as_bytes());
    let mut names = authority.into_iter().chain(hosts).peekable();
    let is_named = names.peek().is_some();
    let is_ours = is_named && names.all(is_of_this_machine);
    (!is_ours).then(|| {
        ApiError::forbidden(
            Code::LocalOnly,
            "In demo mode the server answers to localhost only; with a key it answers to any name",
        )
    })
}

fn is_of_this_machine(name: &[u8]) -> bool {
    let authority = Authority::try_from(name);
    authority.is_ok_and(|authority| !authority.as_str().contains('@') && is_loopback(authority.host()))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_demo_answers_to_this_machine_only() {
        for (target, hosts, answers) in [
            ("/", &["localhost:8000"][..], true),
            ("/", &["LOCALHOST"], true),
            ("/", &["127.0.0.1:8000"], true),
            ("/", &["[::1]:8000"], true),
            ("/", &["demo.localhost:1"], true),
            ("http://localhost:8000/", &[], true),
            ("http://localhost:8000/", &["localhost:8000"], true),
            ("/", &[], false),
            ("/", &[""], false),
            ("/", &["evil.example"], false),
            ("/", &["evil.example:8000"], false),
            ("/", &["localhost.evil.example"], false),
            ("/", &["127.0.0.1.evil.example"], false),
            ("/", &["localhost@evil.example"], false),
            ("/", &["evil.example@localhost"], false),
            ("/", &["localhost:8000, evil.example"], false),
            ("/", &["localhost evil"], false),
            ("/", &["192.168.0.1"], false),
            ("/", &["0.0.0.0:8000"], false),
            ("/", &["localhost", "evil.example"], false),
            ("http://evil.example/", &["localhost"], false),
            ("http://localhost/", &["evil.example"], false),
        ] {
            let mut request = Request::builder().uri(target);
            for host in hosts {
                request = request.header(HOST, *host);
            }
            for name in ["x-forwarded-host", "forwarded", "origin", "referer"] {
                request = request.header(name, if answers { "evil.example" } else { "localhost" });
            }
            let request = request.body(Body::empty()).expect("valid");
            assert_eq!(refusal_of(&request).is_none(), answers, "{target} {hosts:?}");
        }
    }
}

//! The host that a request is for: `Host` (RFC 9112 §3.2) and `:authority` (RFC 9113 §8.3.1). If proxies and
//! servers disagree about it, requests and cached answers go to the wrong place.

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Uri, Version};

use super::error::{ApiError, Code};

/// The refusal of a request that does not say which host it is for.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    let fault = fault(request.version(), request.uri(), request.headers())?;
    Some(ApiError::bad_request(Code::InvalidHost, fault))
}

fn fault(version: Version, target: &Uri, headers: &HeaderMap) -> Option<&'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Some("Host is given twice");
    }
    let may_be_missing = match version {
        // These versions have no Host.
        Version::HTTP_09 | Version::HTTP_10 => true,
        // A target in absolute form does not replace it.
        Version::HTTP_11 => false,
        _ => target.authority().is_some(),
    };
    match host {
        None if may_be_missing => None,
        None => Some("Missing Host"),
        Some(host) if names_a_host(host) => None,
        Some(_) => Some("Invalid Host"),
    }
}

/// Whether a value is `uri-host [ ":" port ]`, and nothing else that an authority may have.
fn names_a_host(value: &HeaderValue) -> bool {
    let authority = Authority::try_from(value.as_bytes());
    authority.is_ok_and(|authority| {
        let text = authority.as_str();
        let port = text.strip_prefix(authority.host());
        !authority.host().is_empty()
            // Two lines joined by a comma are no name, though the grammar allows it.
            && !text.contains(['@', ','])
            && port.is_some_and(|port| match port.strip_prefix(':') {
                Some(digits) => digits.is_empty() || digits.parse::<u16>().is_ok(),
                None => port.is_empty(),
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault_of(version: Version, target: &'static str, hosts: &[&'static str]) -> Option<&'static str> {
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| _ = map.append(name, value));
        fault(version, &Uri::from_static(target), &map)
    }

    #[test]
    fn a_request_names_its_host_once() {
        let (missing, twice) = (Some("Missing Host"), Some("Host is given twice"));
        for (version, target, hosts, expected) in [
            (Version::HTTP_11, "/files", &["chat.example"][..], None),
            (Version::HTTP_11, "/files", &[], missing),
            (Version::HTTP_11, "/files", &["chat.example", "chat.example"], twice),
            (Version::HTTP_11, "http://chat.example/files", &["chat.example"], None),
            (Version::HTTP_11, "http://chat.example/files", &[], missing),
            (Version::HTTP_11, "*", &[], missing),
            (Version::HTTP_10, "/healthz", &[], None),
            (Version::HTTP_10, "/healthz", &["chat.example"], None),
            (Version::HTTP_10, "/healthz", &["a", "b"], twice),
            (Version::HTTP_2, "http://chat.example/files", &[], None),
            (Version::HTTP_2, "http://chat.example/files", &["chat.example"], None),
            (Version::HTTP_2, "http://chat.example/files", &["a", "b"], twice),
            (Version::HTTP_2, "/files", &["chat.example"], None),
            (Version::HTTP_2, "/files", &[], missing),
        ] {
            assert_eq!(fault_of(version, target, hosts), expected, "{version:?} {target} {hosts:?}");
        }
    }

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for (host, is_one) in [
            ("chat.example", true),
            ("chat.example:8000", true),
            ("chat.example:", true),
            ("127.0.0.1:8000", true),
            ("[::1]", true),
            ("[::1]:8000", true),
            ("upload_server", true),
            ("", false),
            (":8000", false),
            ("a b", false),
            ("a,b", false),
            ("a/b?c", false),
            ("user@chat.example", false),
            ("chat.example:80000", false),
            ("chat.example:http", false),
            ("http://chat.example", false),
        ] {
            let fault = fault_of(Version::HTTP_11, "/", &[host]);
            assert_eq!(fault, (!is_one).then_some("Invalid Host"), "{host:?}");
        }
    }
}

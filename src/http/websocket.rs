//! The opening of a WebSocket (RFC 6455 §4.2.1), checked before Socket.IO sees it. It answers 101 to all that
//! names the transport, and a client whose proxy dropped `Upgrade` would wait 20 s before it polls.

use axum::extract::Request;
use axum::http::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderMap, Version};
use data_encoding::BASE64;

use super::error::{ApiError, WEBSOCKET_VERSION};

const KEY_BYTES: usize = 16;

/// The refusal of a request that asks for a WebSocket but cannot open one.
pub(super) fn refusal_of(request: &Request) -> Option<ApiError> {
    let query = request.uri().query().unwrap_or_default();
    if !query.split('&').any(|pair| pair == "transport=websocket") {
        return None;
    }
    fault(request.version(), request.headers()).map(ApiError::no_websocket)
}

fn fault(version: Version, headers: &HeaderMap) -> Option<&'static str> {
    let only = |name: HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none()).map(|value| value.as_bytes().trim_ascii())
    };
    if version != Version::HTTP_11 || !lists(headers, UPGRADE, "websocket") {
        return Some("A WebSocket begins with Upgrade: websocket over HTTP/1.1");
    }
    if !lists(headers, CONNECTION, "upgrade") {
        return Some("A WebSocket begins with Connection: Upgrade");
    }
    if only(SEC_WEBSOCKET_VERSION) != Some(WEBSOCKET_VERSION.as_bytes()) {
        return Some("Sec-WebSocket-Version has to be 13");
    }
    let key = only(SEC_WEBSOCKET_KEY).and_then(|key| BASE64.decode(key).ok());
    (key.is_none_or(|key| key.len() != KEY_BYTES)).then_some("Invalid Sec-WebSocket-Key")
}

/// Whether a list header, in any number of lines, has the token in any letter case.
fn lists(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).iter();
    values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).any(|item| {
        let item = item.trim_ascii();
        // A protocol may be followed by its version.
        item.split(|byte| *byte == b'/')
            .next()
            .is_some_and(|word| word.eq_ignore_ascii_case(token.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    const KEY: (&str, &str) = ("sec-websocket-key", "AAAAAAAAAAAAAAAAAAAAAA==");
    const VERSION: (&str, &str) = ("sec-websocket-version", "13");

    fn is_refused(target: &str, version: Version, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::get(target).version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        refusal_of(&request.body(Body::empty()).expect("valid")).is_some()
    }

    #[test]
    fn an_opening_may_be_written_in_many_ways() {
        let opens: [&[(&str, &str)]; 5] = [
            &[("upgrade", "websocket"), ("connection", "Upgrade"), VERSION, KEY],
            &[("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade"), VERSION, KEY],
            &[("upgrade", "h2c, WEBSOCKET"), ("connection", "UPGRADE,keep-alive"), VERSION, KEY],
            &[
                ("upgrade", "h2c"),
                ("upgrade", "websocket"),
                ("connection", "keep-alive"),
                ("connection", "upgrade"),
                VERSION,
                KEY,
            ],
            &[("upgrade", "websocket/13"), ("connection", "Upgrade"), VERSION, KEY],
        ];
        for headers in opens {
            let target = "/socket.io/?EIO=4&transport=websocket";
            assert!(!is_refused(target, Version::HTTP_11, headers), "{headers:?}");
        }
    }

    #[test]
    fn what_cannot_become_a_websocket_is_refused() {
        let (upgrade, connection) = (("upgrade", "websocket"), ("connection", "Upgrade"));
        let refused: [(&str, &[(&str, &str)]); 11] = [
            ("nothing of it", &[]),
            ("no upgrade", &[connection, VERSION, KEY]),
            ("another protocol", &[("upgrade", "h2c"), connection, VERSION, KEY]),
            ("part of a word", &[("upgrade", "websockets"), connection, VERSION, KEY]),
            ("no connection", &[upgrade, VERSION, KEY]),
            ("a connection that a proxy rewrote", &[upgrade, ("connection", "close"), VERSION, KEY]),
            ("no version", &[upgrade, connection, KEY]),
            ("an old version", &[upgrade, connection, ("sec-websocket-version", "8"), KEY]),
            ("two versions", &[upgrade, connection, VERSION, VERSION, KEY]),
            ("no key", &[upgrade, connection, VERSION]),
            ("a key that is too short", &[upgrade, connection, VERSION, ("sec-websocket-key", "AAAA")]),
        ];
        let target = "/socket.io/?EIO=4&transport=websocket&sid=x";
        for (what, headers) in refused {
            assert!(is_refused(target, Version::HTTP_11, headers), "{what}");
        }
        let whole = [upgrade, connection, VERSION, KEY];
        assert!(is_refused(target, Version::HTTP_10, &whole));
        assert!(is_refused(target, Version::HTTP_2, &whole));
    }

    #[test]
    fn polling_needs_nothing_of_it() {
        for target in
            ["/socket.io/?EIO=4&transport=polling", "/socket.io/", "/socket.io/?x=transport=websocket"]
        {
            assert!(!is_refused(target, Version::HTTP_11, &[]), "{target}");
        }
    }
}

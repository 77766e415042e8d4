//! The request that begins a session, which the library keeps as long as the session.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderValue, Uri};
use axum::response::Response;
use http_body_util::BodyExt;

use super::guests::{Guest, Guests, Origin};
use crate::auth::MAX_TOKEN_BYTES;
use crate::http::{Peer, forwarded_address, network_of};

/// The most bytes kept of that request: its token, in the target or a header, and the target around it.
const MAX_KEPT_BYTES: usize = MAX_TOKEN_BYTES + 4 * 1024;

/// The session id in a request.
pub(super) fn sid_of<B>(request: &Request<B>) -> Option<&str> {
    request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("sid="))
}

/// Whether the request asks for a WebSocket. As in the library, its target says so, whatever its headers say.
pub(super) fn is_websocket<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    let transport = query.split('&').find_map(|pair| pair.strip_prefix("transport="));
    transport.is_some_and(|transport| transport.split('=').next() == Some("websocket"))
}

/// The origins of a session. A proxy has many clients over the connections that it keeps: if it is trusted
/// and names no client, they are not bounded one by one.
pub(super) fn origins_of<B>(request: &Request<B>, trusts_forwarded: bool) -> Vec<Origin> {
    if trusts_forwarded {
        let address = forwarded_address(request.headers());
        return address.map(|address| Origin::Address(network_of(address))).into_iter().collect();
    }
    let peer = request.extensions().get::<Peer>();
    peer.map_or_else(Vec::new, |peer| {
        vec![Origin::Address(network_of(peer.address)), Origin::Connection(peer.connection)]
    })
}

/// The parts of a request that a session needs, copied: a header shares the memory of all. `None` if they are
/// long.
pub(super) fn kept<B>(request: &Request<B>, guest: &Arc<Guest>) -> Option<Request<()>> {
    let target = request.uri().to_string();
    let token = request.headers().get(AUTHORIZATION);
    if target.len() + token.map_or(0, HeaderValue::len) > MAX_KEPT_BYTES {
        return None;
    }
    let mut kept = Request::new(());
    *kept.method_mut() = request.method().clone();
    *kept.uri_mut() = target.parse::<Uri>().ok()?;
    *kept.version_mut() = request.version();
    if let Some(token) = token {
        kept.headers_mut().insert(AUTHORIZATION, HeaderValue::from_bytes(token.as_bytes()).ok()?);
    }
    kept.extensions_mut().insert(Arc::clone(guest));
    Some(kept)
}

/// Notes the id that the library gives a session in its answer, `0{"sid":"…",…}`.
pub(super) async fn named(guest: &Arc<Guest>, answer: Response) -> Response {
    let (parts, body) = answer.into_parts();
    let Ok(body) = body.collect().await else { return Response::from_parts(parts, Body::empty()) };
    let body = body.to_bytes();
    let sid =
        std::str::from_utf8(&body).ok().and_then(|text| text.split("\"sid\":\"").nth(1)?.split('"').next());
    if let Some(sid) = sid {
        guest.is_called(sid);
    }
    Response::from_parts(parts, Body::from(body))
}

/// The session that a request continues, if it is known.
pub(super) fn guest_of<B>(guests: &Guests, request: &Request<B>) -> Option<Arc<Guest>> {
    sid_of(request).and_then(|sid| guests.of(sid))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn request(target: &str) -> Request<()> {
        Request::get(target).body(()).expect("valid")
    }

    #[test]
    fn the_first_transport_of_a_target_counts() {
        for (query, expected) in [
            ("EIO=4&transport=websocket", true),
            ("transport=websocket=a&EIO=4", true),
            ("transport=websocket&transport=polling", true),
            ("transport=polling&transport=websocket", false),
            ("transport=polling", false),
            ("a=transport=websocket", false),
            ("", false),
        ] {
            assert_eq!(is_websocket(&request(&format!("/socket.io/?{query}"))), expected, "{query}");
        }
    }

    #[test]
    fn of_a_handshake_its_target_and_its_token_are_kept_and_nothing_long() {
        let guest = Guests::default().enter(&[]).expect("room");
        let mut whole = request("/socket.io/?EIO=4&transport=polling");
        for (name, value) in [("authorization", "Bearer a"), ("cookie", "b"), ("x-filler", "c")] {
            whole.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let kept_of_it = kept(&whole, &guest).expect("short");
        assert_eq!(kept_of_it.uri(), whole.uri());
        assert_eq!(kept_of_it.headers().len(), 1);
        assert_eq!(kept_of_it.headers()["authorization"], "Bearer a");
        assert!(kept(&request(&format!("/?token={}", "a".repeat(MAX_KEPT_BYTES))), &guest).is_none());
    }

    #[test]
    fn a_trusted_proxy_says_where_a_session_comes_from() {
        let address: IpAddr = "192.0.2.7".parse().expect("valid");
        let mut request = request("/");
        request.extensions_mut().insert(Peer { connection: 7, address: "10.0.0.1".parse().expect("valid") });
        let proxys = vec![Origin::Address("10.0.0.1".parse().expect("valid")), Origin::Connection(7)];
        assert_eq!(origins_of(&request, false), proxys);
        assert_eq!(origins_of(&request, true), []);
        request.headers_mut().insert("x-forwarded-for", HeaderValue::from_static("1.1.1.1, 192.0.2.7"));
        assert_eq!(origins_of(&request, false), proxys);
        assert_eq!(origins_of(&request, true), [Origin::Address(address)]);
    }
}

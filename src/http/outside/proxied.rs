//! What a trusted proxy says of the request that it got. `Forwarded` (RFC 7239) counts before the `X-Forwarded-*`
//! headers of the same meaning; of several values the first one does, which is the outermost proxy's. What is
//! malformed counts for nothing.

use axum::http::HeaderMap;

use super::first;
use super::forwarded::{Element, FORWARDED};
use super::host::{Host, Scheme, port_of};
use crate::base_path::BasePath;

/// How the client called the proxy, as far as it says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Proxied {
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<Host>,
    /// Of a host that has none with it.
    pub(super) port: Option<u16>,
    /// What the proxies took away from the beginning of the path.
    pub(super) prefix: BasePath,
}

impl Proxied {
    /// What the headers say.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let element = headers.get(FORWARDED).and_then(|value| value.to_str().ok()).and_then(Element::first);
        let element = element.unwrap_or_default();
        let x = |name| first(headers, name);
        Self {
            scheme: element
                .proto
                .as_deref()
                .and_then(scheme_of)
                .or_else(|| scheme_of(x("x-forwarded-proto")?)),
            host: element.host.as_deref().and_then(host_of).or_else(|| host_of(x("x-forwarded-host")?)),
            port: x("x-forwarded-port").and_then(port_of),
            prefix: prefix_of(headers),
        }
    }
}

/// A websocket's scheme is its page's, in other words.
fn scheme_of(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "https" | "wss" => Some(Scheme::Https),
        "http" | "ws" => Some(Scheme::Http),
        _ => None,
    }
}

fn host_of(text: &str) -> Option<Host> {
    text.parse().ok()
}

/// Each proxy that takes something away adds it behind what those before it took.
fn prefix_of(headers: &HeaderMap) -> BasePath {
    let texts = headers.get_all("x-forwarded-prefix").iter().map(|value| value.to_str().unwrap_or("?"));
    let bases = texts.flat_map(|text| text.split(',')).map(|text| text.trim().parse::<BasePath>());
    let whole = bases.reduce(|outer, inner| Ok(inner?.below(&outer?)));
    whole.and_then(Result::ok).unwrap_or_default()
}

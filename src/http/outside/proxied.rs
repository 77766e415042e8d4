//! The client's request as a trusted proxy describes it. `Forwarded` (RFC 7239) takes precedence over the
//! `X-Forwarded-*` headers of the same meaning. Of several values the first counts, which is the outermost
//! proxy's. A malformed value is ignored.

use axum::http::HeaderMap;

use super::first;
use super::forwarded::{Element, FORWARDED};
use super::host::{Host, Scheme, port_of};
use crate::base_path::BasePath;

/// How the client called the proxy, as far as the proxy says so.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Proxied {
    pub(super) scheme: Option<Scheme>,
    pub(super) host: Option<Host>,
    /// The port for a host without one.
    pub(super) port: Option<u16>,
    /// The prefix of the path that the proxies removed.
    pub(super) prefix: BasePath,
}

impl Proxied {
    /// The proxy's description in these headers.
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

/// A scheme by its name. A websocket's scheme stands for that of its page.
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

/// The prefix that the proxies removed: each proxy appends its own part to the header.
fn prefix_of(headers: &HeaderMap) -> BasePath {
    let texts = headers.get_all("x-forwarded-prefix").iter().map(|value| value.to_str().unwrap_or("?"));
    let bases = texts.flat_map(|text| text.split(',')).map(|text| text.trim().parse::<BasePath>());
    let whole = bases.reduce(|outer, inner| Ok(inner?.below(&outer?)));
    whole.and_then(Result::ok).unwrap_or_default()
}

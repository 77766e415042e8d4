//! A host that may stand in a URL.

use std::str::FromStr;

use axum::http::uri::Authority;

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scheme {
    #[default]
    Http,
    Https,
}

/// A host, and its port if it has one. Nothing else that a client writes there may become part of a URL, user
/// names included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    authority: Authority,
}

/// A text that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidHost;

impl Host {
    /// The host with this port, unless it has one already: the port that the client wrote is more reliable
    /// than the one where a proxy listens.
    pub(super) fn with_port(self, port: Option<u16>) -> PortedHost {
        let port = port.filter(|_| self.authority.port().is_none());
        PortedHost { host: self, port }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    /// Parses a host. A colon without a port after it is dropped (RFC 3986 §3.2.3).
    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let text = text.strip_suffix(':').unwrap_or(text);
        let authority: Authority = text.parse().map_err(|_| InvalidHost)?;
        let host = authority.host();
        let port_is_right = match text.strip_prefix(host) {
            Some("") => true,
            Some(rest) => rest.strip_prefix(':').is_some_and(|port| port_of(port).is_some()),
            None => false,
        };
        let is_fit = !host.is_empty() && !text.contains('@') && port_is_right;
        if is_fit { Ok(Self { authority }) } else { Err(InvalidHost) }
    }
}

/// A port in digits; 0 is no port.
pub(super) fn port_of(text: &str) -> Option<u16> {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A host whose port is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortedHost {
    host: Host,
    port: Option<u16>,
}

impl PortedHost {
    /// The origin, such as `https://chat.example:8443`, without the scheme's usual port.
    pub(super) fn origin(&self, scheme: Scheme) -> String {
        let (scheme, usual) = match scheme {
            Scheme::Http => ("http", 80),
            Scheme::Https => ("https", 443),
        };
        let authority = &self.host.authority;
        match self.port.filter(|port| *port != usual) {
            Some(port) => format!("{scheme}://{authority}:{port}"),
            None => format!("{scheme}://{authority}"),
        }
    }
}

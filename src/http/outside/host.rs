//! A host that may stand in a URL.

use std::str::FromStr;

use axum::http::uri::Authority;

/// How a URL begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Scheme {
    #[default]
    Http,
    Https,
}

/// A host, and the port that stands with it. Whatever else is no part of a URL's authority must not become part of
/// a URL, user names included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    authority: Authority,
}

/// A text that is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InvalidHost;

impl Host {
    /// With this port, unless it has one already: what the client wrote is nearer to the truth than where a proxy
    /// listens.
    pub(super) fn with_port(self, port: Option<u16>) -> PortedHost {
        let port = port.filter(|_| self.authority.port().is_none());
        PortedHost { host: self, port }
    }
}

impl FromStr for Host {
    type Err = InvalidHost;

    /// A colon with no port behind it goes without saying (RFC 3986 §3.2.3).
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

/// A port as digits; 0 is none.
pub(super) fn port_of(text: &str) -> Option<u16> {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port != 0)
}

/// A host whose port is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PortedHost {
    host: Host,
    port: Option<u16>,
}

impl PortedHost {
    /// `https://chat.example:8443`; a port that goes without saying is not said.
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

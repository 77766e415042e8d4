//! The server's address as clients see it: scheme, host, and the path below which its routes are.

mod forwarded;
mod host;
mod proxied;

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::request::Parts;

use self::host::Host;
use self::proxied::Proxied;
use super::Api;
use crate::links::Presenter;
use crate::message::{Message, MessageBody};
use crate::time::Timestamp;

/// The server as the client of a request called it. Every URL and every path in an answer is made here.
#[derive(Debug, Clone)]
pub(super) struct Outside {
    /// Scheme and authority; empty if the client did not name a host, which makes URLs relative.
    origin: String,
    presenter: Presenter,
}

impl Outside {
    /// The URL of a route.
    pub(super) fn url(&self, route: &str) -> String {
        format!("{}{}", self.origin, self.path(route))
    }

    /// The path of a route.
    pub(super) fn path(&self, route: &str) -> String {
        self.presenter.base().of(route)
    }

    /// The message as it is given to the client.
    pub(super) fn message<'a>(&'a self, message: &'a Message) -> MessageBody<'a> {
        self.presenter.body(message, Timestamp::now())
    }

    /// A link to the media, and when it expires; see [`Presenter::link`].
    pub(super) fn link(&self, message: &Message, secs: Option<u64>) -> Option<(String, Timestamp)> {
        self.presenter.link(message, secs, Timestamp::now())
    }

    fn of(parts: &Parts, trusts_forwarded: bool, configured: &Presenter) -> Self {
        // Any client can send these headers, so they count only where a trusted proxy overwrites them.
        let proxied = if trusts_forwarded { Proxied::of(&parts.headers) } else { Proxied::default() };
        let host = proxied.host.or_else(|| asked(parts)).map(|host| host.with_port(proxied.port));
        let scheme = proxied.scheme.unwrap_or_default();
        Self {
            origin: host.map(|host| host.origin(scheme)).unwrap_or_default(),
            presenter: configured.below(&proxied.prefix),
        }
    }
}

impl FromRequestParts<Api> for Outside {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self::of(parts, api.0.trust_forwarded, &api.0.presenter))
    }
}

/// The host that the request itself names.
fn asked(parts: &Parts) -> Option<Host> {
    match parts.uri.authority() {
        Some(authority) => authority.as_str().parse().ok(),
        None => first(&parts.headers, HOST.as_str())?.parse().ok(),
    }
}

/// The first of the values that proxies and clients have put into a header: the one nearest to the client.
fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let text = headers.get(name)?.to_str().ok()?;
    text.split(',').next().map(str::trim).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;

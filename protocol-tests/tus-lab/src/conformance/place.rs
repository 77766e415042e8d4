use std::fmt;
use std::net::SocketAddr;

use tokio::net::lookup_host;

/// The place that a request goes to: the parts of an `http` URL, with its host resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The address to connect to.
    pub address: SocketAddr,
    /// Host and port, as the URL spells them.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Whether the server calls itself `https`.
    secure: bool,
}

/// A URL that cannot be used.
#[derive(Debug)]
pub struct BadUrl(String);

impl fmt::Display for BadUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Place {
    /// The place that an absolute URL names.
    ///
    /// # Errors
    /// When it is not an `http` URL, or its host is unknown.
    pub async fn of(url: &str) -> Result<Self, BadUrl> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err(BadUrl(format!("{url:?} is no http:// URL")));
        };
        let (authority, path) = split(rest);
        let address = look_up(authority).await?;
        Ok(Self { address, authority: authority.to_owned(), path: path.to_owned(), secure: false })
    }

    /// The place that a `Location` names, in an answer from this place.
    ///
    /// A server that believes to be behind TLS says `https`. It was reached without TLS, so the address stays
    /// the same.
    ///
    /// # Errors
    /// When it is empty, holds a space, or its host is unknown.
    pub async fn follow(&self, location: &str) -> Result<Self, BadUrl> {
        if location.is_empty() || location.contains(char::is_whitespace) {
            return Err(BadUrl(format!("{location:?} is no URL")));
        }
        let (authority, path) = match location.split_once("//") {
            Some(("" | "http:" | "https:", rest)) => split(rest),
            _ => (self.authority.as_str(), location),
        };
        let secure = location.starts_with("https:");
        let ours = authority == self.authority || secure;
        let address = if ours { self.address } else { look_up(authority).await? };
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{}{path}", self.folder()) };
        Ok(Self { address, authority: authority.to_owned(), path, secure })
    }

    /// The same place with another path.
    #[must_use]
    pub fn with_path(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// The place one path segment below this one.
    #[must_use]
    pub fn below(&self, part: &str) -> Self {
        let path = self.path.split('?').next().unwrap_or_default().trim_end_matches('/');
        self.with_path(format!("{path}/{part}"))
    }

    /// The whole URL, as the server would spell it.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path)
    }

    fn folder(&self) -> &str {
        let path = self.path.split('?').next().unwrap_or_default();
        path.rfind('/').map_or("/", |slash| &path[..=slash])
    }
}

fn split(rest: &str) -> (&str, &str) {
    match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    }
}

async fn look_up(authority: &str) -> Result<SocketAddr, BadUrl> {
    let has_port = authority.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
    let full = if has_port { authority.to_owned() } else { format!("{authority}:80") };
    let unknown = |why: String| BadUrl(format!("the host {authority:?} is unknown: {why}"));
    let mut found = lookup_host(full).await.map_err(|error| unknown(error.to_string()))?;
    found.next().ok_or_else(|| unknown("it has no address".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn endpoint() -> Place {
        Place::of("http://127.0.0.1:8000/files").await.expect("it is a URL")
    }

    #[tokio::test]
    async fn a_location_may_be_absolute_or_relative() {
        for (location, expected) in [
            ("http://127.0.0.1:8000/files/a", "http://127.0.0.1:8000/files/a"),
            ("https://127.0.0.1:8000/files/a", "https://127.0.0.1:8000/files/a"),
            ("//127.0.0.1:8000/files/a", "http://127.0.0.1:8000/files/a"),
            ("http://127.0.0.1:9000/a?b=c", "http://127.0.0.1:9000/a?b=c"),
            ("/files/a", "http://127.0.0.1:8000/files/a"),
            ("a", "http://127.0.0.1:8000/a"),
        ] {
            let place = endpoint().await.follow(location).await.expect("it is a URL");
            assert_eq!(place.url(), expected, "{location}");
        }
    }

    #[tokio::test]
    async fn an_empty_location_is_refused() {
        assert!(endpoint().await.follow("").await.is_err());
        assert!(endpoint().await.follow("/files/a b").await.is_err());
    }

    #[tokio::test]
    async fn a_url_that_is_not_http_is_refused() {
        for url in ["https://127.0.0.1/files", "127.0.0.1:80", ""] {
            assert!(Place::of(url).await.is_err(), "{url}");
        }
    }
}

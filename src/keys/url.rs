//! The URL of a key set.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;

use crate::loopback::is_loopback;

/// An `https://` URL, or `http://` to this machine: changing the keys on their way lets one be any user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksUrl(Uri);

/// Why a text is no such URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// The text is not a URL with a host.
    #[error("not a URL like https://id.example/keys.json")]
    Form,
    /// The scheme is not HTTPS.
    #[error("the keys have to come by https:// (http:// is for this machine only)")]
    Scheme,
    /// The URL has a user name or a password, which would stand in logs and be sent nowhere.
    #[error("the URL has a user name or a password in it")]
    UserInfo,
}

impl JwksUrl {
    /// Whether a setting is meant as a URL and not as a file.
    pub fn is_meant(text: &str) -> bool {
        text.contains("://")
    }

    /// The URI to request.
    pub(super) fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for JwksUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl::Form)?;
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or(InvalidUrl::Form)?;
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::UserInfo);
        }
        match uri.scheme_str() {
            Some("https") => Ok(Self(uri)),
            Some("http") if is_loopback(authority.host()) => Ok(Self(uri)),
            _ => Err(InvalidUrl::Scheme),
        }
    }
}

impl fmt::Display for JwksUrl {
    /// Writes the URL without its query, which may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{scheme}://{authority}{}", self.0.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_by_https_or_from_this_machine() {
        for (text, outcome) in [
            ("https://id.example/keys.json", Ok("https://id.example/keys.json")),
            ("HTTPS://id.example:8443", Ok("https://id.example:8443/")),
            ("https://id.example/keys?key=secret", Ok("https://id.example/keys")),
            ("http://localhost:9/keys", Ok("http://localhost:9/keys")),
            ("http://127.0.0.1/keys", Ok("http://127.0.0.1/keys")),
            ("http://[::1]:9/keys", Ok("http://[::1]:9/keys")),
            ("http://id.example/keys", Err(InvalidUrl::Scheme)),
            ("http://localhost.example/keys", Err(InvalidUrl::Scheme)),
            ("ftp://id.example/keys", Err(InvalidUrl::Scheme)),
            ("file:///etc/keys", Err(InvalidUrl::Form)),
            ("https://", Err(InvalidUrl::Form)),
            ("https:///keys", Err(InvalidUrl::Form)),
            ("https://a b/keys", Err(InvalidUrl::Form)),
            ("https://user:password@id.example/keys", Err(InvalidUrl::UserInfo)),
            ("http://localhost@id.example/keys", Err(InvalidUrl::UserInfo)),
        ] {
            let url = text.parse().map(|url: JwksUrl| url.to_string());
            assert_eq!(url.as_deref().map_err(|error| *error), outcome, "{text}");
            assert!(JwksUrl::is_meant(text), "{text}");
        }
        for file in ["keys.json", "/etc/keys.json", "https:/keys", "C:keys"] {
            assert!(!JwksUrl::is_meant(file), "{file}");
        }
    }
}

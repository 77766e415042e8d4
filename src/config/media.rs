//! Who sends media: this server, a proxy that has the same disk, or the object store.

use super::check::Check;

/// Who sends media to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Media {
    /// This server.
    Serve,
    /// A proxy, which finds the files of messages under this prefix.
    Accel(String),
    /// The object store, to which clients are sent.
    Redirect,
}

impl Media {
    /// The prefix under which a proxy finds the files of messages, if it is the proxy that sends them.
    pub fn prefix(&self) -> Option<&str> {
        match self {
            Self::Accel(prefix) => Some(prefix),
            Self::Serve | Self::Redirect => None,
        }
    }
}

impl Check {
    pub(super) fn media(&mut self, text: &str) -> Media {
        let prefix = match (text, text.strip_prefix("accel:")) {
            (_, Some(prefix)) => prefix,
            ("serve", None) => return Media::Serve,
            ("redirect", None) => return Media::Redirect,
            _ => {
                self.problem(format!("--media: `{text}` is none of `serve`, `redirect`, `accel:PREFIX`"));
                return Media::Serve;
            }
        };
        if let Some(fault) = fault(prefix) {
            self.problem(format!("--media: `{prefix}` {fault}"));
        }
        Media::Accel(if prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") })
    }
}

/// Why a prefix cannot be that of a URI or of a folder, worded to follow it.
fn fault(prefix: &str) -> Option<&'static str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    match prefix {
        "" | "/" => Some("would be everything that the proxy has"),
        _ if !prefix.starts_with('/') => Some("does not begin with `/`"),
        _ if !prefix.bytes().all(is_plain) => Some("has characters other than letters, digits and `/._-~`"),
        _ if prefix.split('/').any(|part| matches!(part, "." | "..")) => Some("has `.` or `..` as a part"),
        _ if prefix.contains("//") => Some("has an empty part"),
        _ => None,
    }
}

//! Who sends media: this server, or a proxy that has the same disk.

use super::check::Check;

impl Check {
    /// The prefix under which a proxy finds the files of messages; `None` if this server sends them.
    pub(super) fn media(&mut self, text: &str) -> Option<String> {
        let prefix = match text.strip_prefix("accel:") {
            Some(prefix) => prefix,
            None if text == "serve" => return None,
            None => {
                self.problem(format!("--media: `{text}` is neither `serve` nor `accel:PREFIX`"));
                return None;
            }
        };
        if let Some(fault) = fault(prefix) {
            self.problem(format!("--media: `{prefix}` {fault}"));
        }
        Some(if prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") })
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

//! Names of this machine that mean it wherever they are resolved.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Whether a host, as it stands in a URL or a `Host` header without its port, is `localhost` or below it
/// (RFC 6761 §6.3), `127.0.0.0/8` or `[::1]`.
pub fn is_loopback(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse() == Ok(Ipv6Addr::LOCALHOST);
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_below = name.strip_suffix(".localhost").is_some_and(|label| !label.is_empty());
    name == "localhost" || is_below || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_resolves_to_this_machine_everywhere_counts() {
        for (host, is) in [
            ("localhost", true),
            ("LocalHost", true),
            ("localhost.", true),
            ("chat.localhost", true),
            ("a.b.localhost.", true),
            ("127.0.0.1", true),
            ("127.255.0.9", true),
            ("[::1]", true),
            ("[0:0:0:0:0:0:0:1]", true),
            ("", false),
            (".localhost", false),
            ("localhost..", false),
            ("notlocalhost", false),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("128.0.0.1", false),
            ("127.0.0", false),
            ("127.1", false),
            ("0177.0.0.1", false),
            ("0.0.0.0", false),
            ("::1", false),
            ("[::]", false),
            ("[::1", false),
            ("[::ffff:10.0.0.1]", false),
            ("evil.example", false),
            ("10.0.0.1", false),
        ] {
            assert_eq!(is_loopback(host), is, "{host:?}");
        }
    }
}

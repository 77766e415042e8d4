//! Origins as browsers write them (Fetch standard, `Origin`): another spelling never equals one.

/// Why a text cannot be the origin of a page, worded to follow the text.
pub(super) fn fault(text: &str) -> Option<String> {
    let fault = match text {
        "" => "is empty",
        // The origin of pages from files and of frames in a sandbox.
        "null" => return None,
        "*" => "is no origin; without --cors-origin any may call",
        _ => match text.split_once("://") {
            None => return Some(format!("has no scheme; is it `https://{text}`?")),
            Some((scheme, _)) if !is_scheme(scheme) => "has a scheme that is none",
            Some((scheme, host)) => return host_fault(scheme, host),
        },
    };
    Some(fault.to_owned())
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
}

fn host_fault(scheme: &str, text: &str) -> Option<String> {
    let end = text.find(['/', '?', '#', '\\']).unwrap_or(text.len());
    if end < text.len() {
        return Some(format!("has a path; browsers send `{scheme}://{}`", &text[..end]));
    }
    if text.is_empty() {
        return Some("has no host".into());
    }
    if text.contains('@') {
        return Some("has a user in it, which no origin has".into());
    }
    if !text.is_ascii() {
        return Some("has a host that browsers send in ASCII (xn--…)".into());
    }
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some(format!("has capitals; browsers send `{scheme}://{}`", text.to_ascii_lowercase()));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%:[]".contains(&b)) {
        return Some("has a host with characters that no host has".into());
    }
    port_fault(scheme, text)
}

fn port_fault(scheme: &str, text: &str) -> Option<String> {
    let literal = text.starts_with('[').then(|| text.find(']').map(|end| end + 1));
    let (host, port) = match literal {
        Some(None) => return Some("has a `[` without a `]`".into()),
        Some(Some(end)) => text.split_at(end),
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    if host.is_empty() {
        return Some("has no host".into());
    }
    if port.is_empty() {
        return None;
    }
    let number = port.strip_prefix(':').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    match number.and_then(|digits| digits.parse::<u16>().ok()) {
        None => Some("has a port that is none".into()),
        Some(number) if matches!((scheme, number), ("http", 80) | ("https", 443)) => {
            Some(format!("names the port that its scheme has anyway; browsers send `{scheme}://{host}`"))
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_send_is_an_origin() {
        for origin in [
            "https://chat.example",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:3000",
            "https://[2001:db8::1]",
            "https://xn--bcher-kva.example",
            "https://chat.example:8443",
            "http://chat.example:443",
            "capacitor://localhost",
            "chrome-extension://abcdefghijklmnop",
            "app://obsidian.md",
            "null",
        ] {
            assert_eq!(fault(origin), None, "{origin}");
        }
    }

    #[test]
    fn what_no_browser_sends_is_named_with_its_reason() {
        for (text, reason) in [
            ("", "empty"),
            ("*", "any"),
            ("example.com", "no scheme; is it `https://example.com`?"),
            ("localhost:3000", "no scheme"),
            ("//example.com", "no scheme"),
            ("https:example.com", "no scheme"),
            ("://example.com", "scheme that is none"),
            ("HTTPS://example.com", "scheme that is none"),
            ("https://", "no host"),
            ("https://:8080", "no host"),
            ("https://example.com/", "path; browsers send `https://example.com`"),
            ("https://example.com/app", "path"),
            ("https://example.com?x", "path"),
            ("https://example.com#x", "path"),
            ("https://user@example.com", "user"),
            ("https://Example.com", "browsers send `https://example.com`"),
            ("https://bücher.example", "ASCII"),
            ("https://*.example.com", "characters"),
            ("https://a.example https://b.example", "path"),
            ("https://a.example b", "characters"),
            ("https://example.com:443", "browsers send `https://example.com`"),
            ("http://[::1]:80", "browsers send `http://[::1]`"),
            ("https://example.com:", "port"),
            ("https://example.com:99999", "port"),
            ("https://example.com:https", "port"),
            ("https://[::1", "`]`"),
        ] {
            let fault = fault(text).unwrap_or_else(|| panic!("{text:?} is taken"));
            assert!(fault.contains(reason), "{text:?}: {fault}");
        }
    }
}

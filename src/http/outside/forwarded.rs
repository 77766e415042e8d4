//! `Forwarded` (RFC 7239): `for=192.0.2.43;proto=https;host="chat.example:8443", for=…`.

/// The header's name.
pub(super) const FORWARDED: &str = "forwarded";

/// The parameters of an element that matter here.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Element {
    pub(super) proto: Option<String>,
    pub(super) host: Option<String>,
}

impl Element {
    /// The first element, from the proxy nearest to the client; `None` if malformed. Spaces around separators
    /// are accepted (RFC 9110 §5.6.1), and so is an unquoted host with a port, as proxies write it.
    pub(super) fn first(text: &str) -> Option<Self> {
        let mut element = Self::default();
        let mut rest = text;
        loop {
            rest = rest.trim_start();
            rest = match rest.chars().next() {
                None | Some(',') => return Some(element),
                Some(';') => &rest[1..],
                Some(_) => element.pair(rest)?,
            };
        }
    }

    /// Reads `name=value`, and returns what follows; a parameter must not occur twice (§4).
    fn pair<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = value_of(rest)?;
        if name.is_empty() || !name.bytes().all(is_token) {
            return None;
        }
        let known = match name.to_ascii_lowercase().as_str() {
            "proto" => &mut self.proto,
            "host" => &mut self.host,
            _ => return ends(rest),
        };
        if known.replace(value).is_some() { None } else { ends(rest) }
    }
}

/// The text after a value, if the value ends there.
fn ends(rest: &str) -> Option<&str> {
    let rest = rest.trim_start();
    matches!(rest.chars().next(), None | Some(';' | ',')).then_some(rest)
}

/// A token or a quoted string, and the text after it.
fn value_of(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return unquoted(quoted);
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    let value = text[..end].trim_end();
    let is_one = !value.is_empty() && !value.contains([' ', '\t', '"']);
    is_one.then(|| (value.to_owned(), &text[end..]))
}

/// The text up to the closing quote, without the backslashes that escape characters (RFC 9110 §5.6.4).
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(chars.next()?.1),
            char => value.push(char),
        }
    }
    None
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn element(proto: &str, host: &str) -> Option<Element> {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Some(Element { proto: given(proto), host: given(host) })
    }

    #[test]
    fn the_first_element_counts() {
        for (text, expected) in [
            ("proto=https;host=chat.example", element("https", "chat.example")),
            ("for=192.0.2.43;proto=https", element("https", "")),
            (r#"for="[2001:db8::1]:4711";host="[2001:db8::2]:8443""#, element("", "[2001:db8::2]:8443")),
            ("PROTO=HTTPS;Host=Chat.Example", element("HTTPS", "Chat.Example")),
            ("host=a, host=b;proto=https", element("", "a")),
            (r#"for="a,b;host=c";host=d, host=e"#, element("", "d")),
            ("for=a, proto=https", element("", "")),
            (" proto=http ; host=a ", element("http", "a")),
            (";;host=a;", element("", "a")),
            ("host=chat.example:8443", element("", "chat.example:8443")),
            (r#"host="a\"b""#, element("", "a\"b")),
            (r#"secret="x";host=a"#, element("", "a")),
            ("", element("", "")),
            (", host=b", element("", "")),
        ] {
            assert_eq!(Element::first(text), expected, "{text}");
        }
    }

    #[test]
    fn a_malformed_element_says_nothing() {
        for text in [
            "https",
            "proto",
            "host=",
            "=a",
            "host =a",
            "host=a b",
            r#"host="a"#,
            r#"host="a\"#,
            r#"host="a"b"#,
            r#"host=a"b""#,
            "host=a;host=b",
            "proto=http;PROTO=https",
            "host=a;nonsense",
        ] {
            assert_eq!(Element::first(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_much_for_it(text in r#"[ -~é]{0,20}((host|for|proto)=["\\;,a-z é]{0,8}){0,3}"#) {
            let _ = Element::first(&text);
        }
    }
}

/// The code of a file without comments, literals and tests.
pub(super) fn code(text: &str) -> String {
    let mut code = String::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let skipped = skipped(rest, code.ends_with(|before: char| before.is_alphanumeric() || before == '_'));
        let len = if skipped == 0 { sign.len_utf8() } else { skipped };
        code.push_str(if skipped == 0 { &rest[..len] } else { " " });
        rest = &rest[len..];
    }
    without_tests(&code)
}

/// The length of the comment or literal at the beginning of the text; 0 if there is none.
fn skipped(text: &str, is_within_a_word: bool) -> usize {
    let until =
        |end: &str, from: usize| text[from..].find(end).map_or(text.len(), |at| from + at + end.len());
    let hashes = text.bytes().skip(1).take_while(|byte| *byte == b'#').count();
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return until("*/", 2);
    }
    if text.starts_with('r') && text[1 + hashes..].starts_with('"') && !is_within_a_word {
        return until(&format!("\"{}", "#".repeat(hashes)), hashes + 2);
    }
    match text.as_bytes() {
        [b'"', ..] => quoted(text),
        [b'\'', b'\\', ..] => until("'", 3),
        [b'\'', _, b'\'', ..] => 3,
        _ => 0,
    }
}

/// The length of a literal in quotes, in which a backslash takes the quote after it with it.
fn quoted(text: &str) -> usize {
    let mut bytes = text.bytes().enumerate().skip(1);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return at + 1,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
    text.len()
}

/// The code without its tests, which stand at the end of a file or in a file of their own.
fn without_tests(code: &str) -> String {
    let mut kept = String::new();
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push_str(line);
            kept.push('\n');
            continue;
        }
        let tested = lines.next().unwrap_or_default();
        if tested.ends_with('{') && tested.contains("mod ") {
            break;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn comments_literals_and_tests_are_left_out() {
        for (text, left) in [
            ("a // crate::b\nc", "a  \nc\n"),
            ("f(\"crate::b // \\\" \") + 1", "f( ) + 1\n"),
            ("f(r#\"crate::b \"b\" \"#, '\"', b)", "f( ,  , b)\n"),
            ("for<'a> f('\\'', x)", "for<'a> f( , x)\n"),
            ("a;\n#[cfg(test)]\nmod tests;\nb;", "a;\nb;\n"),
            ("a;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}\n", "a;\n"),
        ] {
            assert_eq!(code(text), left);
        }
    }
}

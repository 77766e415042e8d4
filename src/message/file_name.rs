//! The name under which a message's file is stored.

/// File systems take this many bytes.
const MAX_BYTES: usize = 255;
/// An extension longer than this is part of the name.
const MAX_EXTENSION_BYTES: usize = 32;

/// The stored name of a file that a client calls `original`: its last path part with Unicode letters, digits
/// and `._-` kept, spaces as `_`, all else dropped; never empty, `.` or `..`; at most 255 bytes with the
/// extension kept.
pub fn stored_file_name(original: &str) -> String {
    let mut name = pass(original);
    // What was dropped may have been all that stood between two dots; then the rules meet another name.
    loop {
        let next = pass(&name);
        if next == name {
            return name;
        }
        name = next;
    }
}

fn pass(original: &str) -> String {
    let last = original.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, extension) = split(last.trim_end_matches('.'));
    let (mut stem, extension) = (clean(stem), clean(extension));
    if extension.is_empty() {
        truncate(&mut stem, MAX_BYTES);
        // Nothing of an extension is left, so neither is the dot before it.
        stem.truncate(stem.trim_end_matches('.').len());
    }
    if stem.chars().all(|c| c == '.') {
        stem = "file".to_owned();
    }
    if extension.is_empty() {
        return stem;
    }
    truncate(&mut stem, MAX_BYTES - extension.len() - 1);
    format!("{stem}.{extension}")
}

/// Stem and extension; a name that only starts with a dot has no extension.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && clean(extension).len() <= MAX_EXTENSION_BYTES => {
            (stem, extension)
        }
        _ => (name, ""),
    }
}

fn clean(part: &str) -> String {
    part.chars()
        .filter_map(|c| match c {
            ' ' => Some('_'),
            '.' | '_' | '-' => Some(c),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

fn truncate(text: &mut String, bytes: usize) {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_made_safe() {
        for (original, stored) in [
            ("my video.mp4", "my_video.mp4"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\a.png", "a.png"),
            ("naïve Straße 東京.PNG", "naïve_Straße_東京.PNG"),
            ("a(1)'\"<>&.jpg", "a1.jpg"),
            ("", "file"),
            (".", "file"),
            ("..", "file"),
            ("...", "file"),
            ("a/..", "file"),
            ("a/", "file"),
            ("???.mp4", "file.mp4"),
            ("???", "file"),
            (".gitignore", ".gitignore"),
            ("a\0b\n.txt", "ab.txt"),
            ("archive.tar.gz", "archive.tar.gz"),
            ("file.", "file"),
            ("file..\u{f84}", "file"),
            ("..\u{f84}", "file"),
            ("a%2Fb.txt", "a2Fb.txt"),
        ] {
            assert_eq!(stored_file_name(original), stored, "{original:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let stored = stored_file_name(&format!("{}.mp4", "界".repeat(200)));
        assert!(stored.len() <= 255 && stored.ends_with("界.mp4"), "{stored}");
        assert_eq!(stored_file_name(&"x".repeat(300)).len(), 255);
    }

    proptest! {
        #[test]
        fn a_stored_name_is_one_path_part(original in any::<String>()) {
            let stored = stored_file_name(&original);
            prop_assert!((1..=255).contains(&stored.len()));
            prop_assert!(stored != "." && stored != "..");
            prop_assert!(stored.chars().all(|c| c.is_alphanumeric() || "._-".contains(c)));
        }

        #[test]
        fn storing_twice_changes_nothing(original in any::<String>()) {
            let stored = stored_file_name(&original);
            prop_assert_eq!(stored_file_name(&stored), stored);
        }
    }
}

//! The name under which a message's file is stored.

use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// The most bytes of a name that file systems accept.
const MAX_BYTES: usize = 255;
/// The most bytes of an extension; a longer one is part of the name.
const MAX_EXTENSION_BYTES: usize = 32;

/// The stored name of a file that a client calls `original`: its last path part in NFC. Unicode letters,
/// digits, the marks that follow one, and `._-` are kept, a space becomes `_`, all else is dropped. The name
/// is never empty, `.` or `..`, and has at most 255 bytes, with the extension kept.
pub fn stored_file_name(original: &str) -> String {
    let mut name = pass(original);
    // A dropped character may have been all that stood between two dots, or between a letter and its mark.
    // Then the rules apply to a new name.
    loop {
        let next = pass(&name);
        if next == name {
            return name;
        }
        name = next;
    }
}

/// Whether two names look the same to a reader, whichever normal form each is written in.
pub fn is_same_file_name(one: &str, other: &str) -> bool {
    one == other || one.nfc().eq(other.nfc())
}

/// The longest beginning of at most this many bytes that ends between two letters, each with all its marks.
pub fn whole_letters(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let ends = text.char_indices().take_while(|(at, _)| *at <= bytes).filter(|(_, c)| !is_mark(*c));
    &text[..ends.last().map_or(0, |(at, _)| at)]
}

fn pass(original: &str) -> String {
    let last = original.rsplit(['/', '\\']).next().unwrap_or_default();
    let last: String = last.nfc().collect();
    let (stem, extension) = split(last.trim_end_matches('.'));
    let (stem, extension) = (clean(stem), clean(extension));
    let end = if extension.is_empty() { String::new() } else { format!(".{extension}") };
    let mut stem = whole_letters(&stem, MAX_BYTES - end.len());
    if end.is_empty() {
        // Nothing of the extension is left, so the dot before it goes as well.
        stem = stem.trim_end_matches('.');
    }
    if stem.chars().all(|c| c == '.') {
        stem = "file";
    }
    format!("{stem}{end}")
}

/// The stem and the extension; a name that only starts with a dot has no extension.
fn split(name: &str) -> (&str, &str) {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && clean(extension).len() <= MAX_EXTENSION_BYTES => {
            (stem, extension)
        }
        _ => (name, ""),
    }
}

fn clean(part: &str) -> String {
    let (mut cleaned, mut carries_marks) = (String::with_capacity(part.len()), false);
    for character in part.chars() {
        let (kept, is_letter) = match character {
            ' ' => (Some('_'), false),
            '.' | '_' | '-' => (Some(character), false),
            mark if is_mark(mark) => (Some(mark).filter(|_| carries_marks), carries_marks),
            letter if letter.is_alphanumeric() => (Some(letter), true),
            // A dropped character separates nothing: a mark after it belongs to the letter before it.
            _ => (None, carries_marks),
        };
        cleaned.extend(kept);
        carries_marks = is_letter;
    }
    cleaned
}

/// Whether the character is a vowel sign, a tone or an accent, which needs the letter before it.
fn is_mark(character: char) -> bool {
    matches!(character.general_category(), GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark)
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
            ("a\u{fffd}😀.txt", "a.txt"),
        ] {
            assert_eq!(stored_file_name(original), stored, "{original:?}");
        }
    }

    #[test]
    fn letters_keep_their_marks() {
        for (original, stored) in [
            ("cafe\u{301}.txt", "café.txt"),
            ("caf\u{e9}.txt", "café.txt"),
            // Names as a Mac writes them.
            ("U\u{308}bung \u{30ab}\u{3099}.pdf", "Übung_ガ.pdf"),
            ("\u{1100}\u{1161}\u{11a8}.txt", "각.txt"),
            // Vowel signs, viramas and tones for which there is no composed letter.
            ("हिन्दी.txt", "हिन्दी.txt"),
            ("தமிழ்.jpg", "தமிழ்.jpg"),
            ("ภาษาไทยที่นี่.png", "ภาษาไทยที่นี่.png"),
            ("မြန်မာ.mp4", "မြန်မာ.mp4"),
            ("བོད་ཡིག.doc", "བོདཡིག.doc"),
            ("שָׁלוֹם.txt", "ש\u{5b8}\u{5c1}לו\u{5b9}ם.txt"),
            ("q\u{323}\u{307}.txt", "q\u{323}\u{307}.txt"),
            ("1\u{302}.txt", "1\u{302}.txt"),
            ("a.m\u{323}p4", "a.ṃp4"),
            // A letter excluded from composition: NFC takes it apart.
            ("\u{958}.txt", "\u{915}\u{93c}.txt"),
            ("\u{2126}.txt", "Ω.txt"),
            // Marks without a letter.
            ("\u{301}a.txt", "a.txt"),
            (" \u{301}a.txt", "_a.txt"),
            ("a.\u{301}txt", "a.txt"),
            ("\u{93f}.txt", "file.txt"),
            // A dropped character in between does not separate a mark from its letter.
            ("e\u{200d}\u{301}.txt", "é.txt"),
            ("a\u{20dd}.txt", "a.txt"),
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

    #[test]
    fn a_cut_never_parts_a_letter_from_its_marks() {
        for filler in 0..12 {
            let long = format!("{}{}.mp4", "x".repeat(filler), "q\u{323}\u{307}".repeat(100));
            let stored = stored_file_name(&long);
            let stem = stored.strip_suffix(".mp4").expect("the extension");
            assert!(stem.ends_with("q\u{323}\u{307}"), "{stored}");
            assert!(stored.len() <= 255 && stored.len() > 255 - "q\u{323}\u{307}".len(), "{}", stored.len());
        }
        for (text, bytes, whole) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aq\u{323}\u{307}", 6, "aq\u{323}\u{307}"),
            ("aq\u{323}\u{307}", 5, "a"),
            ("aq\u{323}\u{307}", 1, "a"),
            ("q\u{323}", 1, ""),
            ("界", 2, ""),
            ("", 0, ""),
        ] {
            assert_eq!(whole_letters(text, bytes), whole, "{text} in {bytes}");
        }
        // A letter without room for all its marks is dropped whole.
        assert_eq!(stored_file_name(&format!("q{}.mp4", "\u{323}".repeat(300))), "file.mp4");
    }

    #[test]
    fn normal_forms_make_no_other_name() {
        for (one, other, same) in [
            ("café.txt", "cafe\u{301}.txt", true),
            ("각.txt", "\u{1100}\u{1161}\u{11a8}.txt", true),
            ("a\u{307}\u{323}", "a\u{323}\u{307}", true),
            ("a", "a", true),
            ("café.txt", "cafe.txt", false),
            ("ﬁ", "fi", false),
            ("a", "A", false),
        ] {
            assert_eq!(is_same_file_name(one, other), same, "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn a_stored_name_is_one_path_part(original in any::<String>(), marks in "[\u{300}-\u{36f}a .]{0,300}") {
            for original in [original, marks] {
                let stored = stored_file_name(&original);
                prop_assert!((1..=255).contains(&stored.len()));
                prop_assert!(stored != "." && stored != "..");
                prop_assert!(stored.chars().all(|c| c.is_alphanumeric() || is_mark(c) || "._-".contains(c)));
                prop_assert!(stored.nfc().eq(stored.chars()));
            }
        }

        #[test]
        fn storing_twice_changes_nothing(original in any::<String>(), marks in "[\u{300}-\u{36f}a .]{0,300}") {
            for original in [original, marks] {
                let stored = stored_file_name(&original);
                prop_assert_eq!(stored_file_name(&stored), stored);
            }
        }

        #[test]
        fn both_normal_forms_are_stored_under_one_name(original in any::<String>()) {
            let [composed, decomposed]: [String; 2] = [original.nfc().collect(), original.nfd().collect()];
            prop_assert_eq!(stored_file_name(&composed), stored_file_name(&decomposed));
        }
    }
}

//! The keys of links.

use std::fmt;

/// The fewest bytes of a key, so that signatures cannot be guessed.
const MIN_BYTES: usize = 16;
/// The most keys: more than any rotation needs.
const MAX_KEYS: usize = 8;

/// Keys that sign and accept links: the first one signs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LinkKeys(Vec<String>);

/// Why texts are no keys. Their text is not quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLinkKeys {
    /// A key is too short, or missing between two commas.
    #[error("a key of links has at least {MIN_BYTES} bytes")]
    Short,
    /// There is no key.
    #[error("there is no key of links")]
    Missing,
    /// There are too many keys.
    #[error("there are more than {MAX_KEYS} keys of links")]
    TooMany,
}

impl LinkKeys {
    /// Keys with commas between them.
    ///
    /// # Errors
    /// [`InvalidLinkKeys`].
    pub fn of_list(text: &str) -> Result<Self, InvalidLinkKeys> {
        Self::of(text.split(',').map(str::trim))
    }

    /// Keys, one a line; empty lines are ignored.
    ///
    /// # Errors
    /// [`InvalidLinkKeys`].
    pub fn of_lines(text: &str) -> Result<Self, InvalidLinkKeys> {
        Self::of(text.lines().map(str::trim).filter(|line| !line.is_empty()))
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The keys; the first one signs.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(String::as_bytes)
    }

    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Self, InvalidLinkKeys> {
        let keys: Vec<_> = texts.map(str::to_owned).collect();
        match keys.len() {
            0 => Err(InvalidLinkKeys::Missing),
            count if count > MAX_KEYS => Err(InvalidLinkKeys::TooMany),
            _ if keys.iter().any(|key| key.len() < MIN_BYTES) => Err(InvalidLinkKeys::Short),
            _ => Ok(Self(keys)),
        }
    }
}

impl fmt::Debug for LinkKeys {
    /// Writes how many keys there are, and none of them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LinkKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_a_few_long_texts() {
        let (one, two) = ("a key of 16 byte", "another key of some bytes");
        let many = [one; MAX_KEYS + 1];
        for (list, found) in [
            (one.to_owned(), Ok(1)),
            (format!("{one},{two}"), Ok(2)),
            (format!(" {one} , {two} "), Ok(2)),
            (many[1..].join(","), Ok(MAX_KEYS)),
            (many.join(","), Err(InvalidLinkKeys::TooMany)),
            (one[1..].to_owned(), Err(InvalidLinkKeys::Short)),
            (format!("{one},"), Err(InvalidLinkKeys::Short)),
            (String::new(), Err(InvalidLinkKeys::Short)),
        ] {
            assert_eq!(LinkKeys::of_list(&list).map(|keys| keys.count()), found, "{list}");
        }
        for (lines, found) in [
            (format!("{one}\n"), Ok(1)),
            (format!("\n{one}\r\n\n{two}"), Ok(2)),
            ("\n\n".to_owned(), Err(InvalidLinkKeys::Missing)),
            (format!("{one}\nshort\n"), Err(InvalidLinkKeys::Short)),
        ] {
            assert_eq!(LinkKeys::of_lines(&lines).map(|keys| keys.count()), found, "{lines}");
        }
    }

    #[test]
    fn keys_do_not_show_themselves() {
        let keys = LinkKeys::of_list("a key of 16 byte").expect("a key");
        assert_eq!(format!("{keys:?}"), "LinkKeys(1)");
    }
}

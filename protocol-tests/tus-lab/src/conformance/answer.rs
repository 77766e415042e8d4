use std::fmt::Display;

use super::verdict::{Fault, ensure, wrong};
use crate::http::Response;

/// How much of an unexpected answer's body is shown.
const SHOWN: usize = 120;

/// The server's answer, with the request that it answers, for complaints.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    to: String,
    response: Response,
}

impl Answer {
    pub(super) fn new(to: &str, response: Response) -> Self {
        Self { status: response.status, to: to.to_owned(), response }
    }

    /// Whether the status is a success.
    pub(super) fn accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A fault unless the status is one of these.
    pub(super) fn status(&self, allowed: &[u16]) -> Result<(), Fault> {
        let names: Vec<_> = allowed.iter().map(u16::to_string).collect();
        ensure(
            allowed.contains(&self.status),
            format_args!("{} instead of {}{}", self, names.join(" or "), self.shown_body()),
        )
    }

    /// A fault unless the answer is a refusal.
    pub(super) fn refusal(&self) -> Result<(), Fault> {
        ensure(!self.accepted(), format_args!("{self}, as if it were right"))
    }

    /// The value of this header; none if it is missing.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Fault> {
        let mut values = self.response.head.values(name);
        let first = values.next();
        match values.find(|value| Some(*value) != first) {
            Some(other) => {
                wrong(format_args!("{self} with two {name}: {:?} and {other:?}", first.unwrap_or_default()))
            }
            None => Ok(first),
        }
    }

    /// The value of this header; a fault if it is missing.
    pub(super) fn required(&self, name: &str) -> Result<&str, Fault> {
        match self.header(name)? {
            Some(value) => Ok(value),
            None => wrong(format_args!("{self} without {name}")),
        }
    }

    /// The number in this header; none if the header is missing, a fault if it is not only digits.
    pub(super) fn number_if_any(&self, name: &str) -> Result<Option<u64>, Fault> {
        let Some(value) = self.header(name)? else {
            return Ok(None);
        };
        match digits(value) {
            Some(number) => Ok(Some(number)),
            None => wrong(format_args!("{self} with {name}: {value:?}, which is no non-negative integer")),
        }
    }

    /// The number in this header; a fault if it is missing.
    pub(super) fn number(&self, name: &str) -> Result<u64, Fault> {
        match self.number_if_any(name)? {
            Some(number) => Ok(number),
            None => wrong(format_args!("{self} without {name}")),
        }
    }

    /// A fault unless this header is there and has this value.
    pub(super) fn says(&self, name: &str, expected: impl Display) -> Result<(), Fault> {
        let value = self.required(name)?;
        let expected = expected.to_string();
        ensure(value == expected, format_args!("{self} with {name}: {value:?} instead of {expected:?}"))
    }

    /// A fault if this header is there.
    pub(super) fn lacks(&self, name: &str) -> Result<(), Fault> {
        let value = self.header(name)?.unwrap_or_default();
        ensure(value.is_empty(), format_args!("{self} with {name}: {value:?}"))
    }

    /// The items of a header that is a list, in their spelling; none if it is missing.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let items = self.response.head.values(name).flat_map(|value| value.split(','));
        items.map(|item| item.trim().to_owned()).collect()
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.response.body
    }

    fn shown_body(&self) -> String {
        match self.response.text().trim() {
            "" => String::new(),
            text => format!(": {:?}", text.chars().take(SHOWN).collect::<String>()),
        }
    }
}

impl Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} answered {}", self.to, self.status)
    }
}

/// Reads a non-negative integer: digits and nothing else.
pub(super) fn digits(text: &str) -> Option<u64> {
    let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if only_digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn only_digits_are_a_number() {
        assert_eq!(digits("0"), Some(0));
        assert_eq!(digits("18446744073709551615"), Some(u64::MAX));
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "1e3", "0x1", "18446744073709551616"] {
            assert_eq!(digits(text), None, "{text:?}");
        }
    }
}

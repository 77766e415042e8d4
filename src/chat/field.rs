//! One value of a payload, which may be any JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value where text is expected, borrowed from the JSON unless it has escapes. Any other value is
/// recognized without being kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Field<'a> {
    /// The value is absent, or `null`.
    #[default]
    Absent,
    /// The value is text.
    Text(Cow<'a, str>),
    /// The value is a number, a truth value, a list, an object, or an attachment.
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FieldVisitor)
    }
}

struct FieldVisitor;

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Field<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(Field::Text(Cow::Owned(text)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Field::Absent)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Field::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_borrowed_and_all_else_told_apart() {
        for (json, expected) in [
            (r#""a""#, Field::Text("a".into())),
            (r#""a\/b""#, Field::Text("a/b".into())),
            (r#""""#, Field::Text("".into())),
            ("null", Field::Absent),
            ("true", Field::Other),
            ("-1", Field::Other),
            ("1", Field::Other),
            ("1.5", Field::Other),
            (r#"["a",[]]"#, Field::Other),
            (r#"{"_placeholder":true,"num":0}"#, Field::Other),
        ] {
            assert_eq!(serde_json::from_str::<Field<'_>>(json).expect("JSON"), expected, "{json}");
        }
        let borrowed = serde_json::from_str(r#""a""#).expect("JSON");
        assert!(matches!(borrowed, Field::Text(Cow::Borrowed("a"))));
    }
}

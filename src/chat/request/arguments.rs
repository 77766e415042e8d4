//! The arguments of an event, `["send_message",{…}]`, as far as they can be read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::chat::field::Field;

/// The arguments of an event, without the event's name.
#[derive(Debug, Default)]
pub(super) struct Arguments<'a> {
    /// The fields of the first argument.
    pub(super) fields: Fields<'a>,
    /// Whether the first argument is an object, and the only one.
    pub(super) is_one_object: bool,
}

/// The known fields of a payload; any other field is ignored.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) conversation_id: Field<'a>,
    pub(super) content: Field<'a>,
    pub(super) kind: Field<'a>,
    pub(super) file_name: Field<'a>,
    pub(super) file_data: Field<'a>,
    pub(super) reply_to: Field<'a>,
    pub(super) client_message_id: Field<'a>,
    /// The name of a field that is given more than once. The first value is kept.
    pub(super) twice: Option<&'static str>,
    seen: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The field with this name on the wire, and its name.
    fn of(&mut self, name: &str) -> Option<(&'static str, &mut Field<'a>)> {
        Some(match name {
            "conversation_id" => ("conversation_id", &mut self.conversation_id),
            "content" => ("content", &mut self.content),
            "type" => ("type", &mut self.kind),
            "file_name" => ("file_name", &mut self.file_name),
            "file_data" => ("file_data", &mut self.file_data),
            "reply_to" => ("reply_to", &mut self.reply_to),
            "client_message_id" => ("client_message_id", &mut self.client_message_id),
            _ => return None,
        })
    }

    fn take(&mut self, name: &str, value: Field<'a>) {
        let Some((name, _)) = self.of(name) else { return };
        if self.seen.contains(&name) {
            self.twice = Some(name);
        } else if let Some((_, field)) = self.of(name) {
            *field = value;
            self.seen.push(name);
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Arguments<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArgumentsVisitor)
    }
}

struct ArgumentsVisitor;

impl<'de> Visitor<'de> for ArgumentsVisitor {
    type Value = Arguments<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event's name and its arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        list.next_element::<IgnoredAny>()?;
        let first: Option<&RawValue> = list.next_element()?;
        // An argument that is no object has no fields; the other arguments are read all the same.
        let fields = first.and_then(|first| serde_json::from_str(first.get()).ok());
        let mut is_one_object = fields.is_some();
        while list.next_element::<IgnoredAny>()?.is_some() {
            is_one_object = false;
        }
        Ok(Arguments { fields: fields.unwrap_or_default(), is_one_object })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut fields = Fields::default();
        while let Some(Key(name)) = object.next_key()? {
            fields.take(&name, object.next_value()?);
        }
        Ok(fields)
    }
}

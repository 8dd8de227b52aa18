//! JSON objects, read strictly and written by hand.
//!
//! It knows nothing of tapes: which objects there are, and what they mean, stands in `wire`.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use crate::exchange::json::plain_length;

/// A value of type `T`, read from a JSON object only. (What serde derives for a struct would take
/// an array too, and read its elements as fields.)
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// Reads an optional field that is there, so that `null` is a value like any other.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A JSON object in compact form, while it is written. It is built by hand since nothing here can
/// fail, and a serializer's result would say that it can.
pub(super) struct Writer(String);

impl Writer {
    pub(super) fn new() -> Self {
        Self::onto(String::new())
    }

    /// Writes the object behind what stands there.
    pub(super) fn onto(mut text: String) -> Self {
        text.push('{');
        Writer(text)
    }

    pub(super) fn of_kind(kind: &str) -> Self {
        Self::new().string("kind", kind)
    }

    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.0.push_str(json);
        self
    }

    pub(super) fn string(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_quoted(value, &mut self.0);
        self
    }

    pub(super) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        self.0.push_str(itoa::Buffer::new().format(value));
        self
    }

    /// An object, of which `members` writes what is in it.
    pub(super) fn object(mut self, name: &str, members: impl FnOnce(Writer) -> Writer) -> Self {
        self.name(name);
        Writer(members(Writer::onto(self.0)).end())
    }

    /// An array, of which `item` writes each.
    pub(super) fn array<T>(
        mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        mut item: impl FnMut(T, &mut String),
    ) -> Self {
        self.name(name);
        self.0.push('[');
        for (place, value) in items.enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            item(value, &mut self.0);
        }
        self.0.push(']');
        self
    }

    pub(super) fn list(self, name: &str, items: impl Iterator<Item = String>) -> Self {
        self.array(name, items, |item, text| text.push_str(&item))
    }

    pub(super) fn optional_raw(self, name: &str, json: Option<String>) -> Self {
        match json {
            Some(json) => self.raw(name, &json),
            None => self,
        }
    }

    pub(super) fn optional_string(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.string(name, value),
            None => self,
        }
    }

    pub(super) fn optional_list(self, name: &str, items: impl Iterator<Item = String>) -> Self {
        let mut items = items.peekable();
        match items.peek() {
            Some(_) => self.list(name, items),
            None => self,
        }
    }

    pub(super) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        // No value ends in an opening brace, so the text itself says whether a member stands before.
        if !self.0.ends_with('{') {
            self.0.push(',');
        }
        // Names are words of the tape's own, in which nothing is to be escaped.
        for part in ["\"", name, "\":"] {
            self.0.push_str(part);
        }
    }
}

/// A JSON string, with the escapes that RFC 8259 §7 demands and no other.
pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    push_quoted(text, &mut out);
    out
}

/// As [`quote`], behind what stands there.
pub(super) fn push_quoted(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    let mut rest = text;
    loop {
        let plain = plain_length(rest.as_bytes());
        if plain == rest.len() {
            out.push_str(rest); // as most texts are from their beginning
            break;
        }
        let (before, after) = rest.split_at_checked(plain).unwrap_or_default();
        out.push_str(before);
        let mut chars = after.chars();
        match chars.next() {
            None => break,
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(c) => {
                // A String takes all that it is given, so there is no error to report.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
        rest = chars.as_str();
    }
    out.push('"');
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_array_is_no_object() {
        #[derive(Deserialize)]
        struct Point {
            x: u8,
        }
        let read = |text| serde_json::from_str::<Object<Point>>(text);
        assert_eq!(read(r#"{"x":1}"#).unwrap().0.x, 1);
        let error = read("[1]").err().unwrap().to_string();
        assert!(error.contains("expected an object"), "{error}");
    }

    proptest! {
        #[test]
        fn a_quoted_string_reads_back(text in any::<String>()) {
            let back: String = serde_json::from_str(&quote(&text)).unwrap();
            prop_assert_eq!(back, text);
        }
    }

    #[test]
    fn every_control_character_is_escaped() {
        for code in 0_u8..0x20 {
            let text = char::from(code).to_string();
            let quoted = quote(&text);
            assert_eq!(
                serde_json::from_str::<String>(&quoted).unwrap(),
                text,
                "{quoted}"
            );
        }
    }
}

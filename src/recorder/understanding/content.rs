//! The values that stand in a message's content.
//!
//! What is made here is for reading only; the tape keeps the bytes as they passed. Content that
//! cannot be read has no values, which is all that is said of it.

use std::fmt;

use memchr::memrchr;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::exchange::coding::decoded;
use crate::exchange::{Body, Headers};

/// How many values of one body are looked at. Identifiers stand near the front, and a list of a
/// thousand contacts tells no more than its first hundred.
const MAX_PARTS: usize = 4_096;

/// A value that stands in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Where: the names on the way to it, without places in arrays, joined by dots.
    pub(super) place: String,
    /// The value.
    pub(super) text: String,
    /// How it was written.
    pub(super) kind: Kind,
}

/// How a value was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As text.
    Text,
    /// As a whole number.
    Number,
}

impl Part {
    /// The last of the names on the way to the value.
    pub(super) fn key(&self) -> &str {
        let dot = memrchr(b'.', self.place.as_bytes());
        let begins = dot.map_or(0, |dot| dot + 1);
        self.place.get(begins..).unwrap_or_default()
    }
}

/// The first value of a field, as text.
pub(super) fn field<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?).ok()
}

/// The values of a message's content: JSON, or a form.
pub(super) fn parts(headers: &Headers, body: &Body) -> Vec<Part> {
    let Some(content) = decoded(headers, body) else {
        return Vec::new();
    };
    let kind = field(headers, "content-type").unwrap_or_default();
    let form = "application/x-www-form-urlencoded";
    let begins = content.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(begins, Some(b'{' | b'[')) {
        json_parts(&content)
    } else if kind
        .get(..form.len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(form))
    {
        form_parts(&content)
    } else {
        Vec::new()
    }
}

/// The values in JSON; what stands before damage is kept.
pub(super) fn json_parts(json: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let walk = Walk {
        place: &mut String::new(),
        parts: &mut parts,
    };
    // Where the JSON breaks off, what was read up to there still stands in the message.
    drop(walk.deserialize(&mut deserializer));
    parts
}

/// The fields of a form or a query.
pub(super) fn form_parts(fields: &[u8]) -> Vec<Part> {
    form_urlencoded::parse(fields)
        .take(MAX_PARTS)
        .map(|(name, value)| Part {
            place: name.into_owned(),
            text: value.into_owned(),
            kind: Kind::Text,
        })
        .collect()
}

/// Walks a JSON value and keeps its strings and whole numbers.
struct Walk<'a> {
    /// The names on the way to it.
    place: &'a mut String,
    parts: &'a mut Vec<Part>,
}

impl Walk<'_> {
    fn keep(self, text: String, kind: Kind) {
        if self.parts.len() < MAX_PARTS {
            self.parts.push(Part {
                place: self.place.clone(),
                text,
                kind,
            });
        }
    }
}

/// Writes the name of a member behind those on the way to it.
struct Name<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a member")
    }

    fn visit_str<E>(self, name: &str) -> Result<(), E> {
        if !self.0.is_empty() {
            self.0.push('.');
        }
        self.0.push_str(name);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.keep(text.to_owned(), Kind::Text);
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.keep(number.to_string(), Kind::Number);
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while self.parts.len() < MAX_PARTS {
            let item = Walk {
                place: &mut *self.place,
                parts: &mut *self.parts,
            };
            if items.next_element_seed(item)?.is_none() {
                return Ok(());
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let above = self.place.len();
        while members.next_key_seed(Name(self.place))?.is_some() {
            members.next_value_seed(Walk {
                place: &mut *self.place,
                parts: &mut *self.parts,
            })?;
            self.place.truncate(above);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_with_their_places() {
        let found = |parts: Vec<Part>| -> Vec<String> {
            let line = |part: Part| format!("{}={}", part.place, part.text);
            parts.into_iter().map(line).collect()
        };
        let json = br#"{"a":{"b":["x",{"c":7}],"d":null,"e":-1,"f":1.5},"g":true,"h":"\u00e9"}"#;
        assert_eq!(found(json_parts(json)), ["a.b=x", "a.b.c=7", "h=é"]);
        assert_eq!(found(json_parts(br#"{"a":"x","b":"#)), ["a=x"]);
        assert_eq!(found(form_parts(b"user=a%20b&x=1")), ["user=a b", "x=1"]);
        let many = format!("[{}1]", "1,".repeat(MAX_PARTS + 10));
        assert_eq!(json_parts(many.as_bytes()).len(), MAX_PARTS);
    }
}

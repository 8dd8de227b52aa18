//! The values that stand in a message's content.
//!
//! What is made here is for reading only; the tape keeps the bytes as they passed. Content that
//! cannot be read has no values, which is all that is said of it.

use std::borrow::Cow;

use simdutf8::compat::from_utf8;

use crate::exchange::Headers;
use crate::exchange::json::{Compact, Scanner, Text, Token};

/// How many values of one body are looked at. Identifiers stand near the front, and a list of a
/// thousand contacts tells no more than its first hundred.
const MAX_PARTS: usize = 4_096;

/// How many values there is room for at once: few requests have more.
const USUAL_PARTS: usize = 8;

/// How deep JSON nests whose values are looked at; deeper ones are as good as damaged.
const MAX_DEPTH: usize = 127;

/// How many digits the highest number of 64 bits has: what has fewer is no higher.
const MAX_DIGITS: usize = 20;

/// A value that stands in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    /// Where: the names on the way to it, without places in arrays, joined by dots.
    pub(super) place: Cow<'a, str>,
    /// The value.
    pub(super) text: Cow<'a, str>,
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

impl Part<'_> {
    /// The last of the names on the way to the value.
    pub(super) fn key(&self) -> &str {
        // Names are short, and this is asked of each several times.
        let dot = self.place.bytes().rposition(|byte| byte == b'.');
        let begins = dot.map_or(0, |dot| dot + 1);
        self.place.get(begins..).unwrap_or_default()
    }
}

/// The first value of a field, as text.
pub(super) fn field<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    std::str::from_utf8(headers.get(name)?).ok()
}

/// The values of a message's content, which has no coding any more: JSON, or a form. And what was found of the body,
/// where that has had no coding either.
#[allow(clippy::ptr_arg)] // whether it is owned tells whether a coding was taken off
pub(super) fn read<'a>(
    headers: &Headers,
    content: &'a Cow<'_, [u8]>,
) -> (Vec<Part<'a>>, Option<Compact>) {
    let begins = content.iter().find(|byte| !byte.is_ascii_whitespace());
    if matches!(begins, Some(b'{' | b'[')) {
        let (parts, compact) = read_json(content);
        let of_body = matches!(content, Cow::Borrowed(_));
        return (parts, compact.filter(|_| of_body));
    }
    let kind = field(headers, "content-type").unwrap_or_default();
    let form = "application/x-www-form-urlencoded";
    if kind
        .get(..form.len())
        .is_some_and(|kind| kind.eq_ignore_ascii_case(form))
    {
        (form_parts(content), None)
    } else {
        (Vec::new(), None)
    }
}

/// The values in JSON: its strings and whole numbers. What stands before damage is kept.
pub(super) fn json_parts(json: &[u8]) -> Vec<Part<'_>> {
    let (parts, _) = read_json(json);
    parts
}

fn read_json(json: &[u8]) -> (Vec<Part<'_>>, Option<Compact>) {
    let text = from_utf8(json).or_else(|damage| {
        let before = json.get(..damage.valid_up_to()).unwrap_or_default();
        from_utf8(before)
    });
    let mut walk = Walk {
        parts: Vec::with_capacity(USUAL_PARTS),
        ..Walk::default()
    };
    let mut tokens = Scanner::new(text.unwrap_or_default(), MAX_DEPTH);
    while walk.parts.len() < MAX_PARTS {
        let more = tokens.next().and_then(|token| walk.take(token));
        if more.is_none() {
            break;
        }
    }
    (walk.parts, tokens.compact())
}

/// The fields of a form or a query.
pub(super) fn form_parts(fields: &[u8]) -> Vec<Part<'_>> {
    form_urlencoded::parse(fields)
        .take(MAX_PARTS)
        .map(|(name, value)| Part {
            place: name,
            text: value,
            kind: Kind::Text,
        })
        .collect()
}

/// Walks a JSON value and keeps its strings and whole numbers.
#[derive(Default)]
struct Walk<'a> {
    /// The names on the way to what comes next.
    place: Cow<'a, str>,
    /// How many arrays and objects are open that have no names on the way to them.
    bare: usize,
    /// How long they are around each of the others.
    around: Vec<usize>,
    parts: Vec<Part<'a>>,
}

impl<'a> Walk<'a> {
    /// Takes a token; `None` where it cannot be read.
    fn take(&mut self, token: Token<'a>) -> Option<()> {
        match token {
            Token::Open if self.place.is_empty() => self.bare += 1,
            Token::Open => self.around.push(self.place.len()),
            Token::Close => self.leave()?,
            Token::Name(name) => self.name(name)?,
            Token::String(text) => self.keep(text.read()?, Kind::Text),
            Token::Number(number) => self.number(number)?,
            Token::Word => {}
        }
        Some(())
    }

    fn leave(&mut self) -> Option<()> {
        if let Some(around) = self.around.pop() {
            self.place.to_mut().truncate(around);
        } else {
            self.bare = self.bare.checked_sub(1)?;
            self.place = Cow::Borrowed("");
        }
        Some(())
    }

    fn name(&mut self, name: Text<'a>) -> Option<()> {
        let name = name.read()?;
        match self.around.last() {
            None => self.place = name,
            Some(around) => {
                let place = self.place.to_mut();
                place.truncate(*around);
                place.push('.');
                place.push_str(&name);
            }
        }
        Some(())
    }

    fn number(&mut self, number: &'a str) -> Option<()> {
        if is_whole(number)? {
            self.keep(Cow::Borrowed(number), Kind::Number);
        }
        Some(())
    }

    fn keep(&mut self, text: Cow<'a, str>, kind: Kind) {
        let place = self.place.clone();
        self.parts.push(Part { place, text, kind });
    }
}

/// Whether a number is whole and of 64 bits; `None` where it is out of all range, which is damage.
fn is_whole(number: &str) -> Option<bool> {
    if number.len() < MAX_DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(true);
    }
    let read: serde_json::Number = serde_json::from_str(number).ok()?;
    Some(read.is_u64())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// The parts of a value, by way of serde's reading of it.
    fn values(place: &str, value: &Value, into: &mut Vec<Part<'static>>) {
        let (text, kind) = match value {
            Value::String(text) => (text.clone(), Kind::Text),
            Value::Number(number) if number.is_u64() => (number.to_string(), Kind::Number),
            Value::Array(items) => return items.iter().for_each(|item| values(place, item, into)),
            Value::Object(members) => {
                for (name, member) in members {
                    let gap = if place.is_empty() { "" } else { "." };
                    values(&format!("{place}{gap}{name}"), member, into);
                }
                return;
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => return,
        };
        let (place, text) = (place.to_owned().into(), text.into());
        into.push(Part { place, text, kind });
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (0.0..1e300_f64).prop_map(Value::from),
            ".{0,40}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, |inner| {
            let members = prop::collection::vec(("[a-z\"é]{0,5}", inner.clone()), 0..6);
            prop_oneof![
                prop::collection::vec(inner, 0..6).prop_map(Value::from),
                members.prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_values_are_those_that_others_read_and_of_torn_json_the_first(
            value in json(),
            torn in any::<prop::sample::Index>(),
        ) {
            let mut expected = Vec::new();
            values("", &value, &mut expected);
            for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                prop_assert_eq!(&json_parts(text.as_bytes()), &expected);
                let torn = text.as_bytes().get(..torn.index(text.len())).unwrap_or_default();
                let before = json_parts(torn);
                // The last may be a number that is torn itself.
                let whole = before.len().saturating_sub(1);
                prop_assert_eq!(Some(&before[..whole]), expected.get(..whole));
            }
        }
    }

    #[test]
    fn of_content_that_was_coded_nothing_is_said_of_the_body() {
        let json: &[u8] = b"[1]";
        for (content, expected) in [
            (Cow::Borrowed(json), true),
            (Cow::Owned(json.to_owned()), false),
        ] {
            let (parts, compact) = read(&Headers::new(), &content);
            assert_eq!((parts.len(), compact.is_some()), (1, expected));
        }
    }

    #[test]
    fn values_are_found_with_their_places() {
        let found = |parts: Vec<Part<'_>>| -> Vec<String> {
            let line = |part: Part<'_>| format!("{}={}", part.place, part.text);
            parts.into_iter().map(line).collect()
        };
        let json = br#"{"a":{"b":["x",{"c":7}],"d":null,"e":-1,"f":1.5},"g":true,"h":"\u00e9"}"#;
        assert_eq!(found(json_parts(json)), ["a.b=x", "a.b.c=7", "h=é"]);
        assert_eq!(found(json_parts(br#"{"a":"x","b":"#)), ["a=x"]);
        assert_eq!(found(form_parts(b"user=a%20b&x=1")), ["user=a b", "x=1"]);
        assert_eq!(found(json_parts(b"[\"a\",1,\"\xff\",\"b\"]")), ["=a", "=1"]);
        assert_eq!(found(json_parts(br#"["a","\ud800","b"]"#)), ["=a"]);
        assert_eq!(found(json_parts(b"[1,1e999,2]")), ["=1"]);
        let deep = |depth: usize| "[".repeat(depth) + "1";
        assert_eq!(json_parts(deep(MAX_DEPTH).as_bytes()).len(), 1);
        assert_eq!(json_parts(deep(MAX_DEPTH + 1).as_bytes()).len(), 0);
        let many = format!("[{}1]", "1,".repeat(MAX_PARTS + 10));
        assert_eq!(json_parts(many.as_bytes()).len(), MAX_PARTS);
    }
}

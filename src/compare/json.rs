//! A JSON value whose numbers are exact, however large or long they are.
//!
//! It is a view for comparing and showing; the bytes of a body stay the truth.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deeper values are not read as JSON: no service nests so far, and reading is recursive.
pub(super) const MAX_DEPTH: usize = 128;

/// A JSON value (RFC 8259).
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, without quotes and escapes.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object's members in order, each name once: of equal names the last counts.
    Object(Vec<(String, Json)>),
}

impl Eq for Json {}

/// A number as it was written. Two are equal where their decimal values are: `1`, `1.0` and `10e-1`.
#[derive(Clone, Debug)]
pub struct Number(String);

impl Number {
    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its sign, its significant digits, and the exponent of the last of them. One whose exponent is beyond
    /// `i64` has no such form, and equals only itself.
    pub(super) fn decimal(&self) -> Option<(bool, String, i64)> {
        decimal(&self.0)
    }
}

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Number(number.to_string())
    }
}

impl Json {
    /// Reads one JSON value; `None` where `text` is not one, or nests beyond 128 levels.
    pub fn parse(text: &[u8]) -> Option<Json> {
        let raw: &RawValue = serde_json::from_slice(text).ok()?;
        read(raw, MAX_DEPTH)
    }

    /// The member of this name, where this is an object that has one.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members()
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map(|(_, value)| value)
    }

    /// The members of an object; none for any other value.
    pub fn members(&self) -> &[(String, Json)] {
        if let Json::Object(members) = self {
            members
        } else {
            &[]
        }
    }

    /// Whether this is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Json::Object(_))
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Json::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// The same value without the members of an object that have one of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Json {
        match self {
            Json::Object(members) => Json::Object(
                members
                    .iter()
                    .filter(|(name, _)| !names.contains(&name.as_str()))
                    .cloned()
                    .collect(),
            ),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                self.clone()
            }
        }
    }
}

impl fmt::Display for Json {
    /// Writes compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(truth) => truth.fmt(f),
            Json::Number(number) => f.write_str(&number.0),
            Json::String(text) => quoted(text, f),
            Json::Array(items) => {
                f.write_str("[")?;
                for (place, item) in items.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Json::Object(members) => {
                f.write_str("{")?;
                for (place, (name, value)) in members.iter().enumerate() {
                    f.write_str(if place == 0 { "" } else { "," })?;
                    quoted(name, f)?;
                    f.write_str(":")?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        let decimals = || self.decimal().zip(other.decimal());
        self.0 == other.0 || decimals().is_some_and(|(ours, theirs)| ours == theirs)
    }
}

/// A step of a JSON Pointer: `~` and `/` are escaped in it (RFC 6901 §3).
pub fn token(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn quoted(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

fn read(raw: &RawValue, depth: usize) -> Option<Json> {
    let depth = depth.checked_sub(1)?;
    let text = raw.get();
    Some(match text.as_bytes().first()? {
        b'n' => Json::Null,
        b't' => Json::Bool(true),
        b'f' => Json::Bool(false),
        b'"' => Json::String(serde_json::from_str(text).ok()?),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Json::Array(
                items
                    .into_iter()
                    .map(|item| read(item, depth))
                    .collect::<Option<_>>()?,
            )
        }
        b'{' => {
            let Members(pairs) = serde_json::from_str(text).ok()?;
            let mut members: Vec<(String, Json)> = Vec::with_capacity(pairs.len());
            for (name, raw) in pairs {
                let value = read(raw, depth)?;
                match members.iter_mut().find(|(candidate, _)| *candidate == name) {
                    Some((_, earlier)) => *earlier = value,
                    None => members.push((name, value)),
                }
            }
            Json::Object(members)
        }
        _ => Json::Number(Number(text.to_owned())),
    })
}

/// The members of an object, in order and with their values unread.
pub(super) struct Members<'a>(pub(super) Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Members(pairs))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}

fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some((false, String::new(), 0));
    }
    let dropped = digits.len() - digits.trim_end_matches('0').len();
    let exponent: i64 = exponent.parse().ok()?;
    let shift = i64::try_from(dropped)
        .ok()?
        .checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((
        negative,
        significant.to_owned(),
        exponent.checked_add(shift)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_are_compared_by_value_and_never_as_floats() {
        for (one, other) in [
            ("1", "1.0"),
            ("100", "1e2"),
            ("-0", "0"),
            ("0.10", "1E-1"),
            ("12e-1", "1.2"),
        ] {
            assert_eq!(json(one), json(other), "{one} and {other}");
        }
        for (one, other) in [
            ("9007199254740993", "9007199254740992"),
            ("1", "-1"),
            ("1e400", "1e401"),
            // Exponents that no i64 holds.
            ("1e99999999999999999999", "2e99999999999999999999"),
            ("1", "10"),
        ] {
            assert_ne!(json(one), json(other), "{one} and {other}");
        }
    }

    #[test]
    fn what_is_shown_is_what_was_read() {
        let text = r#"{"a":[1e400,-0.50,"é\n"],"b":{"c":null,"d":true,"e":false}}"#;
        assert_eq!(json(text).to_string(), text);
    }

    #[test]
    fn of_equal_names_the_last_counts() {
        assert_eq!(json(r#"{"a":1,"b":2,"a":3}"#), json(r#"{"a":3,"b":2}"#));
    }

    #[test]
    fn depth_is_limited() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(128).as_bytes()).is_some());
        assert!(Json::parse(nested(129).as_bytes()).is_none());
        assert!(Json::parse(nested(100_000).as_bytes()).is_none());
    }
}

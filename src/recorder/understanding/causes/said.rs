//! What the content of a request said, and whether a message says it again.
//!
//! What follows from that is the business of [`super::Causes`].

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};

use crate::recorder::understanding::content::Part;
use crate::recorder::understanding::identifier::{has_byte, may_be_space};
use crate::recorder::understanding::recent::Recent;

/// How many of a request's values are kept, to be known again when they return.
const MAX_SAID: usize = 64;

/// The shortest value whose return tells that a message repeats what a client said.
const MIN_ECHO: usize = 3;

/// What texts are stirred with for a sketch: as many bits as not, and in no order (those of π).
const STIR: u64 = 0x243f_6a88_85a3_08d3;

/// A digest of a field's name, value or both, so that long texts take no room.
pub(super) type Fingerprint = u64;

/// The values in the content of a request.
#[derive(Debug)]
pub(super) struct Said {
    /// What nobody had said before, as field and value together.
    first: BTreeSet<Fingerprint>,
    /// Each field and the value there, as sketches.
    gave: Vec<(u64, u64)>,
}

/// How a message fits the fields of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Some field of the request stands in the message with the same value.
    Agrees,
    /// The two have fields in common, and in all of them other values.
    Differs,
    /// They have no field in common.
    Apart,
}

impl Said {
    /// What these parts of a request say. `before` is what was said before, and learns it.
    pub(super) fn of(parts: &[Part<'_>], before: &mut Recent<Fingerprint, ()>) -> Said {
        let values = parts.iter().filter(|part| repeatable(part));
        let values: BTreeSet<Fingerprint> = values.map(fingerprint).take(MAX_SAID).collect();
        let fresh = |value: &Fingerprint| before.get(value).is_none();
        let first = values.iter().copied().filter(fresh).collect();
        for value in &values {
            before.insert(value, ());
        }
        Said {
            first,
            gave: parts.iter().take(MAX_SAID).map(field_and_value).collect(),
        }
    }

    /// Whether a message repeats, in a field of the same name, what this request was first to say.
    pub(super) fn is_echoed_by(&self, parts: &[Part<'_>]) -> bool {
        self.echo(parts).is_some()
    }

    /// What of a message repeats that.
    pub(super) fn echo<'a>(&self, parts: &'a [Part<'a>]) -> Option<&'a Part<'a>> {
        let said = |part: &&Part<'_>| repeatable(part) && self.first.contains(&fingerprint(part));
        let mut parts = parts.iter().filter(|_| !self.first.is_empty());
        parts.find(said)
    }

    /// How a message fits the request.
    pub(super) fn fit(&self, parts: &[Part<'_>]) -> Fit {
        let mut fit = Fit::Apart;
        for (field, value) in parts.iter().map(field_and_value) {
            let mut same = self
                .gave
                .iter()
                .filter(|(name, _)| *name == field)
                .peekable();
            if same.peek().is_some() {
                fit = Fit::Differs;
            }
            if same.any(|(_, given)| *given == value) {
                return Fit::Agrees;
            }
        }
        fit
    }
}

/// Whether a value's return tells something: single words recur as states and capabilities.
fn repeatable(part: &Part<'_>) -> bool {
    let text = &part.text;
    text.len() >= MIN_ECHO
        && has_byte(text.as_bytes(), |it| {
            it.is_ascii_digit() || may_be_space(it)
        })
        && text.contains(|c: char| c.is_ascii_digit() || c.is_whitespace())
}

fn fingerprint(part: &Part<'_>) -> Fingerprint {
    digest(&[part.key().as_bytes(), &[0], part.text.as_bytes()])
}

fn field_and_value(part: &Part<'_>) -> (u64, u64) {
    (sketch(part.key().as_bytes()), sketch(part.text.as_bytes()))
}

/// A number for a text that is compared with a few others only. It is made in fewer steps than a digest, and
/// who makes two texts of one number spoils the cause of his own notification.
fn sketch(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let stir = |stirred: u64, word: &[u8; 8]| {
        let product = u128::from(stirred ^ u64::from_le_bytes(*word)) * u128::from(STIR);
        let folded = (product >> 64 ^ product) & u128::from(u64::MAX);
        u64::try_from(folded).unwrap_or_default()
    };
    let begin = STIR ^ u64::try_from(text.len()).unwrap_or_default();
    words.iter().chain([&last]).fold(begin, stir)
}

/// A number for texts. It is no proof that two are equal, as no number of so few bits is.
fn digest(texts: &[&[u8]]) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    for text in texts {
        hasher.write(text);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recorder::understanding::content::json_parts;

    proptest! {
        #[test]
        fn a_message_fits_by_its_fields_and_values(
            asked in prop::collection::vec(("[a-c]", "x{7}[ab]{0,2}|[ab]{0,2}"), 0..5),
            told in prop::collection::vec(("[a-c]", "x{7}[ab]{0,2}|[ab]{0,2}"), 0..5),
        ) {
            let json = |fields: &[(String, String)]| {
                let fields = fields.iter().map(|(name, value)| format!(r#""{name}":"{value}""#));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            };
            let (ours, theirs) = (json(&asked), json(&told));
            let said = Said::of(&json_parts(ours.as_bytes()), &mut Recent::new(9));
            let common = told.iter().any(|(name, _)| asked.iter().any(|(other, _)| other == name));
            let expected = if told.iter().any(|field| asked.contains(field)) {
                Fit::Agrees
            } else if common {
                Fit::Differs
            } else {
                Fit::Apart
            };
            prop_assert_eq!(said.fit(&json_parts(theirs.as_bytes())), expected);
        }

        #[test]
        fn a_value_tells_something_where_it_has_a_digit_or_white_space(text in "[a-z]{0,20}[é\u{a0}\u{1c} 5x]?[a-z]{0,20}") {
            let part = Part {
                place: "".into(),
                text: text.as_str().into(),
                kind: crate::recorder::understanding::content::Kind::Text,
            };
            let expected = text.len() >= MIN_ECHO
                && text.contains(|c: char| c.is_ascii_digit() || c.is_whitespace());
            prop_assert_eq!(repeatable(&part), expected);
        }
    }
}

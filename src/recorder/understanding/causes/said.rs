//! What the content of a request said, and whether a message says it again.
//!
//! What follows from that is the business of [`super::Causes`].

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher as _};

use crate::recorder::understanding::content::Part;
use crate::recorder::understanding::recent::Recent;

/// How many of a request's values are kept, to be known again when they return.
const MAX_SAID: usize = 64;

/// The shortest value whose return tells that a message repeats what a client said.
const MIN_ECHO: usize = 3;

/// A digest of a field's name, value or both, so that long texts take no room.
pub(super) type Fingerprint = u64;

/// The values in the content of a request.
#[derive(Debug)]
pub(super) struct Said {
    /// What nobody had said before, as field and value together.
    first: BTreeSet<Fingerprint>,
    /// Each field and the value there.
    gave: Vec<(Fingerprint, Fingerprint)>,
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
    // All is looked at, and many bytes at once.
    let telling = |found: bool, byte| found | matches!(byte, b'0'..=b'9' | b'\t'..=b'\r' | b' ');
    part.text.len() >= MIN_ECHO
        && (part.text.bytes().fold(false, telling)
            || !part.text.is_ascii() && part.text.contains(char::is_whitespace))
}

fn fingerprint(part: &Part<'_>) -> Fingerprint {
    digest(&[part.key().as_bytes(), &[0], part.text.as_bytes()])
}

fn field_and_value(part: &Part<'_>) -> (Fingerprint, Fingerprint) {
    (
        digest(&[part.key().as_bytes()]),
        digest(&[part.text.as_bytes()]),
    )
}

/// A number for texts. It is no proof that two are equal, as no number of so few bits is.
fn digest(texts: &[&[u8]]) -> Fingerprint {
    let mut hasher = DefaultHasher::new();
    for text in texts {
        hasher.write(text);
    }
    hasher.finish()
}

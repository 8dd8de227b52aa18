//! Header fields that were gone through before, with what took their places: a client says most of them again
//! with every request, and often all of them.
//!
//! A field is known by all its bytes, so that none is ever taken for another, and what became of it holds only
//! while the same secrets are known. What is found in a field is the business of [`super::fields`].

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

use crate::exchange::Headers;
use crate::exchange::secret::Spreading;

/// How many pairs of fields are remembered, as a power of two: those of dozens of clients.
const BITS: u32 = 9;

/// How many heads are remembered, as a power of two.
const HEADS: u32 = 7;

/// How many bytes of a name and value are remembered at most, and of what takes its place: as many as most
/// cookies and tokens have.
const MAX_BYTES: usize = 2 * 1_024;

/// What was known of secrets at a time: how many had been learned or forgotten, and how many are settled. Each
/// number only grows, so that two that are equal tell of the same secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Knowledge {
    pub(super) learned: u64,
    pub(super) settled: usize,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome<'a> {
    /// It stays.
    Stays,
    /// This takes the place of its value.
    Becomes(&'a [u8]),
}

/// What became of all fields of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadOutcome<'a> {
    /// They stay.
    Stays,
    /// These take their places.
    Becomes(&'a Headers),
}

/// The fields that are remembered: each in the place that its bytes tell, where two have room, and the second that
/// comes there later drives it out.
#[derive(Default)]
pub(super) struct Seen {
    pairs: Vec<[Field; 2]>,
    heads: Vec<Head>,
    spreading: Spreading,
}

#[derive(Default)]
struct Field {
    name: String,
    value: Vec<u8>,
    /// What takes the place of the value; `None` where it stays.
    new: Option<Vec<u8>>,
    /// What was known when it was gone through; `None` where nothing is remembered here.
    knowledge: Option<Knowledge>,
}

/// All fields of a message. Many never come again, so that they are remembered together when they come for the
/// second time.
#[derive(Default)]
struct Head {
    spread: u64,
    fields: Headers,
    /// What takes their place; `None` where all stay.
    new: Option<Headers>,
    /// What was known when it was gone through; `None` where nothing is remembered here.
    knowledge: Option<Knowledge>,
}

/// Values of fields may be secrets, and are not shown.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({} …)", self.pairs.len())
    }
}

impl Seen {
    /// What became of this field, if it was gone through when as much was known.
    pub(super) fn get(
        &self,
        name: &str,
        value: &[u8],
        knowledge: Knowledge,
    ) -> Option<Outcome<'_>> {
        let mut pair = self.pairs.get(self.place(name, value))?.iter();
        let field = pair.find(|field| {
            field.knowledge == Some(knowledge) && field.value == value && field.name == name
        })?;
        let new = field.new.as_deref();
        Some(new.map_or(Outcome::Stays, Outcome::Becomes))
    }

    /// Notes what takes the place of a field.
    pub(super) fn note(
        &mut self,
        name: &str,
        value: &[u8],
        new: Option<&[u8]>,
        knowledge: Knowledge,
    ) {
        if name.len() + value.len() > MAX_BYTES || new.is_some_and(|new| new.len() > MAX_BYTES) {
            return;
        }
        if self.pairs.is_empty() {
            self.pairs.resize_with(1 << BITS, Default::default);
        }
        let place = self.place(name, value);
        let Some([field, other]) = self.pairs.get_mut(place) else {
            return;
        };
        if field.knowledge == Some(knowledge) {
            std::mem::swap(field, other); // it holds still, and the other may not, or is older
        }
        name.clone_into(&mut field.name);
        value.clone_into(&mut field.value);
        field.new = new.map(<[u8]>::to_owned);
        field.knowledge = Some(knowledge);
    }

    /// What became of all these fields, if they were gone through when as much was known.
    pub(super) fn head(&self, fields: &Headers, knowledge: Knowledge) -> Option<HeadOutcome<'_>> {
        let head = self.heads.get(head_place(self.spread(fields)))?;
        let known = head.knowledge == Some(knowledge) && head.fields == *fields;
        let new = head.new.as_ref();
        known.then(|| new.map_or(HeadOutcome::Stays, HeadOutcome::Becomes))
    }

    /// Notes what takes the place of all these fields.
    pub(super) fn note_head(
        &mut self,
        fields: &Headers,
        new: Option<&Headers>,
        knowledge: Knowledge,
    ) {
        if fields.length() > MAX_BYTES || new.is_some_and(|new| new.length() > MAX_BYTES) {
            return;
        }
        if self.heads.is_empty() {
            self.heads.resize_with(1 << HEADS, Default::default);
        }
        let spread = self.spread(fields);
        let Some(head) = self.heads.get_mut(head_place(spread)) else {
            return;
        };
        let came = head.spread == spread;
        *head = Head {
            spread,
            ..Head::default()
        };
        if came {
            head.fields = fields.clone();
            head.new = new.cloned();
            head.knowledge = Some(knowledge);
        }
    }

    fn spread(&self, fields: &Headers) -> u64 {
        let mut spread = self.spreading.build_hasher();
        spread.write(fields.text().as_bytes());
        spread.finish()
    }

    /// The place that the bytes of a field tell.
    fn place(&self, name: &str, value: &[u8]) -> usize {
        let mut spread = self.spreading.build_hasher();
        spread.write(value);
        spread.write(name.as_bytes());
        usize::try_from(spread.finish() >> (u64::BITS - BITS)).unwrap_or_default()
    }
}

/// The place of a head.
fn head_place(spread: u64) -> usize {
    usize::try_from(spread >> (u64::BITS - HEADS)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Knowledge = Knowledge {
        learned: 3,
        settled: 1,
    };

    #[test]
    fn a_field_is_known_by_all_its_bytes_and_while_the_same_secrets_are_known() {
        let mut seen = Seen::default();
        assert_eq!(seen.get("accept", b"*/*", NOW), None);
        seen.note("accept", b"*/*", None, NOW);
        seen.note("cookie", b"a=1", Some(b"a=7"), NOW);
        assert_eq!(seen.get("accept", b"*/*", NOW), Some(Outcome::Stays));
        assert_eq!(
            seen.get("cookie", b"a=1", NOW),
            Some(Outcome::Becomes(b"a=7"))
        );
        for (name, value) in [("accepT", "*/*"), ("accept", "*/+"), ("accept", "")] {
            assert_eq!(
                seen.get(name, value.as_bytes(), NOW),
                None,
                "{name} {value}"
            );
        }
        for knowledge in [
            Knowledge { learned: 4, ..NOW },
            Knowledge { settled: 2, ..NOW },
        ] {
            assert_eq!(seen.get("accept", b"*/*", knowledge), None);
        }
        seen.note(
            "accept",
            b"*/*",
            Some(b"-"),
            Knowledge { learned: 4, ..NOW },
        );
        assert_eq!(seen.get("accept", b"*/*", NOW), None);
        assert!(!format!("{seen:?}").contains("a=1"));
    }

    #[test]
    fn two_fields_of_one_place_are_remembered() {
        let mut seen = Seen::default();
        let place = seen.place("id", b"0");
        let mut others = (1_u32..).map(|number| number.to_string().into_bytes());
        let other = others.find(|value| seen.place("id", value) == place);
        let other = other.unwrap();
        seen.note("id", b"0", None, NOW);
        seen.note("id", &other, Some(b"1"), NOW);
        assert_eq!(seen.get("id", b"0", NOW), Some(Outcome::Stays));
        assert_eq!(seen.get("id", &other, NOW), Some(Outcome::Becomes(b"1")));
    }

    #[test]
    fn of_many_fields_none_is_taken_for_another() {
        let mut seen = Seen::default();
        for number in 0..10_u32 << BITS {
            let text = number.to_string();
            let fields = |text: &str| {
                [
                    ("id".to_owned(), text.to_owned()),
                    (text.to_owned(), "1".to_owned()),
                ]
            };
            for (name, value) in fields(&text) {
                let new = format!("{name}: {value}").into_bytes();
                seen.note(&name, value.as_bytes(), Some(&new), NOW);
                let found = seen.get(&name, value.as_bytes(), NOW);
                assert_eq!(found, Some(Outcome::Becomes(&new)));
            }
            let earlier = number.saturating_sub(20)..number;
            for (name, value) in earlier.flat_map(|number| fields(&number.to_string())) {
                let new = format!("{name}: {value}").into_bytes();
                let found = seen.get(&name, value.as_bytes(), NOW);
                assert!(found.is_none_or(|found| found == Outcome::Becomes(&new)));
            }
        }
        assert_eq!(seen.pairs.len(), 1 << BITS);
        let long = vec![b'a'; MAX_BYTES];
        seen.note("id", &long, None, NOW);
        assert_eq!(seen.get("id", &long, NOW), None);
    }

    #[test]
    fn a_head_that_came_twice_is_known_by_all_its_fields_and_while_the_same_secrets_are_known() {
        let mut seen = Seen::default();
        let head = |fields: &[(&str, &str)]| fields.iter().copied().collect::<Headers>();
        let fields = head(&[("a", "bc"), ("d", "e")]);
        seen.note_head(&fields, None, NOW);
        assert_eq!(seen.head(&fields, NOW), None);
        seen.note_head(&fields, None, NOW);
        assert_eq!(seen.head(&fields, NOW), Some(HeadOutcome::Stays));
        let later = Knowledge { learned: 4, ..NOW };
        assert_eq!(seen.head(&fields, later), None);
        // The same text, divided in another way; and octets, which are not in the text.
        let mut octets = fields.clone();
        octets.push("", b"\xff");
        for other in [head(&[("ab", "c"), ("d", "e")]), octets] {
            assert_eq!(seen.head(&other, NOW), None, "{other:?}");
        }
        let new = head(&[("a", "f"), ("d", "e")]);
        seen.note_head(&fields, Some(&new), later);
        assert_eq!(seen.head(&fields, later), Some(HeadOutcome::Becomes(&new)));
        assert_eq!(seen.head(&fields, NOW), None);
        let long = head(&[("a", &"b".repeat(MAX_BYTES))]);
        for (fields, new) in [(&long, None), (&new, Some(&long))] {
            for _ in 0..2 {
                seen.note_head(fields, new, NOW);
            }
            assert_eq!(seen.head(fields, NOW), None);
        }
    }
}

//! Header fields and short content that were gone through before, with what took their places: a client says most
//! of its fields again with every request, and often all of them, and a service says again that all is well.
//!
//! Each is known by all its bytes, so that none is ever taken for another, and what became of it holds only
//! while the same secrets are known. What is found in them is the business of [`super::fields`] and
//! [`super::content`].

mod wholes;

use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

use crate::exchange::Headers;
use crate::exchange::secret::Spreading;

use wholes::Wholes;

/// How many pairs of fields are remembered, as a power of two: those of dozens of clients.
const BITS: u32 = 9;

/// How many bytes of a name and value are remembered at most, and of what takes its place: as many as most
/// cookies and tokens have.
const MAX_BYTES: usize = 2 * 1_024;

/// How many bytes of content are remembered at most, and of what takes its place. What comes again as it was is short:
/// it says how something went.
pub(super) const MAX_CONTENT: usize = 1_024;

/// A piece of a message.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    /// A header field.
    Field { name: &'a str, value: &'a [u8] },
    /// Content, with what its header says that it is.
    Content { kind: &'a [u8], octets: &'a [u8] },
}

/// What was known of secrets at a time: how many had been learned or forgotten, and how many are settled. Each
/// number only grows, so that two that are equal tell of the same secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Knowledge {
    pub(super) learned: u64,
    pub(super) settled: usize,
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    /// It stays.
    Stays,
    /// This takes its place.
    Becomes(T),
}

impl<T> Outcome<T> {
    /// What takes the place, if anything does.
    fn of(new: Option<T>) -> Outcome<T> {
        new.map_or(Outcome::Stays, Outcome::Becomes)
    }
}

/// What is remembered: each in the place that its bytes tell. There two fields have room, and the second that
/// comes later drives one out.
#[derive(Default)]
pub(super) struct Seen {
    pairs: Vec<[Field; 2]>,
    heads: Wholes<Headers, Headers>,
    contents: Wholes<Kept, Vec<u8>>,
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

/// Content that is remembered, with what its header says that it is.
#[derive(Default)]
struct Kept {
    kind: Vec<u8>,
    octets: Vec<u8>,
}

/// What is remembered may be secrets, and is not shown.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seen({} …)", self.pairs.len())
    }
}

impl Seen {
    /// What became of this piece, if it was gone through when as much was known.
    pub(super) fn get(&self, piece: Piece<'_>, knowledge: Knowledge) -> Option<Outcome<&[u8]>> {
        let outcome = match piece {
            Piece::Field { name, value } => self.field(name, value, knowledge)?,
            Piece::Content { kind, octets } => {
                let is_it = |kept: &Kept| kept.octets == octets && kept.kind == kind;
                let spread = self.spread_content(kind, octets);
                self.contents.get(spread, is_it, knowledge)?
            }
        };
        Some(match outcome {
            Outcome::Stays => Outcome::Stays,
            Outcome::Becomes(new) => Outcome::Becomes(new),
        })
    }

    /// Notes what takes the place of a piece.
    pub(super) fn note(&mut self, piece: Piece<'_>, new: Option<&[u8]>, knowledge: Knowledge) {
        match piece {
            Piece::Field { name, value } => self.note_field(name, value, new, knowledge),
            Piece::Content { kind, octets } => {
                let is_short = |octets: &[u8]| octets.len() <= MAX_CONTENT;
                if is_short(kind) && is_short(octets) && new.is_none_or(is_short) {
                    let spread = self.spread_content(kind, octets);
                    self.contents.note(spread, knowledge, || {
                        let [kind, octets] = [kind, octets].map(<[u8]>::to_owned);
                        (Kept { kind, octets }, new.map(<[u8]>::to_owned))
                    });
                }
            }
        }
    }

    fn field(&self, name: &str, value: &[u8], knowledge: Knowledge) -> Option<Outcome<&Vec<u8>>> {
        let mut pair = self.pairs.get(self.place(name, value))?.iter();
        let field = pair.find(|field| {
            field.knowledge == Some(knowledge) && field.value == value && field.name == name
        })?;
        Some(Outcome::of(field.new.as_ref()))
    }

    fn note_field(&mut self, name: &str, value: &[u8], new: Option<&[u8]>, knowledge: Knowledge) {
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
    pub(super) fn head(&self, fields: &Headers, knowledge: Knowledge) -> Option<Outcome<&Headers>> {
        let is_it = |head: &Headers| head == fields;
        self.heads.get(self.spread(fields), is_it, knowledge)
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
        let whole = || (fields.clone(), new.cloned());
        self.heads.note(self.spread(fields), knowledge, whole);
    }

    fn spread(&self, fields: &Headers) -> u64 {
        let mut spread = self.spreading.build_hasher();
        spread.write(fields.text().as_bytes());
        spread.finish()
    }

    fn spread_content(&self, kind: &[u8], octets: &[u8]) -> u64 {
        let mut spread = self.spreading.build_hasher();
        spread.write(octets);
        spread.write(kind);
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Knowledge = Knowledge {
        learned: 3,
        settled: 1,
    };

    fn becomes(new: &[u8]) -> Outcome<&[u8]> {
        Outcome::Becomes(new)
    }

    impl Seen {
        fn get_field(
            &self,
            name: &str,
            value: &[u8],
            knowledge: Knowledge,
        ) -> Option<Outcome<&[u8]>> {
            self.get(Piece::Field { name, value }, knowledge)
        }
    }

    #[test]
    fn a_field_is_known_by_all_its_bytes_and_while_the_same_secrets_are_known() {
        let mut seen = Seen::default();
        assert_eq!(seen.get_field("accept", b"*/*", NOW), None);
        seen.note_field("accept", b"*/*", None, NOW);
        seen.note_field("cookie", b"a=1", Some(b"a=7"), NOW);
        assert_eq!(seen.get_field("accept", b"*/*", NOW), Some(Outcome::Stays));
        assert_eq!(seen.get_field("cookie", b"a=1", NOW), Some(becomes(b"a=7")));
        for (name, value) in [("accepT", "*/*"), ("accept", "*/+"), ("accept", "")] {
            assert_eq!(
                seen.get_field(name, value.as_bytes(), NOW),
                None,
                "{name} {value}"
            );
        }
        for knowledge in [
            Knowledge { learned: 4, ..NOW },
            Knowledge { settled: 2, ..NOW },
        ] {
            assert_eq!(seen.get_field("accept", b"*/*", knowledge), None);
        }
        seen.note_field(
            "accept",
            b"*/*",
            Some(b"-"),
            Knowledge { learned: 4, ..NOW },
        );
        assert_eq!(seen.get_field("accept", b"*/*", NOW), None);
        assert!(!format!("{seen:?}").contains("a=1"));
    }

    #[test]
    fn two_fields_of_one_place_are_remembered() {
        let mut seen = Seen::default();
        let place = seen.place("id", b"0");
        let mut others = (1_u32..).map(|number| number.to_string().into_bytes());
        let other = others.find(|value| seen.place("id", value) == place);
        let other = other.unwrap();
        seen.note_field("id", b"0", None, NOW);
        seen.note_field("id", &other, Some(b"1"), NOW);
        assert_eq!(seen.get_field("id", b"0", NOW), Some(Outcome::Stays));
        assert_eq!(seen.get_field("id", &other, NOW), Some(becomes(b"1")));
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
                seen.note_field(&name, value.as_bytes(), Some(&new), NOW);
                let found = seen.get_field(&name, value.as_bytes(), NOW);
                assert_eq!(found, Some(becomes(&new)));
            }
            let earlier = number.saturating_sub(20)..number;
            for (name, value) in earlier.flat_map(|number| fields(&number.to_string())) {
                let new = format!("{name}: {value}").into_bytes();
                let found = seen.get_field(&name, value.as_bytes(), NOW);
                assert!(found.is_none_or(|found| found == Outcome::Becomes(&new)));
            }
        }
        assert_eq!(seen.pairs.len(), 1 << BITS);
        let long = vec![b'a'; MAX_BYTES];
        seen.note_field("id", &long, None, NOW);
        assert_eq!(seen.get_field("id", &long, NOW), None);
    }

    #[test]
    fn content_that_came_twice_is_known_by_all_its_bytes_and_by_what_it_is() {
        let mut seen = Seen::default();
        let json = "application/json".as_bytes();
        let content = |kind, octets| Piece::Content { kind, octets };
        let fine = content(json, b"{\"statusCode\":0}");
        seen.note(fine, None, NOW);
        assert_eq!(seen.get(fine, NOW), None);
        seen.note(fine, None, NOW);
        assert_eq!(seen.get(fine, NOW), Some(Outcome::Stays));
        let later = Knowledge { learned: 4, ..NOW };
        assert_eq!(seen.get(fine, later), None);
        for other in [
            content(json, b"{\"statusCode\":1}"),
            content(b"text/plain", b"{\"statusCode\":0}"),
            content(b"", b""),
        ] {
            assert_eq!(seen.get(other, NOW), None, "{other:?}");
        }
        seen.note(fine, Some(b"-"), later);
        assert_eq!(seen.get(fine, later), Some(becomes(b"-")));
        assert_eq!(seen.get(fine, NOW), None);
        let long = vec![b'a'; MAX_CONTENT + 1];
        let most = long.get(1..).unwrap();
        for (kind, octets, new) in [
            (json, most, None),
            (json, most, Some(most)),
            (json, long.as_slice(), None),
            (json, b"b", Some(long.as_slice())),
            (long.as_slice(), b"c", None),
        ] {
            let piece = content(kind, octets);
            for _ in 0..2 {
                seen.note(piece, new, NOW);
            }
            let expected = [kind, octets].into_iter().chain(new);
            let fits = expected
                .map(<[u8]>::len)
                .all(|length| length <= MAX_CONTENT);
            assert_eq!(seen.get(piece, NOW).is_some(), fits);
        }
    }

    #[test]
    fn a_head_that_came_twice_is_known_by_all_its_fields_and_while_the_same_secrets_are_known() {
        let mut seen = Seen::default();
        let head = |fields: &[(&str, &str)]| fields.iter().copied().collect::<Headers>();
        let fields = head(&[("a", "bc"), ("d", "e")]);
        seen.note_head(&fields, None, NOW);
        assert_eq!(seen.head(&fields, NOW), None);
        seen.note_head(&fields, None, NOW);
        assert_eq!(seen.head(&fields, NOW), Some(Outcome::Stays));
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
        assert_eq!(seen.head(&fields, later), Some(Outcome::Becomes(&new)));
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

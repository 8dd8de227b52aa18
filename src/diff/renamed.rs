//! Values that stand for one another throughout: where one stands on the left tape, the other stands on the right
//! one, and the other way round. Such are the identifiers that a service makes for each conversation anew.
//!
//! A value is a word: what stands between the marks of a string, so that an identifier is one in a URL too. Only what
//! looks made stands for another: a status or a state that is another throughout is a difference. So is a pair that
//! comes once, which proves nothing. The pseudonyms of two redacted tapes are made by keys of their own, and stand for
//! one another always; their shapes are those of the secrets, and may differ.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::compare::{Difference, Json};

/// How many words are learned. What goes beyond is compared as it stands.
const MAX_WORDS: usize = 1_000_000;

/// How many pairs of values are told of.
const MAX_TOLD: usize = 10_000;

/// How often a pair must come.
const OFTEN: u64 = 2;

/// How long a word is at least that looks made; in it stands a digit.
const MADE: usize = 5;

/// How many bytes of a digest tell words apart.
const BYTES: usize = 16;

/// Two values that stand for one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// The value on the left tape.
    pub left: String,
    /// The value on the right tape.
    pub right: String,
    /// At how many places that differ.
    pub places: u64,
}

/// What is known of values.
#[derive(Debug, Default)]
pub(super) struct Renamed {
    words: Standing,
    /// Of two redacted tapes, the pseudonyms.
    pseudonyms: Standing,
    /// The words that explained something.
    found: BTreeMap<String, Renaming>,
    /// The pseudonyms of the left tape that did.
    found_pseudonyms: BTreeSet<Word>,
}

impl Renamed {
    /// Learns the words of two values that are compared.
    pub(super) fn learn(&mut self, left: &Json, right: &Json) {
        each_leaf(left, right, &mut |left, right| {
            let words = words(left, right).unwrap_or_default().into_iter();
            for (one, other) in words.filter(|(one, other)| looks_made(one) && looks_made(other)) {
                self.words.note(one, other);
            }
        });
    }

    /// Learns which pseudonyms stand in two values that are compared, of which these are the pseudonyms.
    pub(super) fn learn_pseudonyms(
        &mut self,
        (left, ours): (&Json, &BTreeSet<String>),
        (right, theirs): (&Json, &BTreeSet<String>),
    ) {
        each_leaf(left, right, &mut |left, right| {
            if let (Json::String(one), Json::String(other)) = (left, right)
                && ours.contains(one)
                && theirs.contains(other)
            {
                self.pseudonyms.note(one, other);
            }
        });
    }

    /// Forgets what explains nothing, once all is learned.
    pub(super) fn settle(&mut self) {
        self.words.settle(OFTEN);
        self.pseudonyms.settle(1);
    }

    /// Whether two values differ only in what stands for one another.
    pub(super) fn explains(&mut self, place: &Difference) -> bool {
        if self.words.is_empty() && self.pseudonyms.is_empty() {
            return false;
        }
        let (Some(left), Some(right)) = (&place.recorded, &place.live) else {
            return false;
        };
        if let (Json::String(one), Json::String(other)) = (left, right)
            && self.pseudonyms.has(one, other)
        {
            self.found_pseudonyms.insert(word(one));
            return true;
        }
        let Some(words) = words(left, right) else {
            return false;
        };
        let differing = || words.iter().filter(|(one, other)| one != other);
        let explained = differing()
            .all(|(one, other)| self.words.has(one, other) || self.pseudonyms.has(one, other));
        if explained {
            for (one, other) in differing() {
                if self.pseudonyms.has(one, other) {
                    self.found_pseudonyms.insert(word(one));
                } else {
                    found(&mut self.found, one, other);
                }
            }
        }
        explained
    }

    /// The values that explained something, by that on the left tape; and how many pseudonyms did.
    pub(super) fn into_found(self) -> (Vec<Renaming>, usize) {
        (
            self.found.into_values().collect(),
            self.found_pseudonyms.len(),
        )
    }
}

/// The digest of a word.
type Word = [u8; BYTES];

/// Which words stand for which.
#[derive(Debug, Default)]
struct Standing {
    /// What stands for those of the left tape.
    forward: BTreeMap<Word, Other>,
    /// What stands for those of the right tape.
    back: BTreeMap<Word, Other>,
}

/// What stands where a word stands on the other tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Other {
    One { word: Word, times: u64 },
    Several,
}

impl Standing {
    fn is_empty(&self) -> bool {
        self.forward.is_empty()
    }

    fn note(&mut self, left: &str, right: &str) {
        let (left, right) = (word(left), word(right));
        note(&mut self.forward, left, right);
        note(&mut self.back, right, left);
    }

    /// Leaves the words that stand for one another throughout, and at so many places.
    fn settle(&mut self, often: u64) {
        let back = std::mem::take(&mut self.back);
        self.forward.retain(|left, other| match *other {
            Other::Several => false,
            Other::One { word, times } => {
                let mutual =
                    matches!(back.get(&word), Some(Other::One { word, .. }) if word == left);
                times >= often && mutual
            }
        });
    }

    /// Whether one stands for the other.
    fn has(&self, left: &str, right: &str) -> bool {
        let known = self.forward.get(&word(left));
        matches!(known, Some(Other::One { word: known, .. }) if *known == word(right))
    }
}

/// Hands out the values that stand at the same place of two, as far as both have them.
fn each_leaf<'a>(left: &'a Json, right: &'a Json, look: &mut dyn FnMut(&'a Json, &'a Json)) {
    match (left, right) {
        (Json::Object(ours), Json::Object(_)) => {
            for (name, value) in ours {
                if let Some(other) = right.get(name) {
                    each_leaf(value, other, look);
                }
            }
        }
        (Json::Array(ours), Json::Array(theirs)) => {
            for (one, other) in ours.iter().zip(theirs) {
                each_leaf(one, other, look);
            }
        }
        (left, right) => look(left, right),
    }
}

fn note(words: &mut BTreeMap<Word, Other>, one: Word, other: Word) {
    let full = words.len() >= MAX_WORDS;
    match words.entry(one) {
        Entry::Vacant(_) if full => {}
        Entry::Vacant(entry) => {
            entry.insert(Other::One {
                word: other,
                times: 1,
            });
        }
        Entry::Occupied(mut entry) => match entry.get_mut() {
            Other::One { word, times } if *word == other => *times += 1,
            known @ (Other::One { .. } | Other::Several) => *known = Other::Several,
        },
    }
}

fn found(found: &mut BTreeMap<String, Renaming>, left: &str, right: &str) {
    if let Some(renaming) = found.get_mut(left) {
        renaming.places += 1;
    } else if found.len() < MAX_TOLD {
        let renaming = Renaming {
            left: left.to_owned(),
            right: right.to_owned(),
            places: 1,
        };
        found.insert(left.to_owned(), renaming);
    }
}

/// The words of two values that have the same marks between them.
fn words<'a>(left: &'a Json, right: &'a Json) -> Option<Vec<(&'a str, &'a str)>> {
    let (left, right) = match (left, right) {
        (Json::String(left), Json::String(right)) => (left.as_str(), right.as_str()),
        (Json::Number(left), Json::Number(right)) => {
            return Some(vec![(left.as_str(), right.as_str())]);
        }
        _ => return None,
    };
    let marks = |text: &'a str| text.split(is_of_word).filter(|marks| !marks.is_empty());
    if !marks(left).eq(marks(right)) {
        return None;
    }
    let words = |text: &'a str| {
        text.split(|c| !is_of_word(c))
            .filter(|word| !word.is_empty())
    };
    let (ours, theirs): (Vec<&str>, Vec<&str>) = (words(left).collect(), words(right).collect());
    (ours.len() == theirs.len()).then(|| ours.into_iter().zip(theirs).collect())
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '-' || c == '_'
}

fn looks_made(word: &str) -> bool {
    word.len() >= MADE && word.bytes().any(|byte| byte.is_ascii_digit())
}

fn word(text: &str) -> Word {
    let mut word = [0; BYTES];
    let mut hasher = blake3::Hasher::new();
    hasher.update(text.as_bytes());
    hasher.finalize_xof().fill(&mut word);
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json {
        Json::parse(text.as_bytes()).unwrap()
    }

    /// The differences between these values that nothing explains, and what explains the others.
    fn left_over(values: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let mut renamed = Renamed::default();
        for (left, right) in values {
            renamed.learn(&json(left), &json(right));
        }
        renamed.settle();
        let mut differing = Vec::new();
        for (left, right) in values {
            let differences = crate::compare::differences(&json(left), &json(right));
            let unexplained = differences.into_iter().filter(|one| !renamed.explains(one));
            differing.extend(unexplained.map(|difference| difference.pointer));
        }
        let (told, _) = renamed.into_found();
        let told = told.into_iter();
        let told = told.map(|one| format!("{}={} {}", one.left, one.right, one.places));
        (differing, told.collect())
    }

    #[test]
    fn values_that_stand_for_one_another_throughout_are_told_once() {
        let (left_over, told) = left_over(&[
            (r#"{"id":"a1001","n":7}"#, r#"{"id":"b2002","n":8}"#),
            (
                r#"{"uri":"http://h/x/a1001?k"}"#,
                r#"{"uri":"http://h/x/b2002?k"}"#,
            ),
        ]);
        assert_eq!(left_over, ["/n"]);
        assert_eq!(told, ["a1001=b2002 2"]);
    }

    #[test]
    fn what_stands_for_several_or_for_itself_too_explains_nothing() {
        let twice = (r#"["a1001","a1001"]"#, r#"["b2002","b2002"]"#);
        for values in [
            [twice, (r#"["a1001"]"#, r#"["c3003"]"#)],
            [twice, (r#"["c3003"]"#, r#"["b2002"]"#)],
            [twice, (r#"["a1001"]"#, r#"["a1001"]"#)],
            [(r#"["a1001"]"#, r#"["b2002"]"#), ("[1]", "[1]")],
            [("[200]", "[500]"), ("[200]", "[500]")],
            [
                (r#"["ready"]"#, r#"["away"]"#),
                (r#"["ready"]"#, r#"["away"]"#),
            ],
            [
                (r#"["a1001/x"]"#, r#"["b2002:x"]"#),
                (r#"["a1001/x"]"#, r#"["b2002:x"]"#),
            ],
        ] {
            let (left_over, told) = left_over(&values);
            assert!(!left_over.is_empty(), "{values:?}");
            assert!(told.is_empty(), "{values:?}");
        }
    }

    #[test]
    fn pseudonyms_stand_for_one_another_if_each_has_one_other() {
        for (values, expected) in [
            (vec![("k", "l")], 1),
            (vec![("k", "l"), ("x", "y")], 2),
            (vec![("k", "l"), ("k", "y")], 0),
            (vec![("k", "l"), ("x", "l")], 0),
            (vec![("k", "none")], 0),
        ] {
            let names = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
            let (ours, theirs) = (names("k x"), names("l y"));
            let mut renamed = Renamed::default();
            let mut places = Vec::new();
            for (left, right) in &values {
                let (left, right) = ((*left).to_owned(), (*right).to_owned());
                let (left, right) = (Json::String(left), Json::String(right));
                renamed.learn_pseudonyms((&left, &ours), (&right, &theirs));
                places.extend(crate::compare::differences(&left, &right));
            }
            renamed.settle();
            let explained = places
                .iter()
                .filter(|place| renamed.explains(place))
                .count();
            assert_eq!(
                (explained, renamed.into_found().1),
                (expected, expected),
                "{values:?}"
            );
        }
    }
}

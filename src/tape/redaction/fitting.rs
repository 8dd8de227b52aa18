//! Pseudonyms for what was found by its looks alone: they look so too, so that whoever has the tape and its rules
//! finds them where the secrets stood.
//!
//! What a rule insists on stays; it stands in the rule, which is on the tape. How a pseudonym is drawn, and where
//! it is put, is the business of others.

use regex::Regex;

use super::{Personal, personal};

/// The longest value that is fitted: what is found by its looks is an identifier, an address or a number, and
/// each of its characters is tried by itself.
const MAX_FITTED: usize = 256;

/// Which part of the letters and digits must have become others, as one in so many. A rule that insists on more
/// (a list of names, say) would have the secret stay.
const MIN_CHANGED: usize = 4;

/// The rules that go by looks.
#[derive(Clone, Debug)]
pub(super) struct Fitting {
    pub(super) patterns: Vec<Regex>,
    pub(super) personal: Personal,
}

impl Fitting {
    /// What is to stand for a value for which this was drawn: the same, with as much of the value in it as the
    /// rules that match the whole of the value insist on.
    pub(super) fn fitted(&self, value: &str, drawn: String) -> String {
        if value.len() > MAX_FITTED {
            return drawn;
        }
        for pattern in &self.patterns {
            let matches = |text: &str| is_whole(pattern, text);
            if matches(value) {
                return fit(value, &drawn, matches).unwrap_or(drawn);
            }
        }
        if self.personal == Personal::Kept || !is_personal(value) {
            return drawn;
        }
        let made = if personal::is_card(value) {
            card(&drawn).filter(|made| made != value)
        } else {
            // A number may be a card's by chance, and of such a one no digit could change by itself.
            let matches = |text: &str| is_personal(text) && !personal::is_card(text);
            fit(value, &drawn, matches)
        };
        made.unwrap_or(drawn)
    }
}

fn is_whole(pattern: &Regex, text: &str) -> bool {
    let found = pattern.captures(text);
    let found = found.and_then(|found| found.get(1).or_else(|| found.get(0)));
    found.is_some_and(|found| found.range() == (0..text.len()))
}

fn is_personal(text: &str) -> bool {
    personal::find(text).any(|found| found == (0..text.len()))
}

/// The value, with each character that may be another replaced by the one that was drawn for it.
fn fit(value: &str, drawn: &str, matches: impl Fn(&str) -> bool) -> Option<String> {
    let mut made: Vec<char> = value.chars().collect();
    let drawn: Vec<char> = drawn.chars().collect();
    if drawn.len() != made.len() {
        return None;
    }
    let mut changed = 0_usize;
    for (place, new) in drawn.into_iter().enumerate() {
        let Some(old) = made.get(place).copied().filter(|old| *old != new) else {
            continue;
        };
        put(&mut made, place, new);
        if matches(&made.iter().collect::<String>()) {
            changed += 1;
        } else {
            put(&mut made, place, old);
        }
    }
    let all = made.iter().filter(|c| c.is_alphanumeric()).count();
    (changed > 0 && changed.saturating_mul(MIN_CHANGED) >= all).then(|| made.into_iter().collect())
}

fn put(text: &mut [char], place: usize, c: char) {
    if let Some(there) = text.get_mut(place) {
        *there = c;
    }
}

/// The number with the check digit that makes it one of a card.
fn card(drawn: &str) -> Option<String> {
    let last = drawn.rfind(|c: char| c.is_ascii_digit())?;
    let (before, after) = (drawn.get(..last)?, drawn.get(last + 1..)?);
    let mut made = (0..10).map(|digit| format!("{before}{digit}{after}"));
    made.find(|made| personal::is_card(made) && is_personal(made))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{KEY_BYTES, Key};
    use super::*;

    fn fitting(pattern: &str) -> Fitting {
        Fitting {
            patterns: vec![Regex::new(pattern).unwrap()],
            personal: Personal::Replaced,
        }
    }

    #[test]
    fn what_the_pattern_insists_on_stays_and_all_else_changes() {
        let fitting = fitting("CUST-[0-9]{4}|(?:alice|alicia)");
        for (value, drawn, expected) in [
            ("CUST-1734", "QXZK-9012", "CUST-9012"),
            ("alice", "qwert", "qwert"),
            ("CUST-1734 ", "QXZK-9012 ", "QXZK-9012 "),
            (
                "4111 1111 1111 1111",
                "8203 1123 9876 1234",
                "8203 1123 9876 1230",
            ),
            (
                "bob@mail.example.com",
                "xyz@abcd.qwertyu.def",
                "xyz@abcd.qwertyu.def",
            ),
            ("030 / 901820", "731 / 644019", "031 / 644019"),
        ] {
            assert_eq!(fitting.fitted(value, drawn.into()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_pseudonym_of_what_looks_personal_looks_so(
            key in any::<[u8; KEY_BYTES]>(),
            value in prop_oneof![
                "[a-z]{1,8}@[a-z]{2,8}\\.[a-z]{2,3}",
                "\\+[1-9][0-9]{9,12}",
                "00[1-9][0-9]{8,11}",
                "0[0-9]{3} / [0-9]{6}",
            ],
        ) {
            prop_assume!(is_personal(&value));
            let drawn = Key::new(key).pseudonym(&value);
            let made = fitting("^$|x{9}").fitted(&value, drawn);
            prop_assert!(is_personal(&made), "{value} {made}");
            prop_assert_ne!(made, value);
        }
    }
}

//! What stands within a value: its words, or the values of the JSON text that a string is, each with its place
//! in the message. What any of it means is not known here.

use std::ops::Range;

use crate::exchange::Headers;
use crate::matcher::{self, Field, Spelling};

/// The shortest word that is found inside a longer text; a shorter one stands there by chance.
const MIN_WORD: usize = 4;

/// The same for a word of digits.
const MIN_NUMBER_WORD: usize = 6;

/// Something within a value.
pub(super) struct Inner<'a> {
    pub(super) text: &'a str,
    /// Where it stands in its part of the message, as far as that has a name.
    pub(super) pointer: &'a str,
    pub(super) spelling: Spelling,
    /// Its bytes in the message.
    pub(super) range: Range<usize>,
}

/// Whether something was what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It was: nothing within it is looked at.
    Yes,
    No,
}

/// Shows what is within a value of a message with these bytes, in order. Nothing where its bytes do not tell
/// where a piece of it stands.
pub(super) fn look(field: &Field, bytes: &[u8], see: &mut dyn FnMut(Inner<'_>) -> Found) {
    let inner = values(field, bytes);
    for value in &inner {
        let whole = see(Inner {
            text: &value.text,
            pointer: &value.pointer,
            spelling: value.spelling,
            range: value.range.clone(),
        });
        if whole == Found::No {
            look_at_words(value, bytes, see);
        }
    }
    if inner.is_empty() {
        look_at_words(field, bytes, see);
    }
}

fn look_at_words(field: &Field, bytes: &[u8], see: &mut dyn FnMut(Inner<'_>) -> Found) {
    let spelled = bytes.get(field.range.clone());
    let Some(mut places) = spelled.and_then(|spelled| Places::of(field, spelled)) else {
        return;
    };
    for (at, word) in words(&field.text) {
        let Some(range) = places.range(at..at + word.len()) else {
            return;
        };
        see(Inner {
            text: word,
            pointer: &field.pointer,
            spelling: field.spelling,
            range: field.range.start + range.start..field.range.start + range.end,
        });
    }
}

/// The values of the JSON text that a string of a message with these bytes is, as they stand in that; none
/// where it is none.
pub(super) fn values(field: &Field, bytes: &[u8]) -> Vec<Field> {
    let inner = embedded(field);
    if inner.is_empty() {
        return inner;
    }
    let spelled = bytes.get(field.range.clone());
    let Some(mut places) = spelled.and_then(|spelled| Places::of(field, spelled)) else {
        return Vec::new();
    };
    let placed = |value: Field| {
        let range = places.range(value.range)?;
        let start = field.range.start;
        Some(Field {
            part: field.part,
            pointer: format!("{}{}", field.pointer, value.pointer),
            spelling: if value.spelling == Spelling::Number {
                Spelling::Number
            } else {
                Spelling::Embedded
            },
            text: value.text,
            range: start + range.start..start + range.end,
        })
    };
    inner.into_iter().filter_map(placed).collect()
}

/// The values of the JSON text that a string is, if it is one.
fn embedded(field: &Field) -> Vec<Field> {
    if field.spelling != Spelling::String || !field.text.starts_with(['{', '[']) {
        return Vec::new();
    }
    let mut values = matcher::of_content(&Headers::new(), field.text.as_bytes());
    values.retain(|value| matches!(value.spelling, Spelling::String | Spelling::Number));
    values
}

/// The words in a text that are long enough to tell something, and not all of it.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '~');
    let start = text.as_ptr() as usize;
    text.split(move |c| !inside(c))
        .filter(move |word| word.len() < text.len())
        .filter(|word| {
            let least = if word.bytes().all(|byte| byte.is_ascii_digit()) {
                MIN_NUMBER_WORD
            } else {
                MIN_WORD
            };
            word.len() >= least
        })
        .map(move |word| (word.as_ptr() as usize - start, word))
}

/// Where the pieces of a value stand in the bytes that spell it, asked for in order.
enum Places<'a> {
    /// Nothing is escaped, which would have made it longer.
    Same,
    Escaped {
        rest: &'a [u8],
        spelling: Spelling,
        /// How far it has come, in the value and in the bytes.
        text: usize,
        at: usize,
    },
}

impl<'a> Places<'a> {
    /// `None` where the bytes are not those of the value: what was not UTF-8 was read as something else.
    fn of(field: &Field, spelled: &'a [u8]) -> Option<Places<'a>> {
        if spelled.len() == field.text.len() {
            return Some(Places::Same);
        }
        let begin = || Places::Escaped {
            rest: spelled,
            spelling: field.spelling,
            text: 0,
            at: 0,
        };
        let end = begin().place(field.text.len());
        (end == Some(spelled.len())).then(begin)
    }

    fn range(&mut self, within: Range<usize>) -> Option<Range<usize>> {
        Some(self.place(within.start)?..self.place(within.end)?)
    }

    /// The place in the bytes of one in the value.
    fn place(&mut self, wanted: usize) -> Option<usize> {
        match self {
            Places::Same => Some(wanted),
            Places::Escaped {
                rest,
                spelling,
                text,
                at,
            } => {
                while *text < wanted {
                    let (taken, told) = next(*spelling, rest)?;
                    *rest = rest.get(taken..)?;
                    *at += taken;
                    *text += told;
                }
                (*text == wanted).then_some(*at)
            }
        }
    }
}

/// How many bytes the next piece of a value takes, and how many it has in the value.
fn next(spelling: Spelling, rest: &[u8]) -> Option<(usize, usize)> {
    match (spelling, rest.first()?) {
        (Spelling::String, b'\\') if rest.get(1) == Some(&b'u') => {
            let unit = |at: usize| {
                let digits = std::str::from_utf8(rest.get(at..at + 4)?).ok()?;
                u16::from_str_radix(digits, 16).ok()
            };
            let first = unit(2)?;
            match char::from_u32(first.into()) {
                Some(c) => Some((6, c.len_utf8())),
                // The first of two that are one character (RFC 8259 §7).
                None => unit(8).map(|_| (12, 4)),
            }
        }
        (Spelling::String, b'\\') => Some((2, 1)),
        (Spelling::Form | Spelling::Segment, b'%') => Some((3, 1)),
        _ => Some((1, 1)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;

    /// What is found within the values of a message, with the bytes of each and how it is spelled.
    fn found(fields: Vec<Field>, bytes: &str) -> Vec<(String, String, Spelling)> {
        let mut found = Vec::new();
        for field in fields {
            look(&field, bytes.as_bytes(), &mut |inner| {
                let spelled = bytes.get(inner.range).unwrap().to_owned();
                found.push((inner.text.to_owned(), spelled, inner.spelling));
                Found::No
            });
        }
        found
    }

    fn in_json(text: &str) -> Vec<(String, String, Spelling)> {
        found(matcher::of_content(&Headers::new(), text.as_bytes()), text)
    }

    #[test]
    fn words_are_found_behind_all_that_may_be_escaped() {
        let text = r#"{"a":"\"\n\/ caf\u00e9 \ud83d\ude00 Kate\\ Größe \u0041nna"}"#;
        let word =
            |text: &str, spelled: &str| (text.to_owned(), spelled.to_owned(), Spelling::String);
        let expected = [
            word("café", r"caf\u00e9"),
            word("Kate", "Kate"),
            word("Größe", "Größe"),
            word("Anna", r"\u0041nna"),
        ];
        assert_eq!(in_json(text), expected);
        let target = "/a?b=%22x%22+K%61te+G%C3%B6the";
        let word =
            |text: &str, spelled: &str| (text.to_owned(), spelled.to_owned(), Spelling::Form);
        let expected = [word("Kate", "K%61te"), word("Göthe", "G%C3%B6the")];
        assert_eq!(found(matcher::of_target(target), target), expected);
    }

    #[test]
    fn the_values_of_json_in_a_string_are_found() {
        let text = r#"{"a":"{\"b\":\"red or \\\"blue\\\"\",\"n\":123456,\"c\":\"x Kate\"}"}"#;
        let all = in_json(text);
        let inner =
            |text: &str, spelled: &str, spelling| (text.to_owned(), spelled.to_owned(), spelling);
        let expected = [
            inner(
                "red or \"blue\"",
                r#"red or \\\"blue\\\""#,
                Spelling::Embedded,
            ),
            inner("123456", "123456", Spelling::Number),
            inner("x Kate", "x Kate", Spelling::Embedded),
            inner("Kate", "Kate", Spelling::Embedded),
        ];
        assert_eq!(all, expected);
        // As it is spelled, it would be there.
        for (text, spelled, spelling) in all {
            assert_eq!(spelling.of(&text).unwrap(), spelled);
        }
    }

    #[test]
    fn nothing_is_found_where_a_value_is_not_what_its_bytes_say() {
        let target = "/a?b=%ff%41+Kate";
        assert_eq!(found(matcher::of_target(target), target), []);
    }
}

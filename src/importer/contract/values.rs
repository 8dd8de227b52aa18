//! The values that the words of a row tell: the default, and the ones that are allowed.
//!
//! A list is taken for values only where its words or its form say so beyond doubt.

use super::words::{End, Quoted, Word, find, says};

/// The most values that a list of allowed values has.
const MOST_VALUES: usize = 32;

/// The most words that a default value has; more are a sentence about it.
const MOST_DEFAULT_WORDS: usize = 3;

pub(super) fn default(words: &[Word<'_>]) -> Option<String> {
    let (at, mut from) = find(
        words,
        &[&["default", "value"], &["default"], &["defaults", "to"]],
    )?;
    if at > 0 && says(words, at - 1, &["by"]) {
        return None;
    }
    if says(words, from, &["is"]) {
        from += 1;
    } else if words.get(from - 1)?.end != End::Colon && !says(words, at, &["defaults"]) {
        return None;
    }
    let rest = words.get(from..)?;
    let end = rest.iter().position(|word| word.end != End::Space);
    let value: Vec<&str> = rest
        .iter()
        .take(end.map_or(rest.len(), |end| end + 1))
        .map(|word| word.text)
        .collect();
    (1..=MOST_DEFAULT_WORDS)
        .contains(&value.len())
        .then(|| value.join(" "))
}

pub(super) fn allowed(words: &[Word<'_>]) -> Vec<String> {
    let lists: &[&[&str]] = &[
        &["possible", "values"],
        &["allowed", "values"],
        &["valid", "values"],
        &["supported", "values"],
        &["acceptable", "values"],
        &["accepted", "values"],
        &["one", "of"],
        &["either"],
    ];
    if let Some((_, mut from)) = find(words, lists) {
        for filler in ["are", "is", "the", "following", "values"] {
            if says(words, from, &[filler]) {
                from += 1;
            }
        }
        return list(words, from, Kind::Named).unwrap_or_default();
    }
    // `… how it should be treated: Normal or System.`
    let colons = words.iter().enumerate().filter(|(at, word)| {
        let is_default = says(words, at.saturating_sub(1), &["default", "value"])
            || says(words, *at, &["default"]);
        word.end == End::Colon && !is_default
    });
    for (at, _) in colons {
        if let Some(found) = list(words, at + 1, Kind::Alternatives) {
            return found;
        }
    }
    let verbs: &[&[&str]] = &[
        &["can", "be"],
        &["must", "be"],
        &["may", "be"],
        &["should", "be"],
    ];
    let values = find(words, verbs).and_then(|(_, from)| list(words, from, Kind::Alternatives));
    values
        .filter(|values| {
            values
                .iter()
                .all(|value| !value.starts_with(char::is_lowercase))
        })
        .unwrap_or_default()
}

/// Which lists are taken for values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The text has said that values follow: `A, B`.
    Named,
    /// Only the form shows it: `A or B`.
    Alternatives,
}

/// Reads `A or B`, `A, B, or C` up to the end of its sentence.
fn list(words: &[Word<'_>], from: usize, kind: Kind) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut joined = false;
    let mut quoted = false;
    for word in words.get(from..)? {
        let joins = word.quoted == Quoted::No
            && matches!(word.text, "or" | "and")
            && word.end == End::Space;
        if joins {
            joined = true;
            continue;
        }
        if values.len() >= MOST_VALUES {
            return None;
        }
        quoted |= word.quoted == Quoted::Yes;
        values.push(word.text.to_owned());
        match word.end {
            End::Stop => break,
            // Words that follow without a sign are no list.
            End::Space if joined && !std::ptr::eq(word, words.last()?) => return None,
            End::Space | End::Comma => {}
            End::Colon => return None,
        }
    }
    let is_list = values.len() > 1 && (joined || kind == Kind::Named);
    let between = words
        .get(from..)?
        .windows(2)
        .take(values.len().saturating_sub(1));
    let signs = quoted
        || between.into_iter().all(|pair| match pair {
            [one, next] => {
                one.end == End::Comma
                    || matches!(one.text, "or" | "and")
                    || matches!(next.text, "or" | "and")
            }
            _ => false,
        });
    (is_list && signs).then_some(values)
}

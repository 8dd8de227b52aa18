//! What the words of a parameter table say of a request: which fields must be there, which values
//! they may have.
//!
//! Only set phrases are understood. Whatever else a row says is kept as its text, and its presence
//! is [`Presence::Unstated`]: a rule that was misread would refuse good requests.

use std::collections::BTreeSet;

use crate::exchange::{Contract, Parameter, Presence};

use super::table::Row;

/// The rules that a page states for its requests.
pub(super) fn contract(method: &str, path: &str, rows: &[Row]) -> Contract {
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let (operation, rows): (Vec<&Row>, Vec<&Row>) =
        rows.iter().partition(|row| row.name == OPERATION);
    let operation = operation
        .first()
        .and_then(|row| words(&row.text).first().map(|word| word.text.to_owned()));
    let fixed = operation.iter().map(|name| Parameter {
        name: OPERATION.to_owned(),
        presence: Presence::Mandatory,
        default: None,
        allowed: vec![name.clone()],
        text: name.clone(),
    });
    Contract {
        method: method.to_owned(),
        path: path.to_owned(),
        operation: operation.clone(),
        parameters: fixed
            .chain(rows.into_iter().map(|row| parameter(row, &names)))
            .collect(),
    }
}

/// The parameter whose value names the operation; its row holds that value and no rule.
const OPERATION: &str = "operationName";

/// The most values that a list of allowed values has.
const MOST_VALUES: usize = 32;

/// The most words that a default value has; more are a sentence about it.
const MOST_DEFAULT_WORDS: usize = 3;

/// A word of a row's text and the punctuation behind it.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    /// Without punctuation and quotes.
    text: &'a str,
    end: End,
    quoted: Quoted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quoted {
    Yes,
    No,
}

/// What stands behind a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Space,
    Comma,
    Colon,
    /// A full stop, a semicolon, a bracket.
    Stop,
}

fn parameter(row: &Row, names: &BTreeSet<&str>) -> Parameter {
    let words = words(&row.text);
    Parameter {
        name: row.name.clone(),
        presence: presence(&words, names),
        default: default(&words),
        allowed: allowed(&words),
        text: row.text.clone(),
    }
}

fn words(text: &str) -> Vec<Word<'_>> {
    let is_quote = |c: char| {
        matches!(
            c,
            '\'' | '"' | '`' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}'
        )
    };
    text.split_whitespace()
        .filter_map(|raw| {
            let opened = raw.trim_start_matches('(');
            let bare = opened.trim_end_matches(|c: char| {
                matches!(c, '.' | ',' | ':' | ';' | ')' | '!' | '?') || is_quote(c)
            });
            let behind = opened.get(bare.len()..).unwrap_or_default();
            let text = bare.trim_start_matches(is_quote);
            let end = match behind.trim_matches(is_quote).chars().next() {
                None => End::Space,
                Some(',') => End::Comma,
                Some(':') => End::Colon,
                Some(_) => End::Stop,
            };
            let quoted = if text.len() < bare.len() {
                Quoted::Yes
            } else {
                Quoted::No
            };
            (!text.is_empty()).then_some(Word { text, end, quoted })
        })
        .collect()
}

/// Whether the words from `at` on are these, in any case.
fn says(words: &[Word<'_>], at: usize, phrase: &[&str]) -> bool {
    words.get(at..).is_some_and(|rest| {
        rest.len() >= phrase.len()
            && phrase
                .iter()
                .zip(rest)
                .all(|(wanted, word)| word.text.eq_ignore_ascii_case(wanted))
    })
}

/// Where one of these phrases stands first, and where the words behind it begin.
fn find(words: &[Word<'_>], phrases: &[&[&str]]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|at| {
        let phrase = phrases.iter().find(|phrase| says(words, at, phrase))?;
        Some((at, at + phrase.len()))
    })
}

/// The parameter that is named at `at`, with or without an article.
fn named(words: &[Word<'_>], at: usize, names: &BTreeSet<&str>) -> Option<(String, usize)> {
    let at = if says(words, at, &["the"]) {
        at + 1
    } else {
        at
    };
    let name = words.get(at)?.text;
    let next = at + 1;
    let next = if says(words, next, &["parameter"]) {
        next + 1
    } else {
        next
    };
    names.contains(name).then(|| (name.to_owned(), next))
}

const GIVEN: &[&[&str]] = &[
    &["specified"],
    &["provided"],
    &["present"],
    &["given"],
    &["set"],
    &["used"],
    &["supplied"],
    &["included"],
    &["defined"],
];

const ABSENT: &[&[&str]] = &[&["missing"], &["absent"], &["omitted"], &["empty"]];

fn presence(words: &[Word<'_>], names: &BTreeSet<&str>) -> Presence {
    let with: &[&[&str]] = &[
        &["together", "with"],
        &["along", "with"],
        &["only", "with"],
        &["in", "conjunction", "with"],
        &["in", "combination", "with"],
    ];
    if let Some((_, behind)) = find(words, with)
        && let Some((name, _)) = named(words, behind, names)
    {
        return Presence::OnlyWith(name);
    }
    if let Some((_, behind)) = find(words, &[&["only", "if"], &["only", "when"]])
        && let Some((name, behind)) = named(words, behind, names)
        && says(words, behind, &["is"])
        && GIVEN.iter().any(|given| says(words, behind + 1, given))
    {
        return Presence::OnlyWith(name);
    }
    if let Some((at, behind)) = find(words, &[&["mandatory"], &["required"]]) {
        if at > 0 && says(words, at - 1, &["not"]) {
            return Presence::Optional;
        }
        return mandatory(words, behind, names);
    }
    match find(words, &[&["optional"], &["optionally"]]) {
        Some(_) => Presence::Optional,
        None => Presence::Unstated,
    }
}

/// What follows the word `mandatory`.
fn mandatory(words: &[Word<'_>], behind: usize, names: &BTreeSet<&str>) -> Presence {
    let is_condition = ["if", "when", "unless", "for", "only", "except"]
        .iter()
        .any(|word| says(words, behind, &[word]));
    if !is_condition {
        return Presence::Mandatory;
    }
    let Some((name, at)) = named(words, behind + 1, names) else {
        return Presence::Unstated;
    };
    let is = says(words, at, &["is"]) || says(words, at, &["was"]);
    let not = says(words, at + 1, &["not"]);
    let given = |at| GIVEN.iter().any(|given| says(words, at, given));
    let absent = |at| ABSENT.iter().any(|absent| says(words, at, absent));
    let unless = says(words, behind, &["unless"]) && is && given(at + 1);
    let if_not = (says(words, behind, &["if"]) || says(words, behind, &["when"]))
        && is
        && (not && given(at + 2) || absent(at + 1));
    if unless || if_not {
        Presence::Unless(name)
    } else {
        Presence::Unstated
    }
}

fn default(words: &[Word<'_>]) -> Option<String> {
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

fn allowed(words: &[Word<'_>]) -> Vec<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["targetUri", "targetPath", "text", "kind"];

    fn read(text: &str) -> (Presence, Option<String>, Vec<String>) {
        let row = Row {
            name: "x".into(),
            text: text.into(),
        };
        let read = parameter(&row, &NAMES.iter().copied().collect());
        (read.presence, read.default, read.allowed)
    }

    #[test]
    fn presence_is_read_from_set_phrases() {
        let unless = || Presence::Unless("targetPath".into());
        let with = || Presence::OnlyWith("text".into());
        for (text, expected) in [
            (
                "A URI. Mandatory, if targetPath is not specified.",
                unless(),
            ),
            (
                "Mandatory if the targetPath parameter is not provided",
                unless(),
            ),
            ("Required unless targetPath is specified.", unless()),
            ("Mandatory when targetPath is missing", unless()),
            ("Mandatory.", Presence::Mandatory),
            ("The required name.", Presence::Mandatory),
            ("Optional. Text to send.", Presence::Optional),
            (
                "This optional parameter is not required.",
                Presence::Optional,
            ),
            (
                "Optional. Must be provided together with text parameter.",
                with(),
            ),
            (
                "Optional, must be provided together with 'text' parameter.",
                with(),
            ),
            ("Can be used only if text is specified.", with()),
            (
                "Optional. Sent together with the request.",
                Presence::Optional,
            ),
            ("Mandatory, if targetPath is specified.", Presence::Unstated),
            ("Mandatory for agents.", Presence::Unstated),
            ("The agent's nickname", Presence::Unstated),
        ] {
            assert_eq!(read(text).0, expected, "{text}");
        }
    }

    #[test]
    fn defaults_are_read() {
        for (text, expected) in [
            ("Optional. Default value: Text", Some("Text")),
            ("Default value: Normal. More words.", Some("Normal")),
            ("The default is 'Low'.", Some("Low")),
            ("(default: 5.5)", Some("5.5")),
            ("Defaults to Not Ready.", Some("Not Ready")),
            ("By default the first device is used.", None),
            ("The default device of the user.", None),
            ("No more.", None),
        ] {
            assert_eq!(read(text).1.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn allowed_values_are_read() {
        for (text, expected) in [
            (
                "How it is treated: Normal or System. Default value: Normal",
                vec!["Normal", "System"],
            ),
            ("One of A, B, or C.", vec!["A", "B", "C"]),
            ("Possible values: A, B", vec!["A", "B"]),
            (
                "Possible values are 'low', 'high' and 'none'.",
                vec!["low", "high", "none"],
            ),
            ("It can be On or Off.", vec!["On", "Off"]),
            ("Must be either true or false.", vec!["true", "false"]),
            ("It can be used or ignored.", vec![]),
            ("Example: http://host/x", vec![]),
            ("Note: the agent or the customer may leave.", vec![]),
            ("Default value: Text", vec![]),
            ("One of the agents in the chat.", vec![]),
            ("Text to send.", vec![]),
        ] {
            assert_eq!(read(text).2, expected, "{text}");
        }
    }

    #[test]
    fn the_operation_is_the_value_of_its_row() {
        let rows = [
            Row {
                name: "operationName".into(),
                text: "Mute".into(),
            },
            Row {
                name: "text".into(),
                text: "Optional.".into(),
            },
        ];
        let read = contract("POST", "/api/v2/me/calls/{id}", &rows);
        assert_eq!(read.operation.as_deref(), Some("Mute"));
        assert_eq!(read.parameters[0].allowed, ["Mute"]);
        assert_eq!(read.parameters[1].presence, Presence::Optional);
    }
}

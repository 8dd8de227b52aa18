//! What the words of a parameter table say of a request: which fields must be there, which values
//! they may have.
//!
//! Only set phrases are understood. Whatever else a row says is kept as its text, and its presence
//! is [`Presence::Unstated`]: a rule that was misread would refuse good requests.

mod values;
mod words;

use std::collections::BTreeSet;

use crate::exchange::{Contract, Parameter, Presence};

use super::table::Row;
use values::{allowed, default};
use words::{Word, find, says, words};

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

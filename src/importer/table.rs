//! The tables of a page: the rows that name the method and the URL, and the parameter table.
//!
//! A text has no cells any more, only words, so a row is found by the name that it begins with. What
//! a row's words mean is for [`super::contract`] to say.

use std::collections::BTreeSet;

use super::line::Line;

/// A row of the table that stands above the parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// The URL of the requests, with names in braces for variable segments.
    Url(String),
    /// Their method.
    Method(String),
}

/// A row of the parameter table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    /// The words beside the name, on one line.
    pub(super) text: String,
}

/// The fact that a line holds, alone or together with the lines behind it.
pub(super) fn fact(line: &Line, following: &[Line]) -> Option<Fact> {
    let text = line.trimmed().trim_start_matches(['|', '!', ' ', '*']);
    let (label, value) = ["Request URL", "HTTP Method", "URL", "Method"]
        .into_iter()
        .find_map(|label| {
            let head = text.get(..label.len())?;
            let rest = text.get(label.len()..)?;
            let apart = rest.is_empty() || rest.starts_with(|c: char| !c.is_alphanumeric());
            (head.eq_ignore_ascii_case(label) && apart).then_some((label, rest))
        })?;
    let mut words = words(value).chain(
        following
            .iter()
            .filter(|line| !line.is_blank())
            .take(2)
            .flat_map(|line| words(&line.text)),
    );
    let first = words.next()?;
    if label.ends_with("Method") {
        let method = first.to_uppercase();
        return ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
            .contains(&method.as_str())
            .then_some(Fact::Method(method));
    }
    let mut url = first.to_owned();
    // A row that was broken behind a slash goes on in the next line.
    if url.ends_with('/')
        && let Some(more) = words.next().filter(|word| word.starts_with('{'))
    {
        url.push_str(more);
    }
    let path = match url.split_once("://") {
        Some((_, rest)) => rest
            .find('/')
            .and_then(|slash| rest.get(slash..))?
            .to_owned(),
        None => url,
    };
    if path.starts_with("api/") {
        return Some(Fact::Url(format!("/{path}")));
    }
    path.starts_with('/').then_some(Fact::Url(path))
}

/// The rows of a parameter table. `keys` are names that are surely parameters, such as the keys of
/// the sample's body.
pub(super) fn rows(lines: &[Line], keys: &BTreeSet<String>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut gap = Gap::Blank;
    let margin = lines
        .iter()
        .filter(|line| !line.is_blank())
        .map(indent)
        .min()
        .unwrap_or_default();
    for line in lines {
        let text = wiki_cell(line.trimmed());
        if text.is_empty() {
            gap = Gap::Blank;
            continue;
        }
        if is_ruler(text) || is_header(text) {
            gap = Gap::Blank;
            continue;
        }
        let above = rows.last().map_or(Above::Finished, Above::of);
        let begun = match cells(text) {
            Some(cells) => Some(cells).filter(|(name, _)| is_name(name)),
            None if indent(line) > margin + DEEPEST_STRAY => None,
            None => begin(text, gap, above, keys),
        };
        match (begun, rows.last_mut()) {
            (Some((name, text)), _) => rows.push(Row {
                name: name.to_owned(),
                text: text.to_owned(),
            }),
            (None, Some(row)) => {
                if !row.text.is_empty() {
                    row.text.push(' ');
                }
                row.text.push_str(text.trim_matches(['|', ' ']));
            }
            // Words above the first row are no part of the table.
            (None, None) => {}
        }
        gap = Gap::None;
    }
    for row in &mut rows {
        row.text = row.text.replace("'''", "");
    }
    rows
}

/// A page extracted from a PDF has a stray space here and there; a line that is indented more
/// continues the cell above it.
const DEEPEST_STRAY: usize = 3;

/// What stands between a line and the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    Blank,
    None,
}

/// The words of a cell, without what marks cells.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .map(|word| {
            word.trim_matches(['|', ':', '!', '*', '`'])
                .trim_matches('\'')
        })
        .filter(|word| !word.is_empty())
}

fn indent(line: &Line) -> usize {
    line.text.chars().take_while(|c| c.is_whitespace()).count()
}

/// A line that is only drawn: `---|---|`.
fn is_ruler(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || matches!(c, '-' | '|' | ':' | '+' | '=' | '{' | '}' | '!'))
}

/// Whether a line is the head of a parameter table: `Parameter Value`.
pub(super) fn is_header(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut words = words(&lower);
    matches!(
        words.next(),
        Some("parameter" | "parameters" | "name" | "field" | "property")
    ) && words.all(|word| {
        matches!(
            word,
            "value" | "values" | "description" | "type" | "mandatory" | "required" | "name"
        )
    })
}

/// A cell that stands on a line of its own, as in the source of a wiki page: `| operationName`.
fn wiki_cell(text: &str) -> &str {
    let inner = text.strip_prefix(['|', '!']).unwrap_or(text);
    if inner.contains('|') || is_ruler(text) {
        text
    } else {
        inner.trim_start()
    }
}

/// The first two cells of a row that still has its lines between them.
fn cells(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('|').unwrap_or(text);
    let (name, rest) = inner.split_once('|')?;
    Some((
        name.trim().trim_matches('\''),
        rest.trim_matches(['|', ' ']),
    ))
}

/// The name and the words of the row that begins with a line, if one does.
fn begin<'a>(
    text: &'a str,
    gap: Gap,
    above: Above,
    keys: &BTreeSet<String>,
) -> Option<(&'a str, &'a str)> {
    let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    if !is_name(name) {
        return None;
    }
    // The columns of a table that was laid out stand apart.
    let stands_apart = text.strip_prefix(name)?.starts_with("  ");
    let is_key = keys.contains(name) || stands_apart;
    let has_hump = name.contains('_')
        || name
            .chars()
            .zip(name.chars().skip(1))
            .any(|(one, next)| one.is_lowercase() && next.is_uppercase());
    let is_lower = name.starts_with(|c: char| c.is_lowercase());
    let starts_sentence = rest.is_empty() || rest.starts_with(|c: char| !c.is_lowercase());
    let begins = match (above, gap) {
        // A sentence that breaks off goes on, whatever the next word looks like.
        (Above::BrokenOff, _) => false,
        (_, Gap::Blank) => is_key || has_hump || is_lower,
        (Above::Finished, Gap::None) => is_key || (has_hump || is_lower) && starts_sentence,
        (Above::Open, Gap::None) => (is_key || has_hump) && starts_sentence,
    };
    begins.then_some((name, rest))
}

/// How the words of the row above end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Above {
    /// With a full stop.
    Finished,
    /// With a word that calls for another.
    BrokenOff,
    /// Neither.
    Open,
}

impl Above {
    fn of(row: &Row) -> Self {
        // Its cell holds one word, the operation's name.
        if row.name == "operationName" && !row.text.is_empty() {
            return Above::Finished;
        }
        let last = row.text.split_whitespace().next_back().unwrap_or_default();
        let calls_for_more = [
            "a", "an", "the", "of", "with", "if", "to", "be", "is", "or", "and", "not", "together",
            "by", "in", "for", "on", "when", "unless", "must", "can", "from", "than", "as",
        ];
        if last.ends_with([',', ':', ';', '(']) || calls_for_more.contains(&last) {
            Above::BrokenOff
        } else if last.ends_with(['.', ')', '!']) {
            Above::Finished
        } else {
            Above::Open
        }
    }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']'))
        && !word.ends_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::super::line::lines;
    use super::*;

    fn read(text: &str, keys: &[&str]) -> Vec<(String, String)> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        rows(&lines(text), &keys)
            .into_iter()
            .map(|row| (row.name, row.text))
            .collect()
    }

    fn expect(text: &str, keys: &[&str], expected: &[(&str, &str)]) {
        let found = read(text, keys);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn rows_with_and_without_blank_lines_between() {
        let expected = [
            ("operationName", "Mute"),
            (
                "callUri",
                "URI of the call. Mandatory, if callPath is not given.",
            ),
            ("text", "Optional. Words to say. Default value: Hello"),
            (
                "treatAs",
                "Optional. Must come together with text parameter. One of: Low or High.",
            ),
        ];
        expect(
            "Parameter Value\n\noperationName Mute\n\ncallUri URI of the call. Mandatory, if callPath is\nnot given.\n\ntext Optional. Words to say. Default\nvalue: Hello\n\ntreatAs\nOptional. Must come together with text\nparameter. One of:\n\nLow or High.",
            &[],
            &expected,
        );
        expect(
            "Parameter Value\noperationName Mute\ncallUri URI of the call. Mandatory, if callPath is\nnot given.\ntext Optional. Words to say. Default\nvalue: Hello\ntreatAs\nOptional. Must come together with text\nparameter. One of:\nLow or High.",
            &["operationName", "callUri"],
            &expected,
        );
    }

    #[test]
    fn rows_with_pipes() {
        let expected = [
            ("operationName", "Mute"),
            ("text", "Optional. Say \"x\" and more"),
        ];
        for text in [
            "Parameter | Value |\n---|---|\noperationName | Mute |\ntext | Optional. Say \"x\"\nand more |",
            "| Parameter | Value |\n|---|---|\n| operationName | Mute |\n| text | Optional. Say \"x\"\nand more\n|",
        ] {
            let found = read(text, &[]);
            assert_eq!(found[0].0, expected[0].0);
            assert_eq!(found[0].1, expected[0].1);
            assert_eq!(found[1].0, expected[1].0);
            assert_eq!(found[1].1.trim(), expected[1].1);
        }
    }

    #[test]
    fn rows_of_the_source_of_a_wiki_page() {
        expect(
            "{|\n! Parameter\n! Value\n|-\n| operationName\n| Mute\n|-\n| text\n| Optional words\n|}",
            &[],
            &[("operationName", "Mute"), ("text", "Optional words")],
        );
    }

    #[test]
    fn rows_side_by_side() {
        expect(
            "Parameter     Value\noperationName Mute\ntext          Optional words\n              text that goes on",
            &[],
            &[
                ("operationName", "Mute"),
                ("text", "Optional words text that goes on"),
            ],
        );
    }

    #[test]
    fn facts_are_read_in_every_form() {
        let url = |path: &str| Some(Fact::Url(path.to_owned()));
        let method = |name: &str| Some(Fact::Method(name.to_owned()));
        for (text, expected) in [
            (
                "Request URL /api/v2/me/chats/{id}",
                url("/api/v2/me/chats/{id}"),
            ),
            ("Request URL | /api/v2/me/calls |", url("/api/v2/me/calls")),
            ("| Request URL: api/v2/me", url("/api/v2/me")),
            ("Request URL\n\nhttp://host:1/api/v2/x", url("/api/v2/x")),
            (
                "Request URL /api/v2/me/chats/\n{id}",
                url("/api/v2/me/chats/{id}"),
            ),
            ("HTTP Method POST", method("POST")),
            ("HTTP method | get |", method("GET")),
            ("! HTTP Method\n| DELETE", method("DELETE")),
            ("HTTP Methods are", None),
            ("Request URLs", None),
            ("Method of payment", None),
            ("POST /x", None),
        ] {
            let lines = lines(text);
            assert_eq!(fact(&lines[0], &lines[1..]), expected, "{text}");
        }
    }
}

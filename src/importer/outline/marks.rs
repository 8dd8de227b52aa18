//! The small words between the samples of a page: `or`, a placeholder, a status.

use crate::importer::heading;
use crate::importer::line::Line;
use crate::importer::request_line;

/// Words that stand where a sample should be.
const PLACEHOLDERS: &[&str] = &[
    "missing",
    "n/a",
    "na",
    "none",
    "tbd",
    "tba",
    "todo",
    "to do",
    "to be added",
    "to be defined",
    "to be provided",
    "to be done",
    "not available",
    "not applicable",
    "coming soon",
    "no sample",
    "no notification",
    "no notifications",
    "no response",
    "empty",
];

/// The notice that words stand in a sample's place.
pub(super) fn not_there(words: &str) -> String {
    format!("`{words}` stands where a sample should be")
}

/// What follows the word `or` at the start of a line.
pub(super) fn behind_or(line: &Line) -> Option<Line> {
    let first = line.trimmed().split([' ', '{']).next()?;
    let behind = line.text.find(first)? + first.len();
    request_line::is_or(first).then(|| line.split(behind).1)
}

/// Whether a line only says that there is no sample.
pub(super) fn is_placeholder(text: &str) -> bool {
    let bare = heading::undecorated(text)
        .trim_matches(|c: char| c.is_whitespace() || ".()[]<>*-".contains(c))
        .to_lowercase();
    PLACEHOLDERS.contains(&bare.as_str()) || (bare.is_empty() && text.contains("..."))
}

/// The notice that a value stands in a sample's place.
pub(super) fn not_a_sample(text: &str) -> String {
    format!("`{text}` is neither an object nor a list; it is left out")
}

/// Whether a line is a single value: a number, a string in quotes, a name such as `true`.
pub(super) fn is_scalar(text: &str) -> bool {
    let text = text.trim();
    let names = ["true", "false", "null", "True", "False"];
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && text.trim_end_matches(['L', 'l']).parse::<f64>().is_ok();
    let is_string = ['\'', '"'].iter().any(|quote| {
        let inner = text
            .strip_prefix('u')
            .unwrap_or(text)
            .strip_prefix(*quote)
            .and_then(|inner| inner.strip_suffix(*quote));
        inner.is_some_and(|inner| !inner.contains(*quote))
    });
    names.contains(&text) || is_number || is_string
}

/// The status of a line such as `HTTP/1.1 202 Accepted`.
pub(super) fn status_line(text: &str) -> Option<u16> {
    let lower = text.to_lowercase();
    let rest = [
        "http/1.1 ",
        "http/1.0 ",
        "http/2 ",
        "http status code",
        "http status",
        "status code:",
    ]
    .iter()
    .find_map(|start| lower.strip_prefix(start))?;
    let code = rest
        .trim_start_matches([':', ' '])
        .split([' ', '.'])
        .next()?;
    code.parse().ok().filter(|code| (100..600).contains(code))
}

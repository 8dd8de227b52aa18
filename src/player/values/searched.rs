//! What of a message is searched for values that a client chose: its fields. What a value
//! means is not known here.

use std::borrow::Cow;

use super::digests::digest;
use super::shape;
use super::within::words;
use crate::exchange::{Body, Headers, coding};
use crate::matcher::{self, Field, Part, Spelling};

/// A larger body is not searched: identifiers stand in messages, not in documents.
const MAX_SEARCHED: usize = 4 * 1024 * 1024;

/// Header fields that say how a message travels or who sends it, and nothing that a client chooses
/// for the conversation. Those that begin with `sec-` or `accept` are no choices either.
const NO_CHOICE: &[&str] = &[
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "origin",
    "pragma",
    "proxy-authorization",
    "range",
    "referer",
    "te",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// The digests of a value and of the words in it.
pub(super) fn digests(field: &Field) -> impl Iterator<Item = u64> {
    let words = words(&field.text).map(|(_, word)| word);
    words.chain([field.text.as_str()]).map(digest)
}

/// The values of a body without its codings, and the content in which they stand; none of one that is not there
/// as a whole, or is too long.
pub(super) fn content<'a>(headers: &Headers, body: &'a Body) -> (Vec<Field>, Cow<'a, [u8]>) {
    let none = (Vec::new(), Cow::Borrowed(&[][..]));
    if body.cut().is_some() || body.bytes().len() > MAX_SEARCHED {
        return none;
    }
    match coding::decoded(headers, body) {
        Some(content) if content.len() <= MAX_SEARCHED => {
            (matcher::of_content(headers, &content), content)
        }
        Some(_) | None => none,
    }
}

/// Whether a live request has another value in a header field than the recorded one, where a client may have
/// made it up.
pub(in crate::player) fn brings_choices(recorded: &Headers, live: &Headers) -> bool {
    let mut fields = recorded.iter();
    fields.any(|(name, value)| live.get(name).is_some_and(|live| live != value) && is_chosen(name))
}

/// Whether a client may have made up the value of any of these header fields.
pub(in crate::player) fn may_bring_choices(recorded: &Headers) -> bool {
    recorded.iter().any(|(name, _)| is_chosen(name))
}

/// The header fields of a request whose values a client may have made up.
pub(super) fn chosen_headers(headers: &Headers) -> Vec<Field> {
    headers
        .iter()
        .filter(|(name, _)| is_chosen(name))
        .filter_map(|(name, value)| header(name, value))
        .collect()
}

/// Whether a client may make up the values of a header field of this name.
fn is_chosen(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let says_how = name.starts_with("sec-") || name.starts_with("accept");
    !says_how && !NO_CHOICE.contains(&name.as_str())
}

/// The value of a header field.
pub(super) fn header(name: &str, value: &[u8]) -> Option<Field> {
    let text = std::str::from_utf8(value).ok()?;
    Some(Field {
        part: Part::Header,
        pointer: format!("/{}", name.to_ascii_lowercase()),
        spelling: Spelling::Plain,
        text: text.to_owned(),
        range: 0..text.len(),
    })
}

/// Whether a value that a client sent may be one that it chose, so that it is followed.
pub(super) fn may_come_again(spelling: Spelling, pointer: &str, text: &str) -> bool {
    match spelling {
        Spelling::Number => shape::is_choosable_number(text),
        Spelling::String | Spelling::Embedded | Spelling::Form => {
            shape::is_choosable(text) && (shape::is_made(text) || !shape::selects(pointer))
        }
        Spelling::Plain | Spelling::Markup if pointer.is_empty() => shape::is_choosable(text),
        Spelling::Segment | Spelling::Plain | Spelling::Markup => shape::is_made(text),
    }
}

/// Whether it matters that a client chose the value of this field: since it may come again, or looks made up, or
/// says with what something shall be done.
pub(super) fn is_telling(field: &Field) -> bool {
    let names = field.part != Part::Path && !shape::selects(&field.pointer);
    names
        || shape::is_made(&field.text)
        || may_come_again(field.spelling, &field.pointer, &field.text)
}

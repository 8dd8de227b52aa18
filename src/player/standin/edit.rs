//! Puts other values into messages, and leaves every other byte as it is.
//!
//! Which values, others decide.

use std::ops::Range;

use bytes::Bytes;

use crate::exchange::{Body, Headers};
use crate::matcher::{Field, Part};

/// Whether anything is another now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Yes,
    No,
}

/// The header fields with other values, as `value` says: it gets the name of the field, that of a cookie
/// if the value is a cookie's, and the value.
pub(super) fn headers(
    headers: &Headers,
    mut value: impl FnMut(&str, Option<&str>, &str) -> Option<String>,
) -> Headers {
    let field = |(name, bytes): (&str, &[u8])| {
        let lower = name.to_ascii_lowercase();
        let text = std::str::from_utf8(bytes).ok();
        let other = text.and_then(|text| match lower.as_str() {
            "cookie" => {
                let mut pairs = text.split(';').map(|piece| pair(piece, &lower, &mut value));
                let (mut line, mut other) = (Vec::new(), false);
                for (piece, changed) in pairs.by_ref() {
                    other |= changed == Changed::Yes;
                    line.push(piece);
                }
                other.then(|| line.join(";"))
            }
            "set-cookie" => {
                let (first, rest) = text.split_at(text.find(';').unwrap_or(text.len()));
                let (first, changed) = pair(first, &lower, &mut value);
                let lasts = !is_taken_back(rest) && changed == Changed::Yes;
                lasts.then(|| format!("{first}{rest}"))
            }
            _ => value(&lower, None, text),
        });
        let sendable = other.filter(|other| http::HeaderValue::try_from(other).is_ok());
        (
            name.to_owned(),
            sendable.map_or_else(|| bytes.to_vec(), String::into_bytes),
        )
    };
    headers.iter().map(field).collect()
}

/// A text with other values in the places of these fields.
pub(super) fn text(
    text: &str,
    fields: &[Field],
    value: &mut impl FnMut(&Field) -> Option<String>,
) -> Option<String> {
    let bytes = spliced(text.as_bytes(), fields, value)?;
    String::from_utf8(bytes).ok()
}

/// Puts other values in the places of these fields of a body.
pub(super) fn body(
    body: &mut Body,
    fields: &[Field],
    value: &mut impl FnMut(&Field) -> Option<String>,
) -> Changed {
    match spliced(body.bytes(), fields, value) {
        Some(bytes) => {
            *body = Body::new(Bytes::from(bytes));
            Changed::Yes
        }
        None => Changed::No,
    }
}

/// A text with a value in place of a part of it.
pub(super) fn with(text: &str, range: Range<usize>, value: &str) -> String {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    format!("{before}{value}{after}")
}

/// What a field is called: the last step of its place that is no number.
pub(super) fn name(field: &Field) -> &str {
    let named = |step: &&str| !step.is_empty() && !step.bytes().all(|byte| byte.is_ascii_digit());
    match field.part {
        Part::Path => "",
        Part::Method | Part::Query | Part::Header | Part::Body => {
            field.pointer.rsplit('/').find(named).unwrap_or_default()
        }
    }
}

/// Whether a place is a segment of a path: whoever blots one out writes nothing else there.
pub(super) fn is_segment(place: &str) -> bool {
    place.contains(", request path ")
}

/// The values that may stand in that of a header field: the whole, and the cookies in it.
pub(super) fn pieces(value: &str) -> impl Iterator<Item = &str> {
    let cookies = value.split(';').filter_map(|piece| piece.split_once('='));
    let cookies = cookies.map(|(_, value)| value.trim().trim_matches('"'));
    std::iter::once(value).chain(cookies)
}

/// A cookie with another value, in quotes if it stood in quotes.
fn pair(
    piece: &str,
    header: &str,
    value: &mut impl FnMut(&str, Option<&str>, &str) -> Option<String>,
) -> (String, Changed) {
    let other = || {
        let (name, given) = piece.split_once('=')?;
        let bare = given.trim().trim_matches('"');
        let other = value(header, Some(name.trim()), bare)?;
        let at = piece.len() - given.len() + given.find(bare)?;
        Some(with(piece, at..at + bare.len(), &other))
    };
    match { other }() {
        Some(piece) => (piece, Changed::Yes),
        None => (piece.to_owned(), Changed::No),
    }
}

/// Whether a cookie with these attributes is one that the client shall forget.
fn is_taken_back(attributes: &str) -> bool {
    attributes.split(';').any(|attribute| {
        let (name, value) = attribute.split_once('=').unwrap_or_default();
        let (name, value) = (name.trim(), value.trim());
        let at_once = || value.parse::<i64>().is_ok_and(|age| age <= 0);
        name.eq_ignore_ascii_case("max-age") && at_once()
            || name.eq_ignore_ascii_case("expires") && value.contains(" 1970 ")
            || name.eq_ignore_ascii_case("expires") && value.contains("-1970 ")
    })
}

fn spliced(
    bytes: &[u8],
    fields: &[Field],
    value: &mut impl FnMut(&Field) -> Option<String>,
) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    let mut done = 0;
    for field in fields {
        let Some(text) = value(field).and_then(|text| field.spelling.of(&text)) else {
            continue;
        };
        found.extend_from_slice(bytes.get(done..field.range.start)?);
        found.extend_from_slice(text.as_bytes());
        done = field.range.end;
    }
    if done == 0 {
        return None;
    }
    found.extend_from_slice(bytes.get(done..)?);
    Some(found)
}

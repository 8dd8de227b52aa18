//! Which values of a message look like identifiers: by their shape, never by a list of names.
//!
//! Whether an identifier says something about a cause is learned from the traffic, elsewhere.

mod paths;
mod shape;

use std::borrow::Cow;

use memchr::memchr;

use super::content::{Kind, Part};
pub(super) use paths::{is_word, last_segment, path_of, query_of};
use paths::{segments, segments_back, unescaped, without_origin};
pub(super) use shape::{
    MIN_MINTED, Shape, has_byte, has_digit, has_space, is_minted, may_be_space,
};
use shape::{MIN_MINTED_NUMBER, shape};

/// A bare JSON number with fewer digits is a count, a port or a size as often as a name.
const MIN_PLAIN_NUMBER: usize = 4;

/// How many identifiers of one message are looked at: a list of a thousand tells no more.
const MAX_TOKENS: usize = 1_024;

/// A value that may identify something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// The value; a small number is told with what it counts: `call/17`.
    pub(super) text: String,
    /// Where it stood.
    pub(super) place: String,
    /// How much its shape says.
    pub(super) shape: Shape,
}

/// The identifiers among the values of a message. `about` is the path or the channel of the message, to
/// whose collection an `id` without a surrounding name belongs; `name` knows words that name a client.
pub(super) fn of_parts(parts: &[Part<'_>], about: &str, name: impl Fn(&str) -> bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    for part in parts {
        if memchr(b'/', part.text.as_bytes()).is_some() && !has_space(&part.text) {
            of_path(&part.text, &part.place, &name, &mut tokens);
        } else if name(&part.text) {
            push(
                &mut tokens,
                part.text.to_string(),
                &part.place,
                Shape::Plain,
            );
        } else if let Some(shape) = shape(&part.text).filter(|_| telling(part)) {
            push(&mut tokens, part.text.to_string(), &part.place, shape);
        } else if let Some(counted) = counted(part, about) {
            push(&mut tokens, counted, &part.place, Shape::Plain);
        }
    }
    tokens
}

/// The identifiers in the segments of a path or URL.
pub(super) fn of_path(path: &str, place: &str, name: impl Fn(&str) -> bool, into: &mut Vec<Token>) {
    let mut before = Cow::Borrowed("");
    let escapes = memchr(b'%', path.as_bytes());
    for segment in segments(without_origin(path)) {
        let segment = match escapes {
            Some(_) => unescaped(segment),
            None => Cow::Borrowed(segment),
        };
        if is_count(&segment) && !before.is_empty() && !is_count(&before) {
            push(into, counted_as(&before, &segment), place, Shape::Plain);
        } else if name(&segment) {
            push(into, segment.clone().into_owned(), place, Shape::Plain);
        } else if let Some(shape) = shape(&segment) {
            push(into, segment.clone().into_owned(), place, shape);
        }
        before = segment;
    }
}

/// The collection that a path or a channel speaks of: its last segment that is a word.
pub(super) fn collection(path: &str) -> &str {
    let mut segments = segments_back(path_of(path));
    segments.find(|it| is_word(it)).unwrap_or_default()
}

/// What a path or a channel ends with, if that is a word: `call` for `/v2/me/calls`.
pub(super) fn ending(path: &str) -> Option<String> {
    let last = last_segment(path)?;
    (is_word(last) && last == collection(path)).then(|| singular(last))
}

/// What a place may say of the kind of the thing that stands there: `call` for `calls.id` and for
/// `callId`.
pub(super) fn kinds(place: &str) -> impl Iterator<Item = String> {
    let stem = |name: &str| {
        let ends = ["Id", "ID", "_id", "Uri", "URI", "Url", "Path"];
        let stem = ends.iter().find_map(|end| name.strip_suffix(end));
        singular(stem.unwrap_or(name))
    };
    place.split('.').map(stem)
}

fn push(tokens: &mut Vec<Token>, text: String, place: &str, shape: Shape) {
    let token = Token {
        text,
        place: place.to_owned(),
        shape,
    };
    if tokens.len() < MAX_TOKENS && !tokens.contains(&token) {
        tokens.push(token);
    }
}

/// Whether a part's value says something by itself, as a short bare number does not.
fn telling(part: &Part<'_>) -> bool {
    match part.kind {
        Kind::Text => true,
        Kind::Number => part.text.len() >= MIN_PLAIN_NUMBER,
    }
}

/// A small number that names something, told with what it counts: `callId: 17` and `call: {id: 17}`
/// are `call/17`, as is the path `/calls/17`.
fn counted(part: &Part<'_>, about: &str) -> Option<String> {
    if !is_count(&part.text) {
        return None;
    }
    let key = part.key();
    let stem = key.strip_suffix("Id").or_else(|| key.strip_suffix("ID"));
    let stem = stem
        .or_else(|| key.strip_suffix("_id"))
        .or_else(|| key.strip_suffix("id"))?;
    let of = match stem {
        "" => match part.place.rsplit_once('.') {
            Some((around, _)) => around.rsplit('.').next().unwrap_or_default(),
            None => collection(about),
        },
        stem => stem,
    };
    (!of.is_empty()).then(|| counted_as(of, &part.text))
}

/// A small number with what it counts, of which there may be several.
fn counted_as(of: &str, number: &str) -> String {
    let mut text = String::with_capacity(of.len() + 1 + number.len());
    text.push_str(of);
    make_singular(&mut text);
    text.push('/');
    text.push_str(number);
    text
}

fn is_count(text: &str) -> bool {
    (1..MIN_MINTED_NUMBER).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn singular(word: &str) -> String {
    let mut word = word.to_owned();
    make_singular(&mut word);
    word
}

fn make_singular(word: &mut String) {
    word.make_ascii_lowercase();
    if word.ends_with('s') {
        word.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minted_values_are_told_from_words_counts_and_times() {
        for (text, expected) in [
            ("00010a9FSGFP001F", Some(Shape::Minted)),
            ("c30d06daa1ea43b8be79f9b071f30d70", Some(Shape::Minted)),
            ("d0a3f1c2-55e6-4a5e-9e57-0f2f6a9d1f11", Some(Shape::Minted)),
            ("x7k2p9", Some(Shape::Minted)),
            ("+14085551234", Some(Shape::Minted)),
            ("5002", Some(Shape::Plain)),
            ("call-1", Some(Shape::Plain)),
            ("agent1", Some(Shape::Plain)),
            ("Ready", None),
            ("RemoveParticipantFromConference", None),
            ("true", None),
            ("17", None),
            ("1.0", None),
            ("v2.1", None),
            ("10.10.15.212", None),
            ("1392308459000", None),
            ("1700000000", None),
            ("2014-02-13T08:20:59.000-0800", None),
            ("08:20:59", None),
            ("see chat 00010a9FSGFP001F", None),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn one_thing_has_one_token_wherever_it_stands() {
        let part = |place: &'static str, text: &'static str, kind| Part {
            place: place.into(),
            text: text.into(),
            kind,
        };
        let texts = |parts: &[Part<'_>], about| -> Vec<String> {
            let tokens = of_parts(parts, about, |word| word == "alice");
            tokens.into_iter().map(|token| token.text).collect()
        };
        for (place, text, kind, expected) in [
            ("callId", "17", Kind::Number, "call/17"),
            ("call.id", "17", Kind::Text, "call/17"),
            ("calls.id", "17", Kind::Number, "call/17"),
            ("id", "17", Kind::Number, "call/17"),
            (
                "uri",
                "http://10.1.2.3:9090/api/v2/calls/17",
                Kind::Text,
                "call/17",
            ),
            ("uri", "/api/v2/chats/0A%2B9f3", Kind::Text, "0A+9f3"),
            ("to", "alice", Kind::Text, "alice"),
            ("dn", "5002", Kind::Number, "5002"),
        ] {
            assert_eq!(
                texts(&[part(place, text, kind)], "calls"),
                [expected],
                "{place} {text}"
            );
        }
        for (place, text, kind) in [
            ("index", "17", Kind::Number),
            ("valid", "", Kind::Text),
            ("port", "90", Kind::Number),
            ("timestampSeconds", "1392308459000", Kind::Number),
        ] {
            assert_eq!(
                texts(&[part(place, text, kind)], "calls"),
                [""; 0],
                "{place} {text}"
            );
        }
        assert_eq!(collection("/v2/me/calls/17?x=1"), "calls");
    }
}

//! Which values of a message look like identifiers: by their shape, never by a list of names.
//!
//! Whether an identifier says something about a cause is learned from the traffic, elsewhere.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::content::{Kind, Part};

/// The longest identifier: signed tokens and UUID-laden keys fit, documents don't.
const MAX_LENGTH: usize = 128;

/// The fewest characters that can be told from a word or a count.
const MIN_LENGTH: usize = 3;

/// The fewest characters of something that a service minted: shorter ones recur by chance.
const MIN_MINTED: usize = 6;

/// A number with so many digits was not counted up to; a number with fewer may have been.
const MIN_MINTED_NUMBER: usize = 8;

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

/// How much the shape of an identifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// It looks minted: two things that are not one would hardly share it.
    Minted,
    /// It may name something: `5002`, `call-1`.
    Plain,
}

/// The identifiers among the values of a message. `about` is the collection that the message is
/// about, which an `id` without a surrounding name belongs to; `name` knows words that name a client.
pub(super) fn of_parts(parts: &[Part<'_>], about: &str, name: impl Fn(&str) -> bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    for part in parts {
        if memchr(b'/', part.text.as_bytes()).is_some() && !part.text.contains(char::is_whitespace)
        {
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

/// A target without its query and fragment.
pub(super) fn path_of(target: &str) -> &str {
    let end = memchr2(b'?', b'#', target.as_bytes());
    end.map_or(target, |end| target.get(..end).unwrap_or_default())
}

/// The identifiers in the segments of a path or URL.
pub(super) fn of_path(path: &str, place: &str, name: impl Fn(&str) -> bool, into: &mut Vec<Token>) {
    let path = path.split_once("://").map_or(path, |(_, rest)| {
        rest.split_once('/').map_or("", |(_, path)| path)
    });
    let mut before = Cow::Borrowed("");
    let separates = |c| matches!(c, '/' | '?' | '&' | '=' | '#' | ';');
    for segment in path.split(separates) {
        let segment = unescaped(segment);
        if is_count(&segment) && !before.is_empty() && !is_count(&before) {
            let counted = [singular(&before).as_str(), "/", &segment].concat();
            push(into, counted, place, Shape::Plain);
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
    let path = path_of(path);
    let is_word =
        |segment: &&str| !segment.is_empty() && !segment.bytes().any(|byte| byte.is_ascii_digit());
    path.rsplit('/').find(is_word).unwrap_or_default()
}

/// What a path or a channel ends with, if that is a word: `call` for `/v2/me/calls`.
pub(super) fn ending(path: &str) -> Option<String> {
    let last = path.rsplit('/').find(|segment| !segment.is_empty())?;
    (last == collection(path)).then(|| singular(last))
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

/// Whether a value looks like something that a service minted.
pub(super) fn is_minted(text: &str) -> bool {
    shape(text) == Some(Shape::Minted)
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

fn shape(text: &str) -> Option<Shape> {
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
        return None;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits == 0 || text.contains(char::is_whitespace) || is_time_or_address(text) {
        return None;
    }
    let letters = text.chars().any(char::is_alphabetic);
    let minted = if letters {
        text.len() >= MIN_MINTED && (digits >= 3 || turns(text) >= 2)
    } else {
        digits >= MIN_MINTED_NUMBER
    };
    Some(if minted { Shape::Minted } else { Shape::Plain })
}

/// How often letters and digits take turns.
fn turns(text: &str) -> usize {
    let classes: Vec<bool> = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.is_ascii_digit())
        .collect();
    classes
        .windows(2)
        .filter(|pair| pair.first() != pair.last())
        .count()
}

/// Whether a value is a date, a time of day, a count of seconds or milliseconds of our years, a
/// version, a decimal or an IP address: they recur without naming anything.
fn is_time_or_address(text: &str) -> bool {
    let date = text.len() >= 10
        && text
            .chars()
            .zip("dddd-dd-dd".chars())
            .all(|(c, pattern)| match pattern {
                'd' => c.is_ascii_digit(),
                _ => c == '-',
            });
    let all_digits = text.chars().all(|c| c.is_ascii_digit());
    // From 2011 to 2033, in seconds, milliseconds or microseconds.
    let since_1970 = all_digits
        && matches!(text.len(), 10 | 13 | 16)
        && text
            .get(..2)
            .is_some_and(|head| ("13".."20").contains(&head));
    let unmarked = text.strip_prefix(['v', 'V']).unwrap_or(text);
    let version = unmarked != text && unmarked.chars().all(|c| c.is_ascii_digit() || c == '.');
    let numeric = !text.contains(char::is_alphabetic) && text.contains(['.', ':']);
    date || since_1970 || numeric || version
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
    let mut names = part.place.rsplit('.');
    let key = names.next()?;
    let stem = key.strip_suffix("Id").or_else(|| key.strip_suffix("ID"));
    let stem = stem
        .or_else(|| key.strip_suffix("_id"))
        .or_else(|| key.strip_suffix("id"))?;
    let of = match stem {
        "" => names.next().unwrap_or(about),
        stem => stem,
    };
    (!of.is_empty()).then(|| format!("{}/{}", singular(of), part.text))
}

fn is_count(text: &str) -> bool {
    (1..MIN_MINTED_NUMBER).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

fn singular(word: &str) -> String {
    let mut word = word.to_ascii_lowercase();
    if word.ends_with('s') {
        word.pop();
    }
    word
}

/// The segment without percent encoding (RFC 3986 §2.1).
fn unescaped(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).filter(|_| *first == b'%');
        let code = code.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = code.and_then(|_| after.get(2..)).unwrap_or(after);
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(segment), Cow::Owned)
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

//! The values that stand in a message, each with its place, its bytes, and how it is spelled there.

use std::ops::Range;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::compare;
use crate::exchange::Headers;

use super::key::Part;

/// What the types of documents are called in which a value could be more than a value.
const MARKUP: [&str; 5] = ["html", "xml", "svg", "javascript", "ecmascript"];

/// What is escaped in a segment of a path (RFC 3986 §3.3: what is no `pchar`).
const NO_SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The types of content that is octets, whatever they look like; those of gRPC besides.
const OCTETS: &[&str] = &[
    "application/octet-stream",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
];

/// A value that stands in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// In which part of it.
    pub part: Part,
    /// Where in that part, as in a [`super::Mismatch`]; for a segment of the path, its number.
    pub pointer: String,
    /// How it is spelled.
    pub spelling: Spelling,
    /// The value.
    pub text: String,
    /// Its bytes in the target, the content or the header field.
    pub range: Range<usize>,
}

/// How a value is spelled where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spelling {
    /// As a JSON string, between the quotes.
    String,
    /// The same in a JSON text that is a JSON string itself.
    Embedded,
    /// As a JSON number.
    Number,
    /// As a segment of a path.
    Segment,
    /// As a value of a form or a query.
    Form,
    /// As it is.
    Plain,
    /// As a word in a document of HTML, XML or a script: it brings no mark of its own.
    Markup,
}

impl Spelling {
    /// `text` as it is spelled here; `None` where it cannot stand here.
    pub fn of(self, text: &str) -> Option<String> {
        Some(match self {
            Spelling::String => {
                let quoted = serde_json::to_string(text).ok()?;
                quoted.strip_prefix('"')?.strip_suffix('"')?.to_owned()
            }
            Spelling::Embedded => Spelling::String.of(&Spelling::String.of(text)?)?,
            Spelling::Number => {
                serde_json::from_str::<serde_json::Number>(text).ok()?;
                text.to_owned()
            }
            Spelling::Segment => utf8_percent_encode(text, NO_SEGMENT).to_string(),
            Spelling::Form => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            Spelling::Plain => text.to_owned(),
            Spelling::Markup => text.chars().map(unmarked).collect(),
        })
    }
}

/// The values in a request target: the segments of its path, and the parameters of its query that
/// stand in it once.
pub fn of_target(target: &str) -> Vec<Field> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut found = Vec::new();
    let mut at = 0;
    for (number, segment) in path.split('/').enumerate() {
        if let Ok(text) = percent_decode_str(segment).decode_utf8()
            && !segment.is_empty()
        {
            found.push(Field {
                part: Part::Path,
                pointer: format!("/{number}"),
                spelling: Spelling::Segment,
                text: text.into_owned(),
                range: at..at + segment.len(),
            });
        }
        at += segment.len() + 1;
    }
    found.extend(of_form(query, path.len() + 1, Part::Query));
    found
}

/// The values in content, by its type and its looks: JSON, a form, or else the text as one value. What
/// is no text has none: where a message tells the lengths of what is in it, no word can become another.
pub fn of_content(headers: &Headers, content: &[u8]) -> Vec<Field> {
    let leaves = compare::leaves(content);
    if leaves.is_empty() && is_binary(headers, content) {
        return Vec::new();
    }
    let Ok(text) = std::str::from_utf8(content) else {
        return Vec::new();
    };
    if leaves.is_empty() && is_form(headers) {
        return of_form(text, 0, Part::Body);
    }
    if leaves.is_empty() && !text.is_empty() {
        return vec![Field {
            part: Part::Body,
            pointer: String::new(),
            spelling: if is_markup(headers) {
                Spelling::Markup
            } else {
                Spelling::Plain
            },
            text: text.to_owned(),
            range: 0..text.len(),
        }];
    }
    let field = |leaf: compare::Leaf| Field {
        part: Part::Body,
        pointer: leaf.pointer,
        spelling: match leaf.kind {
            compare::Kind::String => Spelling::String,
            compare::Kind::Number => Spelling::Number,
        },
        text: leaf.text,
        range: leaf.range,
    };
    leaves.into_iter().map(field).collect()
}

/// Whether content is said to be a form.
pub(super) fn is_form(headers: &Headers) -> bool {
    media_type(headers)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// Whether content is a document in which some characters are more than themselves.
fn is_markup(headers: &Headers) -> bool {
    media_type(headers).is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        MARKUP.iter().any(|name| kind.contains(name))
    })
}

/// A character as it stands for itself in markup, within quotes and outside of them; a script, which knows
/// no references, gets nothing from one that it could take for its own.
fn unmarked(c: char) -> String {
    if c.is_alphanumeric() || " -_.~".contains(c) {
        c.to_string()
    } else {
        format!("&#{};", u32::from(c))
    }
}

/// Whether content is octets, even if they happen to be UTF-8: by its type, or by the control characters
/// in it, which stand in no text for people.
fn is_binary(headers: &Headers, content: &[u8]) -> bool {
    let no_text = |byte: &u8| byte.is_ascii_control() && !byte.is_ascii_whitespace();
    let typed = media_type(headers).is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        let main = kind.split(['+', '-', ';']).next().unwrap_or_default();
        main == "application/grpc" || OCTETS.contains(&kind.as_str())
    });
    typed || content.iter().any(no_text)
}

/// The type of the content without its parameters.
pub(super) fn media_type(headers: &Headers) -> Option<&str> {
    let value = std::str::from_utf8(headers.get("content-type")?).ok()?;
    value.split(';').next().map(str::trim)
}

/// The fields of a form or query that stand in it once; `at` is where it begins.
fn of_form(form: &str, mut at: usize, part: Part) -> Vec<Field> {
    let mut found: Vec<Field> = Vec::new();
    let mut repeated: Vec<String> = Vec::new();
    for piece in form.split('&') {
        let begins = piece.find('=').map_or(piece.len(), |place| place + 1);
        let range = at + begins..at + piece.len();
        at += piece.len() + 1;
        let Some((name, value)) = form_urlencoded::parse(piece.as_bytes()).next() else {
            continue;
        };
        let pointer = compare::token(&name);
        if found.iter().any(|field| field.pointer == pointer) {
            repeated.push(pointer);
            continue;
        }
        found.push(Field {
            part,
            pointer,
            spelling: Spelling::Form,
            text: value.into_owned(),
            range,
        });
    }
    found.retain(|field| !repeated.contains(&field.pointer));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fields: Vec<Field>, text: &str) -> Vec<String> {
        let told = |field: Field| {
            let Field {
                part,
                pointer,
                text: value,
                range,
                ..
            } = field;
            format!("{} {pointer} {value} [{}]", part.name(), &text[range])
        };
        fields.into_iter().map(told).collect()
    }

    #[test]
    fn a_target_has_its_segments_and_parameters() {
        let target = "/api/a%20b/7?x=1+2&y=&x=3&z=%C3%A9";
        assert_eq!(
            told(of_target(target), target),
            [
                "path /1 api [api]",
                "path /2 a b [a%20b]",
                "path /3 7 [7]",
                "query /y  []",
                "query /z é [%C3%A9]",
            ]
        );
    }

    #[test]
    fn content_is_json_a_form_or_one_text() {
        let form: Headers = [(
            "Content-Type",
            "application/x-www-form-urlencoded; charset=utf-8",
        )]
        .into_iter()
        .collect();
        let none = Headers::new();
        for (headers, content, expected) in [
            (
                &none,
                r#"{"a":"b","n":12345}"#,
                vec!["body /a b [b]", "body /n 12345 [12345]"],
            ),
            (
                &form,
                "a=b+c&d=e",
                vec!["body /a b c [b+c]", "body /d e [e]"],
            ),
            (&none, "a=b", vec!["body  a=b [a=b]"]),
            (&none, "", vec![]),
        ] {
            assert_eq!(
                told(of_content(headers, content.as_bytes()), content),
                expected
            );
        }
    }

    #[test]
    fn octets_have_no_values_even_where_they_are_utf8() {
        let of = |kind: &str, content: &[u8]| {
            let headers: Headers = [("Content-Type", kind)].into_iter().collect();
            of_content(&headers, content).len()
        };
        for (kind, content, values) in [
            ("application/grpc", &b"\0\0\0\0\x07\n\x05Alice"[..], 0),
            ("", b"\0\0\0\0\x07\n\x05Alice", 0),
            ("application/grpc+proto", b"Alice", 0),
            ("application/grpc-web", b"Alice", 0),
            ("Application/X-Protobuf; a=b", b"Alice", 0),
            ("application/octet-stream", b"Alice", 0),
            ("application/octet-stream", b"{\"name\":\"Alice\"}", 1),
            ("application/grpcs", b"Alice", 1),
            ("text/plain", b"Alice\r\n\tBob\x0c", 1),
        ] {
            assert_eq!(of(kind, content), values, "{kind} {content:?}");
        }
    }

    #[test]
    fn a_text_is_spelled_as_its_place_wants_it() {
        for (spelling, text, expected) in [
            (Spelling::String, "a\"é", Some("a\\\"é")),
            (Spelling::Number, "17", Some("17")),
            (Spelling::Number, "x", None),
            (Spelling::Segment, "a/b ?é", Some("a%2Fb%20%3F%C3%A9")),
            (Spelling::Form, "a b&", Some("a+b%26")),
            (Spelling::Plain, "a b", Some("a b")),
            (Spelling::Markup, "a-é b", Some("a-é b")),
            (
                Spelling::Markup,
                "<a b='\"`${&\r\n",
                Some("&#60;a b&#61;&#39;&#34;&#96;&#36;&#123;&#38;&#13;&#10;"),
            ),
        ] {
            assert_eq!(spelling.of(text).as_deref(), expected);
        }
    }
}

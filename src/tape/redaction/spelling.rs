//! How a text is spelled where it stands: as it is, escaped in JSON, percent-encoded, or with the references of
//! markup.
//!
//! A text of as many characters takes the place of another in the spelling of that, so that nothing
//! differs but what must. What a text means is not its business.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use memchr::{memchr, memchr2};

/// The references that XML knows without being told (XML 1.0 §4.6).
const REFERENCES: &[(&str, char)] = &[
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
];

/// How many bytes a reference has at most, with room for zeros before a number.
const MAX_REFERENCE: usize = 12;

/// A way to spell text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is.
    Plain,
    /// Inside the quotes of a JSON string (RFC 8259 §7).
    Json,
    /// Percent-encoded (RFC 3986 §2.1).
    Percent,
    /// As in forms and queries: percent-encoded, and `+` for a space.
    Form,
    /// In HTML and XML, with character references (XML 1.0 §4.1).
    Markup,
}

/// A character with the bytes of the source that spell it.
type Unit = (char, Range<usize>);

impl Spelling {
    /// What `source` spells.
    pub(super) fn read(self, source: &str) -> Cow<'_, str> {
        let spelled = match self {
            Spelling::Plain => false,
            Spelling::Json => memchr(b'\\', source.as_bytes()).is_some(),
            Spelling::Percent => memchr(b'%', source.as_bytes()).is_some(),
            Spelling::Form => memchr2(b'%', b'+', source.as_bytes()).is_some(),
            Spelling::Markup => memchr(b'&', source.as_bytes()).is_some(),
        };
        if spelled {
            Cow::Owned(self.units(source).into_iter().map(|(c, _)| c).collect())
        } else {
            Cow::Borrowed(source)
        }
    }

    /// `text` as `source` is spelled, character by character; where it has another number of
    /// characters, only so that it is read back.
    pub(super) fn write(self, source: &str, text: &str) -> String {
        if self == Spelling::Plain {
            return text.to_owned();
        }
        let units = self.units(source);
        let mut out = String::with_capacity(source.len());
        if units.len() == text.chars().count() {
            for ((was, range), now) in units.into_iter().zip(text.chars()) {
                let written = source.get(range).unwrap_or_default();
                if was == now {
                    out.push_str(written);
                } else {
                    self.character(now, written, &mut out);
                }
            }
        } else {
            for c in text.chars() {
                self.character(c, "", &mut out);
            }
        }
        out
    }

    fn units(self, source: &str) -> Vec<Unit> {
        let mut units = Vec::with_capacity(source.len());
        let mut at = 0;
        while let Some(rest) = source.get(at..)
            && let Some(first) = rest.chars().next()
        {
            let escaped = match (self, first) {
                (Spelling::Json, '\\') => json_escape(rest),
                (Spelling::Percent | Spelling::Form, '%') => percent_escape(rest),
                (Spelling::Form, '+') => Some((' ', 1)),
                (Spelling::Markup, '&') => reference(rest),
                _ => None,
            };
            let (c, length) = escaped.unwrap_or((first, first.len_utf8()));
            units.push((c, at..at + length));
            at += length;
        }
        units
    }

    /// Writes a character as the one that was `written` there.
    fn character(self, c: char, written: &str, out: &mut String) {
        match self {
            Spelling::Plain => out.push(c),
            Spelling::Json => json_character(c, written, out),
            Spelling::Markup => markup_character(c, out),
            Spelling::Percent | Spelling::Form => {
                let plain = c.is_ascii_alphanumeric() || "-._~".contains(c);
                let raw = !written.is_empty() && !written.starts_with(['%', '+']);
                let kept = raw && !c.is_ascii();
                if plain && !written.starts_with('%') || kept {
                    out.push(c);
                    return;
                }
                let lower = written.contains(|c: char| c.is_ascii_lowercase());
                for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                    // A String takes all that it is given.
                    let _ = if lower {
                        write!(out, "%{byte:02x}")
                    } else {
                        write!(out, "%{byte:02X}")
                    };
                }
            }
        }
    }
}

/// The character that a JSON escape at the beginning of `rest` stands for, and its length there.
fn json_escape(rest: &str) -> Option<(char, usize)> {
    let c = match rest.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let high = hex(rest.get(2..6)?)?;
            if let Some(c) = char::from_u32(high) {
                return Some((c, 6));
            }
            let low = rest
                .get(6..12)
                .and_then(|pair| pair.strip_prefix("\\u"))
                .and_then(hex);
            let pair = match (high, low) {
                (0xd800..0xdc00, Some(low @ 0xdc00..0xe000)) => {
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                }
                _ => None,
            };
            return Some(pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12)));
        }
        other @ (b'"' | b'\\' | b'/') => char::from(*other),
        _ => return None,
    };
    Some((c, 2))
}

fn json_character(c: char, written: &str, out: &mut String) {
    if written.starts_with("\\u") {
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(out, "\\u{unit:04x}");
        }
        return;
    }
    match c {
        '"' | '\\' => out.extend(['\\', c]),
        '\0'..='\x1f' => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        _ => out.push(c),
    }
}

/// The character that a reference at the beginning of `rest` stands for, and its length there.
fn reference(rest: &str) -> Option<(char, usize)> {
    let end = rest.bytes().take(MAX_REFERENCE).position(|c| c == b';')?;
    let name = rest.get(1..end)?;
    let c = if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = match hex {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        char::from_u32(code.ok()?)?
    } else {
        let known = REFERENCES.iter().find(|(known, _)| *known == name)?;
        known.1
    };
    Some((c, end + 1))
}

fn markup_character(c: char, out: &mut String) {
    match REFERENCES.iter().find(|(_, known)| *known == c) {
        Some((name, _)) => {
            out.push('&');
            out.push_str(name);
            out.push(';');
        }
        None => out.push(c),
    }
}

/// The character that percent-encoded octets at the beginning of `rest` stand for, and their length.
fn percent_escape(rest: &str) -> Option<(char, usize)> {
    let octet = |at: usize| {
        let encoded = rest.get(3 * at..3 * at + 3)?.strip_prefix('%')?;
        u8::try_from(hex(encoded)?).ok()
    };
    let first = octet(0)?;
    let length = match first {
        0..0x80 => return Some((char::from(first), 3)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => 1,
    };
    let octets: Option<Vec<u8>> = (0..length).map(octet).collect();
    let c = octets
        .and_then(|octets| String::from_utf8(octets).ok())
        .and_then(|text| text.chars().next());
    Some(c.map_or((char::REPLACEMENT_CHARACTER, 3), |c| (c, 3 * length)))
}

fn hex(digits: &str) -> Option<u32> {
    let plain = digits.bytes().all(|c| c.is_ascii_hexdigit());
    plain
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_takes_the_spelling_of_another() {
        for (spelling, source, read, text, written) in [
            (Spelling::Plain, "a%41", "a%41", "b%42", "b%42"),
            (
                Spelling::Json,
                r#"a\"\u0062\/c"#,
                "a\"b/c",
                "x\"y/z",
                r#"x\"\u0079\/z"#,
            ),
            (
                Spelling::Json,
                r"\ud83d\ude00é",
                "😀é",
                "😁è",
                r"\ud83d\ude01è",
            ),
            (Spelling::Json, r"\ud83d", "\u{fffd}", "\u{fffd}", r"\ud83d"),
            (
                Spelling::Percent,
                "a%2Bb+%c3%a9",
                "a+b+é",
                "x+y+è",
                "x%2By+%c3%a8",
            ),
            (
                Spelling::Form,
                "a+b%20%41%2B",
                "a b A+",
                "x y B+",
                "x+y%20%42%2B",
            ),
            (
                Spelling::Form,
                "%ff%zz",
                "\u{fffd}%zz",
                "\u{fffd}%yy",
                "%ff%yy",
            ),
            (Spelling::Form, "ab", "ab", "a b&c", "a%20b%26c"),
            (
                Spelling::Markup,
                "a&amp;b&#x2F;&nbsp;&#47;",
                "a&b/&nbsp;/",
                "x&y/&nbsp;<",
                "x&amp;y&#x2F;&nbsp;&lt;",
            ),
            (Spelling::Json, "ab", "ab", "a\"b", "a\\\"b"),
        ] {
            assert_eq!(spelling.read(source), read, "{source}");
            assert_eq!(spelling.write(source, text), written, "{source}");
        }
    }
}

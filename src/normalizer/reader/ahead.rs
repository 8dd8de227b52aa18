//! Looks ahead over strings without reading them: where one begins and ends, and what follows it.

use super::escape::Escapes;

/// What the letters before a quote say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    /// How many letters they are.
    pub(super) length: usize,
    pub(super) kind: Kind,
    pub(super) escapes: Escapes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    Formatted,
}

/// The prefix of the string at `at`; `None` where no string is.
pub(super) fn prefix_at(bytes: &[u8], at: usize) -> Option<Prefix> {
    let rest = bytes.get(at..)?;
    let length = rest
        .iter()
        .take(3)
        .take_while(|b| b.is_ascii_alphabetic())
        .count();
    if !matches!(rest.get(length), Some(b'"' | b'\'')) {
        return None;
    }
    let letters = rest.get(..length)?.to_ascii_lowercase();
    let (kind, escapes) = match letters.as_slice() {
        b"" | b"u" => (Kind::Text, Escapes::Read),
        b"r" => (Kind::Text, Escapes::Keep),
        b"ur" => (Kind::Text, Escapes::OnlyUnicode),
        b"b" => (Kind::Bytes, Escapes::Read),
        b"br" | b"rb" => (Kind::Bytes, Escapes::Keep),
        b"f" | b"fr" | b"rf" | b"t" | b"tr" | b"rt" => (Kind::Formatted, Escapes::Read),
        _ => return None,
    };
    Some(Prefix {
        length,
        kind,
        escapes,
    })
}

/// The byte after the string that begins at `at`; `None` where none does or it has no end.
pub(super) fn skip_literal(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + prefix_at(bytes, at)?.length;
    let quote = *bytes.get(at)?;
    let triple = [quote; 3];
    let width = if bytes.get(at..)?.starts_with(&triple) {
        3
    } else {
        1
    };
    at += width;
    loop {
        at += memchr::memchr2(quote, b'\\', bytes.get(at..)?)?;
        let rest = bytes.get(at..)?;
        if rest.first() == Some(&b'\\') {
            at += 2;
        } else if width == 1 {
            return Some(at + 1);
        } else if rest.starts_with(&triple) {
            return Some(at + 3);
        } else {
            at += 1;
        }
    }
}

pub(super) fn skip_white(bytes: &[u8], at: usize) -> usize {
    let white = bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    at + white
}

/// Whether the parenthesis opened at `opened` closes before a colon, so is around a key.
pub(super) fn parentheses_then_colon(bytes: &[u8], opened: usize) -> bool {
    let mut at = opened;
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'"' | b'\'' => match skip_literal(bytes, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return false,
            },
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return bytes.get(skip_white(bytes, at)) == Some(&b':');
        }
    }
    false
}

/// Whether white space and comments between two tokens end a line. A backslash at the end of a line
/// joins it to the next, but not in a comment.
pub(super) fn ends_line(blank: &str) -> bool {
    let mut lines = blank.split('\n');
    lines.next_back();
    lines.any(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.contains('#') || !line.ends_with('\\')
    })
}

/// Whether the braces opened at `opened` have a colon of their own, so are an object's.
pub(super) fn has_colon(bytes: &[u8], opened: usize) -> bool {
    let mut at = opened;
    let mut depth = 0_usize;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b':' if depth == 1 => return true,
            b'"' | b'\'' => match skip_literal(bytes, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return false,
            },
            _ => {}
        }
        if depth == 0 {
            return false;
        }
        at += 1;
    }
    false
}

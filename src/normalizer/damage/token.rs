//! Keys and identifiers that are broken over lines. Prose is not joined: nobody can tell whether a
//! space was lost at the break.

use super::{Mend, Offset, Part};

/// The most digits that a page number has.
const PAGE_DIGITS: usize = 4;

/// A number or a name in hexadecimal digits has a multiple of so many.
const HEXADECIMAL_GROUP: usize = 8;

/// Joins a string that is broken over lines, where it is a token.
pub(super) fn join(text: &str, part: Part) -> Mend {
    let pieces: Vec<&str> = text.split('\n').map(str::trim).collect();
    let whole = |piece: &&str| piece.chars().all(is_token_character);
    let tokens = pieces.iter().all(whole);
    let shown = clipped(&text.replace('\n', "\\n"));
    if let Some(verdict) = furniture(text).filter(|_| tokens) {
        return verdict;
    }
    match part {
        Part::Key if tokens => joined(&pieces, "a key has no line break"),
        Part::Key => hopeless(format!(
            "the key `{shown}` is broken over lines, and a space may be lost: expected it on one line"
        )),
        Part::Value if tokens && is_one_token(&pieces) => {
            joined(&pieces, "an identifier has no line break")
        }
        Part::Value => hopeless(format!(
            "the string `{shown}` is broken over lines, and a space may be lost: expected it on one line"
        )),
    }
}

/// Refuses a string between whose lines something stands that could be a page number or a running title.
pub(super) fn furniture(text: &str) -> Option<Mend> {
    let bytes = text.as_bytes();
    if memchr::memchr(b'\n', bytes) == memchr::memrchr(b'\n', bytes) {
        return None; // No line stands between two others.
    }
    let lines = text.split('\n').map(str::trim);
    let last = lines.clone().count().checked_sub(1)?;
    let mut filled = 0;
    for (index, line) in lines.enumerate() {
        if line.is_empty() {
            continue;
        }
        if (1..last).contains(&index) && filled > 0 && may_be_furniture(line) {
            return Some(Mend::Hopeless {
                offset: Offset::Line(filled),
                message: format!(
                    "`{}` stands between the lines of a string, and may be a page number or a title: \
                     expected the string on one line",
                    clipped(line)
                ),
            });
        }
        filled += 1;
    }
    None
}

/// A page number has no letters and few digits; a title is words, or one with a capital before small
/// letters.
fn may_be_furniture(line: &str) -> bool {
    let letters = line.chars().any(char::is_alphabetic);
    let digits = line.chars().filter(char::is_ascii_digit).count();
    if !letters || line.contains(' ') {
        return line.contains(' ') || digits <= PAGE_DIGITS;
    }
    let mut first = line.chars();
    let title = first.next().is_some_and(char::is_uppercase)
        && first.next().is_some_and(char::is_lowercase)
        && line.chars().all(char::is_alphanumeric);
    title || line.chars().all(|c| c.is_alphabetic() || c == '-')
}

/// Whether a piece of text can only be a part of an identifier: it has digits among letters, `_`, or a
/// capital after a small letter.
pub(super) fn is_identifier(piece: &str) -> bool {
    let letters = piece.chars().any(char::is_alphabetic);
    let digits = piece.chars().any(|c| c.is_ascii_digit());
    let mut characters = piece.chars().zip(piece.chars().skip(1));
    (letters && digits)
        || piece.contains(['_', '/', '@', '='])
        || characters.any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

/// Whether the lines of a value can only be one identifier: each of them must look like a part of one, as
/// a word before or after it would have been set apart by a space that is lost.
fn is_one_token(pieces: &[&str]) -> bool {
    let filled: Vec<&str> = pieces.iter().copied().filter(|p| !p.is_empty()).collect();
    match filled.as_slice() {
        [only] => is_identifier(only),
        _ => {
            filled.iter().all(|piece| is_scrambled(piece))
                || is_hexadecimal(&filled)
                || is_path(&filled)
        }
    }
}

/// Whether letters and digits alternate as in no word and in no name with a number behind it.
fn is_scrambled(piece: &str) -> bool {
    let kinds = piece
        .chars()
        .filter(|c| c.is_alphanumeric())
        .map(|c| c.is_ascii_digit());
    kinds
        .clone()
        .zip(kinds.skip(1))
        .filter(|(a, b)| a != b)
        .count()
        >= 2
}

/// Whether the lines are a path that is broken behind slashes and before identifiers or numbers.
fn is_path(pieces: &[&str]) -> bool {
    let goes_on = |(before, after): (&&str, &&str)| {
        let number = after.bytes().all(|byte| byte.is_ascii_digit());
        before.ends_with('/') && !after.starts_with('/') && (number || is_identifier(after))
    };
    pieces.first().is_some_and(|first| first.starts_with('/'))
        && pieces.iter().zip(pieces.iter().skip(1)).all(goes_on)
}

/// Whether all lines together are one number in hexadecimal digits, whose length shows that it is whole.
fn is_hexadecimal(pieces: &[&str]) -> bool {
    let digits = |lower: bool| {
        move |piece: &&str| {
            piece.chars().all(|c| {
                c.is_ascii_hexdigit() && (c.is_ascii_digit() || c.is_ascii_lowercase() == lower)
            })
        }
    };
    let length: usize = pieces.iter().map(|piece| piece.len()).sum();
    pieces.first().is_some_and(|first| is_scrambled(first))
        && length.is_multiple_of(HEXADECIMAL_GROUP)
        && (pieces.iter().all(digits(true)) || pieces.iter().all(digits(false)))
}

fn is_token_character(c: char) -> bool {
    c.is_alphanumeric() || "_-./:@%+=~$&?#*".contains(c)
}

fn joined(pieces: &[&str], why: &str) -> Mend {
    Mend::Mended {
        text: pieces.concat(),
        why: why.into(),
        moment: None,
    }
}

fn hopeless(message: String) -> Mend {
    Mend::Hopeless {
        offset: Offset::FirstBreak,
        message,
    }
}

/// The beginning of a text, as much as a message quotes.
fn clipped(text: &str) -> String {
    const QUOTED_CHARACTERS: usize = 60;
    match text.char_indices().nth(QUOTED_CHARACTERS) {
        Some((place, _)) => format!("{}…", text.get(..place).unwrap_or_default()),
        None => text.into(),
    }
}

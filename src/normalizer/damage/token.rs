//! Keys and identifiers that are broken over lines. Prose is not joined: nobody can tell whether a
//! space was lost at the break.

use super::{Mend, Offset, Part};

/// Joins a string that is broken over lines, where it is a token.
pub(super) fn join(text: &str, part: Part) -> Mend {
    let pieces: Vec<&str> = text.split('\n').map(str::trim).collect();
    let whole = |piece: &&str| piece.chars().all(is_token_character);
    let tokens = pieces.iter().all(whole);
    let shown = text.replace('\n', "\\n");
    match part {
        Part::Key if tokens => joined(&pieces, "a key has no line break"),
        Part::Key => hopeless(format!(
            "the key `{shown}` is broken over lines, and a space may be lost: expected it on one line"
        )),
        Part::Value if tokens && is_one_token(&pieces) => {
            joined(&pieces, "an identifier has no line break")
        }
        Part::Value => hopeless(format!(
            "the string `{}` is broken over lines, and a space may be lost: expected it on one line",
            clipped(&shown)
        )),
    }
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

fn is_one_token(pieces: &[&str]) -> bool {
    let numeric = |piece: &&str| piece.chars().all(|c| c.is_ascii_digit());
    let filled = || pieces.iter().filter(|piece| !piece.is_empty());
    filled().all(numeric) || filled().any(|piece| is_identifier(piece))
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

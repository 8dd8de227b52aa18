//! Text that stands in base64, and what shows with little work that none does.
//!
//! What is in the text is the business of [`super::text`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::walk::Walk;

/// The shortest base64 in which text is looked for; shorter may say some by chance.
pub(super) const MIN_BASE64: usize = 12;

/// How many characters of a longer text are tried first: whole groups of four (RFC 4648 §4), which say
/// whole octets.
const HEAD: usize = 32;

impl Walk<'_> {
    /// Text that stands in base64, where something in it is to be changed.
    pub(super) fn encoded(&mut self, path: &dyn fmt::Display, text: &str) -> Option<String> {
        if text.len() < MIN_BASE64 || !may_say_text(text) {
            return None;
        }
        let padded = STANDARD.decode(text).map(|octets| (octets, true));
        let decoded =
            padded.or_else(|_| URL_SAFE_NO_PAD.decode(text).map(|octets| (octets, false)));
        let (octets, is_padded) = decoded.ok()?;
        let said = String::from_utf8(octets).ok()?;
        if said.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            return None;
        }
        let new = self.apart(|walk| walk.text(path, &said))?;
        Some(if is_padded {
            STANDARD.encode(new)
        } else {
            URL_SAFE_NO_PAD.encode(new)
        })
    }
}

/// Whether a text may be base64 that says text, by its first characters: what says none shows it there.
fn may_say_text(text: &str) -> bool {
    if text
        .as_bytes()
        .first_chunk()
        .copied()
        .is_some_and(says_none)
    {
        return false;
    }
    let groups = text.len().min(HEAD) / 4;
    let head = text.as_bytes().get(..4 * groups).unwrap_or_default();
    let mut octets = [0; HEAD / 4 * 3];
    let standard = STANDARD.decode_slice(head, &mut octets);
    // The two differ in two characters: where both can be read, they say the same.
    let Ok(length) = standard.or_else(|_| URL_SAFE_NO_PAD.decode_slice(head, &mut octets)) else {
        return false;
    };
    match octets.get(..length).map(std::str::from_utf8) {
        Some(Ok(_)) => true,
        // The last character may go on behind the head.
        Some(Err(error)) => error.error_len().is_none(),
        None => false,
    }
}

/// Whether the first octets that base64 says show that it says no text: they begin no character in UTF-8 (RFC 3629
/// §4), or a character that no text has.
fn says_none([first, second, third]: [u8; 3]) -> bool {
    let (Some(first), Some(second), Some(third)) = (sextet(first), sextet(second), sextet(third))
    else {
        return false; // whoever reads all of it says so
    };
    let next = second << 4 | third >> 2;
    match first << 2 | second >> 4 {
        b'\t'..=b'\r' => false,
        0..b' ' | 0x7f | 0x80..0xc2 | 0xf5.. => true,
        0xc2.. => !(0x80..0xc0).contains(&next),
        _ => false,
    }
}

/// What a character of base64 stands for, in either alphabet (RFC 4648 §4, §5).
fn sextet(character: u8) -> Option<u8> {
    match character {
        b'A'..=b'Z' => Some(character - b'A'),
        b'a'..=b'z' => Some(character - b'a' + 26),
        b'0'..=b'9' => Some(character - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ruled_out_by_three_characters_says_no_text() {
        let characters: Vec<u8> = (0..=127).filter(|byte| sextet(*byte).is_some()).collect();
        let (mut ruled_out, mut all) = (0, 0);
        for first in &characters {
            for second in &characters {
                for third in &characters {
                    let head = [*first, *second, *third];
                    all += 1;
                    if !says_none(head) {
                        continue;
                    }
                    ruled_out += 1;
                    let text = [*first, *second, *third, b'A'];
                    for octets in [STANDARD.decode(text), URL_SAFE_NO_PAD.decode(text)] {
                        let Ok(octets) = octets else { continue };
                        let begun = char::from(octets[0]);
                        let no_text = begun.is_ascii_control() && !begun.is_whitespace()
                            || std::str::from_utf8(&octets[..2])
                                .is_err_and(|error| error.error_len().is_some());
                        assert!(no_text, "{head:?} {octets:?}");
                    }
                }
            }
        }
        assert!(ruled_out > all / 2, "{ruled_out} of {all}");
        for head in ["aGV", "Cg=", "w6k", "4pi", "8J+", "a b"] {
            assert!(
                !says_none(*head.as_bytes().first_chunk().unwrap()),
                "{head}"
            );
        }
    }
}

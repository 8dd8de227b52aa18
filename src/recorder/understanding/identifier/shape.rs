//! How a text looks: minted, plain, or like no identifier at all.
//!
//! Nearly all texts that pass are none, so that this is made to say so soon.

/// The longest identifier: signed tokens and UUID-laden keys fit, documents don't.
const MAX_LENGTH: usize = 128;

/// The fewest characters that can be told from a word or a count.
const MIN_LENGTH: usize = 3;

/// The fewest characters of something that a service minted: shorter ones recur by chance.
pub(in crate::recorder::understanding) const MIN_MINTED: usize = 6;

/// How many bytes of a text are looked at together.
const ROW: usize = 16;

/// A number with so many digits was not counted up to; a number with fewer may have been.
pub(super) const MIN_MINTED_NUMBER: usize = 8;

/// How much the shape of an identifier says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::recorder::understanding) enum Shape {
    /// It looks minted: two things that are not one would hardly share it.
    Minted,
    /// It may name something: `5002`, `call-1`.
    Plain,
}

/// Whether a value looks like something that a service minted.
pub(in crate::recorder::understanding) fn is_minted(text: &str) -> bool {
    shape(text) == Some(Shape::Minted)
}

/// What the shape of a text says, where it may be an identifier.
pub(super) fn shape(text: &str) -> Option<Shape> {
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
        return None;
    }
    // Nearly all that passes has none.
    if !has_digit(text.as_bytes()) || has_space(text) {
        return None;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = has_letter(text);
    if is_time_or_address(text, digits, letters) {
        return None;
    }
    let minted = if letters {
        text.len() >= MIN_MINTED && (digits >= 3 || turns(text) >= 2)
    } else {
        digits >= MIN_MINTED_NUMBER
    };
    Some(if minted { Shape::Minted } else { Shape::Plain })
}

fn has_letter(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_alphabetic())
        || !text.is_ascii() && text.contains(char::is_alphabetic)
}

/// Whether there is white space in a text.
pub(in crate::recorder::understanding) fn has_space(text: &str) -> bool {
    has_byte(text.as_bytes(), may_be_space) && text.contains(char::is_whitespace)
}

/// Whether a byte is white space, or belongs to a character of several bytes, which may be.
pub(in crate::recorder::understanding) fn may_be_space(byte: u8) -> bool {
    byte <= b' ' || !byte.is_ascii()
}

/// Whether there is a digit in a text.
pub(in crate::recorder::understanding) fn has_digit(text: &[u8]) -> bool {
    has_byte(text, |byte| byte.is_ascii_digit())
}

/// Whether there is a byte in a text of which this is so.
pub(in crate::recorder::understanding) fn has_byte(text: &[u8], fits: impl Fn(u8) -> bool) -> bool {
    let Some(last) = text.last_chunk() else {
        return text.iter().any(|byte| fits(*byte));
    };
    // All of a row is looked at, and as numbers, so that many bytes are at once. The last one overlaps.
    let found = |found: u8, byte: &u8| found | u8::from(fits(*byte));
    let in_row = |row: &[u8; ROW]| row.iter().fold(0, found) != 0;
    text.as_chunks().0.iter().any(in_row) || in_row(last)
}

/// How often letters and digits take turns.
fn turns(text: &str) -> usize {
    let classes = text.bytes().filter(u8::is_ascii_alphanumeric);
    let mut classes = classes.map(|byte| byte.is_ascii_digit());
    let mut before = classes.next();
    classes
        .filter(|class| before.replace(*class) != Some(*class))
        .count()
}

/// Whether a value with so many digits, and with letters or without, is a date, a time of day, a count of
/// seconds or milliseconds of our years, a version, a decimal or an IP address: they recur without naming
/// anything.
fn is_time_or_address(text: &str, digits: usize, letters: bool) -> bool {
    let fits = |(byte, pattern): (u8, u8)| match pattern {
        b'd' => byte.is_ascii_digit(),
        _ => byte == pattern,
    };
    let date = text.len() >= 10 && text.bytes().zip(*b"dddd-dd-dd").all(fits);
    // From 2011 to 2033, in seconds, milliseconds or microseconds.
    let since_1970 = digits == text.len()
        && matches!(text.len(), 10 | 13 | 16)
        && text
            .get(..2)
            .is_some_and(|head| ("13".."20").contains(&head));
    let numeric = !letters && text.bytes().any(|byte| matches!(byte, b'.' | b':'));
    let numbers = |text: &str| text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
    let version = text.strip_prefix(['v', 'V']).is_some_and(numbers);
    date || since_1970 || numeric || version
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, character by character.
    fn plain_shape(text: &str) -> Option<Shape> {
        if !(MIN_LENGTH..=MAX_LENGTH).contains(&text.len()) {
            return None;
        }
        let digits = text.chars().filter(char::is_ascii_digit).count();
        let letters = text.contains(char::is_alphabetic);
        let classes = text.chars().filter(char::is_ascii_alphanumeric);
        let classes: Vec<bool> = classes.map(|c| c.is_ascii_digit()).collect();
        let turns = classes.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let pattern = |c: char| if c.is_ascii_digit() { 'd' } else { c };
        let date = text.chars().map(pattern).take(10).collect::<String>() == "dddd-dd-dd";
        let time = digits == text.len()
            && [10, 13, 16].contains(&text.len())
            && ("13".."20").contains(&&text[..2]);
        let of_numbers = |text: &str| text.chars().all(|c| c.is_ascii_digit() || c == '.');
        let version = text.starts_with(['v', 'V']) && of_numbers(&text[1..]);
        let address = !letters && text.contains(['.', ':']);
        let space = text.contains(char::is_whitespace);
        if digits == 0 || space || date || time || version || address {
            None
        } else if letters && text.len() >= 6 && (digits >= 3 || turns >= 2)
            || !letters && digits >= 8
        {
            Some(Shape::Minted)
        } else {
            Some(Shape::Plain)
        }
    }

    proptest! {
        #[test]
        fn a_text_has_the_shape_that_it_has_character_by_character(
            text in prop_oneof![
                "[a-z0-9-]{0,20}", "[0-9]{2,18}", "[vV]?[0-9.:]{0,12}", "1[2-9][0-9]{8,14}",
                "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]?[0-9:é]{0,9}", "[a-zé\u{a0}\u{b}Ⅷ٣ 0-9]{0,12}",
                "[a-z]{10,60}[0-9é ]?[a-z]{0,70}",
            ],
        ) {
            prop_assert_eq!(shape(&text), plain_shape(&text));
            prop_assert_eq!(has_space(&text), text.contains(char::is_whitespace));
            prop_assert_eq!(has_digit(text.as_bytes()), text.contains(|c: char| c.is_ascii_digit()));
        }
    }
}

//! Finds the end of what can be copied from a string as it is, eight bytes at a time: strings are most
//! of a sample, and most of them are plain.

use super::string::Damage;

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
const WORD: usize = 8;

/// How many bytes come before the first that is the quote, a double quote, a backslash or a control
/// character, and whether a colon is among them.
#[inline]
pub(super) fn plain(bytes: &[u8], quote: u8) -> (usize, Damage) {
    let mut colons = 0;
    let mut length = 0;
    let mut rest = bytes;
    while let Some((word, after)) = rest.split_first_chunk::<WORD>() {
        let word = u64::from_le_bytes(*word);
        let special = equal(word, quote)
            | equal(word, b'"')
            | equal(word, b'\\')
            | (word.wrapping_sub(LOW_BITS * 0x20) & !word & HIGH_BITS);
        let colon = equal(word, b':');
        if special != 0 {
            let first = special & special.wrapping_neg();
            colons |= colon & (first - 1);
            return (
                length + (first.trailing_zeros() / 8) as usize,
                damage(colons),
            );
        }
        colons |= colon;
        length += WORD;
        rest = after;
    }
    for &byte in rest {
        if byte == quote || byte < 0x20 || matches!(byte, b'"' | b'\\') {
            break;
        }
        colons |= u64::from(byte == b':');
        length += 1;
    }
    (length, damage(colons))
}

/// The high bits of the bytes that equal `byte`: the lowest of them is exact, those above it may not be.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let differences = word ^ (LOW_BITS * u64::from(byte));
    differences.wrapping_sub(LOW_BITS) & !differences & HIGH_BITS
}

#[inline]
fn damage(colons: u64) -> Damage {
    if colons == 0 {
        Damage::Unlikely
    } else {
        Damage::Possible
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_find_what_bytes_find(text in "[a:'\"\\\\\n\u{1f} é\u{7f}0]{0,40}", quote in prop::sample::select(vec![b'\'', b'"'])) {
            let special = |byte: u8| byte == quote || byte < 0x20 || byte == b'"' || byte == b'\\';
            let bytes = text.as_bytes();
            let length = bytes.iter().position(|&byte| special(byte)).unwrap_or(bytes.len());
            let colon = bytes[..length].contains(&b':');
            prop_assert_eq!(plain(bytes, quote), (length, damage(u64::from(colon))));
        }
    }
}

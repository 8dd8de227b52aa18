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
    let (words, rest) = bytes.as_chunks::<WORD>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let ascii = !word & HIGH_BITS;
        // With this bit flipped the double quote comes first behind the control characters.
        let special = ascii
            & (below(word ^ every(b'"' ^ b' '), b' ' + 1)
                | below(word ^ every(b'\\'), 1)
                | below(word ^ every(quote), 1));
        let colon = ascii & below(word ^ every(b':'), 1);
        if special != 0 {
            let first = special & special.wrapping_neg();
            colons |= colon & (first - 1);
            let length = number * WORD + (first.trailing_zeros() / 8) as usize;
            return (length, damage(colons));
        }
        colons |= colon;
    }
    let mut length = bytes.len() - rest.len();
    for &byte in rest {
        if byte == quote || byte < 0x20 || matches!(byte, b'"' | b'\\') {
            break;
        }
        colons |= u64::from(byte == b':');
        length += 1;
    }
    (length, damage(colons))
}

/// A word of eight times the same byte.
#[inline]
fn every(byte: u8) -> u64 {
    LOW_BITS * u64::from(byte)
}

/// Sets the high bits of the ASCII bytes that are below `limit`: the lowest of them is exact, those above
/// it may not be. What it makes of other bytes has no meaning.
#[inline]
fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(every(limit))
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

    fn byte_by_byte(bytes: &[u8], quote: u8) -> (usize, Damage) {
        let special = |byte: u8| byte == quote || byte < 0x20 || byte == b'"' || byte == b'\\';
        let length = bytes
            .iter()
            .position(|&byte| special(byte))
            .unwrap_or(bytes.len());
        let colon = bytes[..length].contains(&b':');
        (length, damage(u64::from(colon)))
    }

    /// The bytes that are looked for, their neighbours, and the same with a high bit.
    fn near_byte() -> impl Strategy<Value = u8> {
        let looked_for = prop::sample::select(vec![0, 0x1f, b' ', b'"', b'\'', b':', b'\\']);
        let steps = prop::sample::select(vec![0, 1, 2, 3, 0x80, 0xff]);
        (looked_for, steps).prop_map(|(byte, step): (u8, u8)| byte.wrapping_add(step))
    }

    proptest! {
        #[test]
        fn words_find_what_bytes_find_among_neighbours(
            bytes in prop::collection::vec(prop_oneof![near_byte(), Just(b'a')], 0..40),
            quote in prop::sample::select(vec![b'\'', b'"'])
        ) {
            prop_assert_eq!(plain(&bytes, quote), byte_by_byte(&bytes, quote));
        }

        #[test]
        fn words_find_what_bytes_find(text in "[a:'\"\\\\\n\u{1f} é\u{7f}0]{0,40}", quote in prop::sample::select(vec![b'\'', b'"'])) {
            let bytes = text.as_bytes();
            prop_assert_eq!(plain(bytes, quote), byte_by_byte(bytes, quote));
        }
    }
}

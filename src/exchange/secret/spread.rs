//! A quick hash for tables of short texts that come again and again.
//!
//! It only says where in a table to look: whoever finds a text there still compares all of it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// What a part is multiplied with: the golden ratio, as a fraction of all numbers (Knuth), which is odd.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Spreads texts over a table. It begins with a number that no stranger knows, so that nobody can choose texts
/// that all meet in one place.
#[derive(Clone, Debug)]
pub struct Spreading(u64);

/// The number of a text, as far as it was read.
#[derive(Clone, Debug)]
pub struct Spread(u64);

impl Default for Spreading {
    fn default() -> Spreading {
        Spreading(RandomState::new().hash_one(FACTOR))
    }
}

impl BuildHasher for Spreading {
    type Hasher = Spread;

    fn build_hasher(&self) -> Spread {
        Spread(self.0)
    }
}

impl Spread {
    /// Takes a part in: all bits of both halves of the product tell of it.
    #[inline]
    fn take(&mut self, part: u64) {
        let product = u128::from(self.0 ^ part) * u128::from(FACTOR);
        let bytes = product.to_le_bytes();
        let (halves, _) = bytes.as_chunks();
        let fold = |all, half: &[u8; 8]| all ^ u64::from_le_bytes(*half);
        self.0 = halves.iter().fold(0, fold);
    }
}

impl Hasher for Spread {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        self.take(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.take(u64::from_le_bytes(*word));
        }
        match bytes.last_chunk() {
            _ if rest.is_empty() => {}
            // Some of these were taken already: to take them again is less work than to part them.
            Some(last) => self.take(u64::from_le_bytes(*last)),
            None => {
                let shift = |all, byte: &u8| all << u8::BITS | u64::from(*byte);
                self.take(rest.iter().fold(0, shift));
            }
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.take(u64::from(byte));
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn texts_are_spread_over_a_table() {
        let spreading = Spreading::default();
        let mut places = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for number in 0..1_024 {
            for text in [number.to_string(), format!("X-Long-Name-{number}-of-it")] {
                let hash = spreading.hash_one(&text);
                numbers.insert(hash);
                places.insert((hash >> 56, hash & 0xff));
            }
        }
        for text in ["", "\0", "\0\0", "a", "a\0", "abcdefgh", "abcdefgh\0"] {
            numbers.insert(spreading.hash_one(text));
        }
        assert_eq!(numbers.len(), 2 * 1_024 + 7);
        assert!(places.len() > 1_900, "{}", places.len());
        assert_ne!(Spreading::default().hash_one("a"), spreading.hash_one("a"));
    }
}

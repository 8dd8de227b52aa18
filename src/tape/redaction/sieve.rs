//! Rules out, in a pass that skips over most of a text, that any of many other texts stand in it.
//!
//! It may say that one does where none does, and never the other way round. To find them is the business of
//! [`super::memory`].

use std::collections::BTreeSet;

use super::memory::MIN_KNOWN;

/// How many bytes at the front of a text it is known by. None that is looked for is shorter.
const HEAD: usize = MIN_KNOWN;

/// How many bytes are looked at together.
const BLOCK: usize = 4;

/// How far it may skip where a block stands in no head: up to the next place where a head may end.
const MAX_SKIP: u8 = 5;

/// The fewest skips that are kept, as a power of two: small enough for the fastest cache.
const MIN_BITS: u32 = 13;

/// The most: a megabyte for all the secrets that are ever known.
const MAX_BITS: u32 = 20;

/// How many skips there should be for each head, so that most blocks of other texts stand in none.
const SKIPS_A_HEAD: usize = 32;

/// What rules texts out, as Wu and Manber search: by how far each block stands from the end of a head.
#[derive(Debug, Default)]
pub(super) struct Sieve {
    heads: BTreeSet<[u8; HEAD]>,
    /// By the number that is made of a block: how far the nearest end of a head is at least.
    skips: Vec<u8>,
    bits: u32,
}

impl Sieve {
    /// Lets a text through from now on.
    pub(super) fn add(&mut self, text: &str) {
        let Some(head) = text.as_bytes().first_chunk::<HEAD>() else {
            return;
        };
        if !self.heads.insert(*head) {
            return;
        }
        let wanted = (self.heads.len() * SKIPS_A_HEAD).max(1).ilog2() + 1;
        let wanted = wanted.clamp(MIN_BITS, MAX_BITS);
        if wanted > self.bits {
            self.bits = wanted;
            self.skips = vec![MAX_SKIP; 1 << wanted];
            for head in std::mem::take(&mut self.heads) {
                self.note(head);
                self.heads.insert(head);
            }
        } else {
            self.note(*head);
        }
    }

    /// Whether one of the texts may stand in this.
    pub(super) fn may_hold(&self, octets: &[u8]) -> bool {
        if self.heads.is_empty() {
            return false;
        }
        let mut end = HEAD;
        while let Some(head) = octets.get(..end).and_then(<[u8]>::last_chunk::<HEAD>) {
            let skip = head.last_chunk().map_or(0, |block| self.skip(*block));
            if skip > 0 {
                end += usize::from(skip);
            } else if self.heads.contains(head) {
                return true;
            } else {
                end += 1;
            }
        }
        false
    }

    fn skip(&self, block: [u8; BLOCK]) -> u8 {
        self.skips.get(self.number(block)).copied().unwrap_or(0)
    }

    fn note(&mut self, head: [u8; HEAD]) {
        for (place, block) in head.windows(BLOCK).rev().enumerate() {
            let Some(block) = block.first_chunk() else {
                continue;
            };
            let number = self.number(*block);
            let distance = u8::try_from(place).unwrap_or(MAX_SKIP);
            if let Some(skip) = self.skips.get_mut(number) {
                *skip = distance.min(*skip);
            }
        }
    }

    /// A number for a block, spread over all that there are by Knuth's multiplicative hashing.
    fn number(&self, block: [u8; BLOCK]) -> usize {
        let spread = u32::from_le_bytes(block).wrapping_mul(0x9e37_79b1);
        spread.checked_shr(u32::BITS - self.bits).unwrap_or(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sieve(texts: &[String]) -> Sieve {
        let mut sieve = Sieve::default();
        for text in texts {
            sieve.add(text);
        }
        sieve
    }

    proptest! {
        #[test]
        fn nothing_that_stands_in_a_text_is_ruled_out(
            texts in prop::collection::vec("[ab]{8,14}|[ -~é]{8,20}", 0..60),
            before in "[ab]{0,12}|[ -~]{0,12}",
            after in "[ab]{0,12}|[ -~]{0,12}",
            which in 0_usize..60,
        ) {
            let sieve = sieve(&texts);
            if let Some(text) = texts.get(which) {
                let octets = format!("{before}{text}{after}");
                prop_assert!(sieve.may_hold(octets.as_bytes()));
            }
            let plain = format!("{before}{after}");
            let heads = texts.iter().map(|text| &text.as_bytes()[..HEAD]);
            let mut heads = heads.filter(|head| plain.as_bytes().windows(HEAD).any(|window| window == *head));
            prop_assert_eq!(sieve.may_hold(plain.as_bytes()), heads.next().is_some());
        }
    }

    #[test]
    fn many_texts_are_told_from_others() {
        let text = |number: u32| {
            format!(
                "{:016x}",
                u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            )
        };
        let texts: Vec<String> = (0..60_000).map(text).collect();
        let sieve = sieve(&texts);
        assert!(texts.iter().all(|text| sieve.may_hold(text.as_bytes())));
        assert!(
            !(70_000..80_000)
                .map(text)
                .any(|other| sieve.may_hold(other.as_bytes()))
        );
        assert!(!Sieve::default().may_hold(b"something"));
    }
}

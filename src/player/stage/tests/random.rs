//! Random choices from a seed: the same seed makes the same choices, on every machine.

use std::ops::RangeInclusive;

/// A source of random choices (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The source of these two numbers: near numbers make choices that have nothing in common.
    pub(super) fn new(one: u64, other: u64) -> Random {
        let mut first = Random(one);
        let mut both = Random(first.next() ^ other);
        Random(both.next())
    }

    pub(super) fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.next() % (range.end() - range.start() + 1)
    }

    /// Whether something happens that happens in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// A place in a list of this length.
    pub(super) fn place(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.place(from.len())].clone()
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

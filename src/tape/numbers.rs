//! Sets of numbers that are given out in order, kept as ranges, so that a long recording's set of
//! operations takes a few bytes and not a few for each.

use std::collections::BTreeMap;

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The last number of each range, by its first. Ranges neither touch nor overlap.
    ranges: BTreeMap<u64, u64>,
}

impl Numbers {
    /// Adds a number.
    pub fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let last = number
            .checked_add(1)
            .and_then(|next| self.ranges.remove(&next))
            .unwrap_or(number);
        match self.ranges.range_mut(..number).next_back() {
            Some((_, end)) if end.checked_add(1) == Some(number) => *end = last,
            _ => {
                self.ranges.insert(number, last);
            }
        }
    }

    /// Whether a number is in the set.
    pub fn contains(&self, number: u64) -> bool {
        let before = self.ranges.range(..=number).next_back();
        before.is_some_and(|(_, last)| *last >= number)
    }
}

impl FromIterator<u64> for Numbers {
    fn from_iter<I: IntoIterator<Item = u64>>(numbers: I) -> Self {
        let mut set = Numbers::default();
        for number in numbers {
            set.insert(number);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_was_put_in_and_no_more(
            numbers in prop::collection::vec(prop_oneof![0_u64..40, u64::MAX - 3..=u64::MAX], 0..60),
        ) {
            let plain: BTreeSet<u64> = numbers.iter().copied().collect();
            let set: Numbers = numbers.into_iter().collect();
            for number in (0..41).chain(u64::MAX - 4..=u64::MAX) {
                prop_assert_eq!(set.contains(number), plain.contains(&number), "{}", number);
            }
            let breaks = plain.iter().filter(|n| **n == 0 || !plain.contains(&(**n - 1))).count();
            prop_assert_eq!(set.ranges.len(), breaks);
        }
    }
}

//! Which items of two sequences stand for each other.
//!
//! Pure: of an item it knows some keys, from the one that tells most to the one that tells least. What is equal by
//! the first key is paired first; what lies between is paired by the next. The order of both sequences is kept, and
//! the work grows with their length times its logarithm, however much differs.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

/// How often the pieces between pairs are looked at with one key: a piece may have more of them once those
/// around it are fixed.
const PASSES: usize = 2;

/// An item, or two that stand for each other, by their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aligned {
    /// One of each sequence.
    Both(usize, usize),
    /// One that only the left sequence has.
    Left(usize),
    /// One that only the right sequence has.
    Right(usize),
}

/// Pairs the items of two sequences; each is there once, and those of each sequence are in order.
pub fn align<const N: usize>(left: &[[u128; N]], right: &[[u128; N]]) -> Vec<Aligned> {
    let mut aligned = Vec::with_capacity(left.len().max(right.len()));
    Alignment { left, right }.piece(0..left.len(), 0..right.len(), 0, &mut aligned);
    aligned
}

struct Alignment<'a, const N: usize> {
    left: &'a [[u128; N]],
    right: &'a [[u128; N]],
}

impl<const N: usize> Alignment<'_, N> {
    fn piece(
        &self,
        left: Range<usize>,
        right: Range<usize>,
        pass: usize,
        aligned: &mut Vec<Aligned>,
    ) {
        let key = pass / PASSES;
        if left.is_empty() || right.is_empty() || key >= N {
            aligned.extend(left.map(Aligned::Left));
            aligned.extend(right.map(Aligned::Right));
            return;
        }
        let keys = |of: &[[u128; N]], range: &Range<usize>| -> Vec<u128> {
            let items = of.get(range.clone()).unwrap_or_default();
            items
                .iter()
                .filter_map(|keys| keys.get(key).copied())
                .collect()
        };
        let found = pairs(&keys(self.left, &left), &keys(self.right, &right));
        let (mut from, mut to) = (left.start, right.start);
        for (ours, theirs) in found {
            let (ours, theirs) = (left.start + ours, right.start + theirs);
            self.piece(from..ours, to..theirs, pass + 1, aligned);
            aligned.push(Aligned::Both(ours, theirs));
            (from, to) = (ours + 1, theirs + 1);
        }
        self.piece(from..left.end, to..right.end, pass + 1, aligned);
    }
}

/// Items with equal keys, in the order of both sequences: what they begin with alike, what they end with alike, and
/// of the rest as many as possible where the n-th of its key stands for the n-th.
fn pairs(left: &[u128], right: &[u128]) -> Vec<(usize, usize)> {
    let alike = |(ours, theirs): &(&u128, &u128)| ours == theirs;
    let head = left.iter().zip(right).take_while(alike).count();
    let (left_rest, right_rest) = (
        left.get(head..).unwrap_or_default(),
        right.get(head..).unwrap_or_default(),
    );
    let ends = left_rest.iter().rev().zip(right_rest.iter().rev());
    let tail = ends.take_while(alike).count();
    let (left_end, right_end) = (left.len() - tail, right.len() - tail);
    let middle = ascending(&nth_with_nth(left, head..left_end, right, head..right_end));
    let before = (0..head).map(|place| (place, place));
    let after = (left_end..left.len()).zip(right_end..right.len());
    before.chain(middle).chain(after).collect()
}

/// The n-th item of each key with the n-th of the same key, in the order of the left sequence.
fn nth_with_nth(
    left: &[u128],
    ours: Range<usize>,
    right: &[u128],
    theirs: Range<usize>,
) -> Vec<(usize, usize)> {
    let mut places: BTreeMap<u128, VecDeque<usize>> = BTreeMap::new();
    for (place, key) in right.iter().enumerate().take(theirs.end).skip(theirs.start) {
        places.entry(*key).or_default().push_back(place);
    }
    let ours = left.iter().enumerate().take(ours.end).skip(ours.start);
    let pair = |(place, key): (usize, &u128)| Some((place, places.get_mut(key)?.pop_front()?));
    ours.filter_map(pair).collect()
}

/// The longest choice of these pairs whose right places ascend too (by patience sorting).
fn ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // Of each length, the pair on which the choice of that length ends whose right place is least.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let right = |pair: usize| pairs.get(pair).map(|(_, right)| *right);
    for (number, (_, place)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| right(*end) < Some(*place));
        before.push(
            length
                .checked_sub(1)
                .and_then(|last| ends.get(last).copied()),
        );
        match ends.get_mut(length) {
            Some(end) => *end = number,
            None => ends.push(number),
        }
    }
    let mut chosen = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(number) = next {
        chosen.extend(pairs.get(number));
        next = before.get(number).copied().flatten();
    }
    chosen.reverse();
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Items whose first key is a letter, and whose second tells capital letters from others.
    fn items(text: &str) -> Vec<[u128; 2]> {
        let keys = |c: char| [u128::from(u32::from(c)), u128::from(c.is_uppercase())];
        text.chars().map(keys).collect()
    }

    fn shown(left: &str, right: &str) -> String {
        let at = |text: &str, place| text.chars().nth(place).unwrap();
        let show = |aligned: &Aligned| match *aligned {
            Aligned::Both(l, r) if at(left, l) == at(right, r) => at(left, l).to_string(),
            Aligned::Both(l, r) => format!("({}{})", at(left, l), at(right, r)),
            Aligned::Left(l) => format!("-{}", at(left, l)),
            Aligned::Right(r) => format!("+{}", at(right, r)),
        };
        align(&items(left), &items(right))
            .iter()
            .map(show)
            .collect()
    }

    #[test]
    fn what_is_equal_is_paired_first_and_what_is_alike_then() {
        for (left, right, expected) in [
            ("abc", "abc", "abc"),
            ("", "a", "+a"),
            ("a", "", "-a"),
            ("abc", "axc", "a(bx)c"),
            ("abc", "aXc", "a-b+Xc"),
            ("abc", "ac", "a-bc"),
            ("ac", "abc", "a+bc"),
            ("aaa", "aaaa", "aaa+a"),
            ("aba", "ba", "-aba"),
            ("xAyB", "zAB", "(xz)A-yB"),
            // What was moved is not paired where that would cross what is.
            ("abcd", "bcda", "-abcd+a"),
        ] {
            assert_eq!(shown(left, right), expected, "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn each_item_is_there_once_and_in_order(left in "[a-dA-D]{0,30}", right in "[a-dA-D]{0,30}") {
            let aligned = align(&items(&left), &items(&right));
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            for one in aligned {
                match one {
                    Aligned::Both(l, r) => {
                        ours.push(l);
                        theirs.push(r);
                        let upper = |text: &str, place: usize| text.chars().nth(place).unwrap().is_uppercase();
                        prop_assert_eq!(upper(&left, l), upper(&right, r));
                    }
                    Aligned::Left(l) => ours.push(l),
                    Aligned::Right(r) => theirs.push(r),
                }
            }
            prop_assert!(ours.into_iter().eq(0..left.len()));
            prop_assert!(theirs.into_iter().eq(0..right.len()));
        }
    }
}

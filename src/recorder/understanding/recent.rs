//! A map that remembers what was used of late: the memory of a long recording, kept bounded.
//!
//! Its entries have no order but that of their use, which nobody sees.

mod uses;

use std::borrow::Borrow;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use indexmap::IndexMap;

use uses::Uses;

/// A map of at most `cap` entries. Writing beyond it drops the entry that was used the longest ago.
///
/// The entries stand in a list, and a new one takes the place of the one that is dropped. So what comes and goes with
/// each exchange goes through memory from its beginning to its end, which a processor sees coming; in a hash table of
/// entries each step would be at another end of megabytes, and be waited for.
#[derive(Debug)]
pub(super) struct Recent<K, V, S = RandomState> {
    cap: usize,
    entries: IndexMap<K, V, S>,
    /// The order of use of the entries, by their indexes.
    uses: Uses,
}

/// The same, where the keys are numbers that no stranger chooses: they are looked up without a hash that
/// withstands strangers, and several times for each exchange.
pub(super) type Numbered<K, V> = Recent<K, V, BuildHasherDefault<Spread>>;

/// Spreads numbers, be it that they were given out in order, by Fibonacci hashing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl<K: Hash + Eq + Clone, V, S: BuildHasher + Default> Recent<K, V, S> {
    /// An empty map of at most `cap` entries.
    pub(super) fn new(cap: usize) -> Self {
        Recent {
            cap,
            entries: IndexMap::default(),
            uses: Uses::new(),
        }
    }

    /// Looks an entry up without using it.
    pub(super) fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).map(|(_, value)| value)
    }

    /// Looks an entry up without using it, and says where it stands for [`Recent::use_at`].
    pub(super) fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<(usize, &V)>
    where
        K: Borrow<Q>,
    {
        let (index, _, value) = self.entries.get_full(key)?;
        Some((index, value))
    }

    /// Uses an entry that was just found.
    pub(super) fn use_at(&mut self, index: usize) {
        self.uses.again(index);
    }

    /// Uses an entry that is there.
    pub(super) fn get_mut<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (index, _, value) = self.entries.get_full_mut(key)?;
        self.uses.again(index);
        Some(value)
    }

    /// Uses an entry, which is made where it is not there.
    pub(super) fn entry(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        if let Some(index) = self.entries.get_index_of(&key) {
            self.uses.again(index);
        } else {
            if self.entries.len() >= self.cap {
                self.drop_oldest();
            }
            self.uses.first();
        }
        self.entries.entry(key).or_insert_with(make)
    }

    /// Writes an entry.
    pub(super) fn insert(&mut self, key: &K, value: V) {
        match self.get_mut(key) {
            Some(held) => *held = value,
            None => {
                self.entry(key.clone(), || value);
            }
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (index, _, value) = self.entries.swap_remove_full(key)?;
        self.uses.swap_remove(index);
        Some(value)
    }

    /// The entries, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter()
    }

    /// The values, in no order, to be changed without being used.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut()
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.uses.oldest() {
            self.entries.swap_remove_index(oldest);
            self.uses.swap_remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_was_used_the_longest_ago_is_dropped() {
        let mut recent: Recent<&str, i32> = Recent::new(2);
        recent.insert(&"a", 1);
        recent.insert(&"b", 2);
        assert_eq!(recent.get_mut(&"a"), Some(&mut 1));
        recent.insert(&"c", 3);
        let mut kept: Vec<_> = recent.iter().map(|(key, value)| (*key, *value)).collect();
        kept.sort_unstable();
        assert_eq!(kept, [("a", 1), ("c", 3)]);
        assert_eq!(recent.remove(&"a"), Some(1));
        recent.insert(&"d", 4);
        recent.insert(&"d", 5);
        assert_eq!((recent.get(&"c"), recent.get(&"d")), (Some(&3), Some(&5)));
    }

    #[test]
    fn what_was_found_can_be_used_where_it_stands() {
        let mut recent: Recent<&str, i32> = Recent::new(2);
        recent.insert(&"a", 1);
        recent.insert(&"b", 2);
        assert_eq!(recent.find("c"), None);
        let (place, value) = recent.find("a").unwrap();
        assert_eq!(*value, 1);
        recent.use_at(place);
        recent.insert(&"c", 3);
        assert_eq!((recent.get("a"), recent.get("b")), (Some(&1), None));
    }

    proptest! {
        #[test]
        fn it_holds_what_a_plain_list_in_the_order_of_use_holds(
            cap in 1_usize..6,
            steps in prop::collection::vec((0_u8..4, 0_u8..9), 0..300),
        ) {
            let mut recent = Numbered::new(cap);
            // The key that was used last stands last.
            let mut plain: Vec<(u8, usize)> = Vec::new();
            for (step, (what, key)) in steps.into_iter().enumerate() {
                let place = plain.iter().position(|(other, _)| *other == key);
                let held = place.map(|place| plain.remove(place));
                match (what, held) {
                    (0, held) => prop_assert_eq!(recent.remove(&key), held.map(|(_, value)| value)),
                    (1, None) => prop_assert_eq!(recent.get_mut(&key), None),
                    (2, Some(_)) => {
                        recent.insert(&key, step);
                        plain.push((key, step));
                    }
                    (_, Some((_, value))) => {
                        prop_assert_eq!(*recent.entry(key, || step), value);
                        plain.push((key, value));
                    }
                    (_, None) => {
                        prop_assert_eq!(*recent.entry(key, || step), step);
                        if plain.len() == cap {
                            plain.remove(0);
                        }
                        plain.push((key, step));
                    }
                }
                let mut held: Vec<_> = recent.iter().map(|(key, value)| (*key, *value)).collect();
                held.sort_unstable();
                let mut expected = plain.clone();
                expected.sort_unstable();
                prop_assert_eq!(held, expected);
            }
        }
    }
}

//! A map that remembers what was used of late: the memory of a long recording, kept bounded.

use std::collections::BTreeMap;

/// A map of at most `cap` entries. Writing beyond it drops the entry that was used the longest ago.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    cap: usize,
    clock: u64,
    entries: BTreeMap<K, (u64, V)>,
    by_age: BTreeMap<u64, K>,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    /// An empty map of at most `cap` entries.
    pub(super) fn new(cap: usize) -> Self {
        Recent {
            cap,
            clock: 0,
            entries: BTreeMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// Looks an entry up without using it.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Uses an entry that is there.
    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.clock += 1;
        let (used, value) = self.entries.get_mut(key)?;
        self.by_age.remove(used);
        *used = self.clock;
        self.by_age.insert(self.clock, key.clone());
        Some(value)
    }

    /// Uses an entry, which is made where it is not there.
    pub(super) fn entry(&mut self, key: &K, make: impl FnOnce() -> V) -> &mut V {
        self.clock += 1;
        if !self.entries.contains_key(key) && self.entries.len() >= self.cap {
            self.drop_oldest();
        }
        let entry = self
            .entries
            .entry(key.clone())
            .or_insert_with(|| (0, make()));
        self.by_age.remove(&entry.0);
        entry.0 = self.clock;
        self.by_age.insert(self.clock, key.clone());
        &mut entry.1
    }

    /// Writes an entry.
    pub(super) fn insert(&mut self, key: &K, value: V) {
        self.remove(key);
        self.entry(key, || value);
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (used, value) = self.entries.remove(key)?;
        self.by_age.remove(&used);
        Some(value)
    }

    /// The entries, in the order of their keys.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, (_, value))| (key, value))
    }

    /// The entries, those with the greatest keys first.
    pub(super) fn newest(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries
            .iter()
            .rev()
            .map(|(key, (_, value))| (key, value))
    }

    /// The values, to be changed without being used.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|(_, value)| value)
    }

    fn drop_oldest(&mut self) {
        if let Some((_, key)) = self.by_age.pop_first() {
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_the_longest_ago_is_dropped() {
        let mut recent = Recent::new(2);
        recent.insert(&"a", 1);
        recent.insert(&"b", 2);
        assert_eq!(recent.get_mut(&"a"), Some(&mut 1));
        recent.insert(&"c", 3);
        let kept: Vec<_> = recent.iter().map(|(key, value)| (*key, *value)).collect();
        assert_eq!(kept, [("a", 1), ("c", 3)]);
        assert_eq!(recent.remove(&"a"), Some(1));
        recent.insert(&"d", 4);
        recent.insert(&"d", 5);
        assert_eq!((recent.get(&"c"), recent.get(&"d")), (Some(&3), Some(&5)));
    }
}

//! Lists that keep their last entries. What these mean is not known here.

use std::collections::VecDeque;

use super::Delivered;

/// A list of the last so many entries, and the count of all.
#[derive(Clone, Debug)]
pub struct Bounded<T> {
    kept: VecDeque<T>,
    total: usize,
}

impl<T> Default for Bounded<T> {
    fn default() -> Self {
        Bounded {
            kept: VecDeque::new(),
            total: 0,
        }
    }
}

impl<T> Bounded<T> {
    /// The entries that are kept, oldest first.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = &T> {
        self.kept.iter()
    }

    /// How many there were, kept or not.
    pub fn total(&self) -> usize {
        self.total
    }

    /// Adds an entry; the one that is not kept any more.
    pub(super) fn push(&mut self, entry: T, most: usize) -> Option<T> {
        self.total += 1;
        self.kept.push_back(entry);
        let full = self.kept.len() > most;
        full.then(|| self.kept.pop_front()).flatten()
    }
}

/// The notifications that one session heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    pub(super) list: Bounded<Delivered>,
    /// How many bytes of data are kept.
    pub(super) bytes: usize,
}

impl Heard {
    /// Adds one.
    pub(super) fn push(&mut self, entry: Delivered, most: usize) {
        self.bytes += entry.data.len();
        let dropped = self.list.push(entry, most);
        self.let_go(dropped);
    }

    /// Drops the oldest that is kept.
    pub(super) fn drop_oldest(&mut self) {
        let dropped = self.list.kept.pop_front();
        self.let_go(dropped);
    }

    fn let_go(&mut self, dropped: Option<Delivered>) {
        self.bytes -= dropped.map_or(0, |entry| entry.data.len());
    }
}

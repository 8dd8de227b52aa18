//! Digests of values: sets of them take little room, and need not hold the values.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher, Hash as _, Hasher};

/// Digests, which need no other to be found by.
pub(super) type Digests = HashSet<u64, BuildHasherDefault<AsItIs>>;

/// Something for each digest.
pub(super) type ByDigest<T> = HashMap<u64, T, BuildHasherDefault<AsItIs>>;

/// Takes a digest for its own hash.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

/// Digests of all that stands on the tapes.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// While more come.
    coming: Digests,
    /// When no more come; sorted.
    all: Vec<u64>,
}

impl Known {
    pub(super) fn add(&mut self, digest: u64) {
        self.coming.insert(digest);
    }

    /// Must be called when all were added, before any is asked for.
    pub(super) fn sort(&mut self) {
        self.all.extend(std::mem::take(&mut self.coming));
        self.all.sort_unstable();
        self.all.dedup();
        self.all.shrink_to_fit();
    }

    pub(super) fn contains(&self, digest: u64) -> bool {
        self.all.binary_search(&digest).is_ok()
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

/// A digest that is the same for equal values; two others hardly share it.
pub(super) fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

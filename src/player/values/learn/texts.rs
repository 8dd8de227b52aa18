//! The choices of a tape by their texts, or rather by the digests of these: whoever finds one compares the texts.

use std::collections::BTreeMap;

use super::super::super::plan::{narrow, wide};
use super::super::digests::ByDigest;

/// The choices by the digests of their texts.
#[derive(Debug, Default)]
pub(super) struct Texts {
    latest: ByDigest<u32>,
    /// The choice of the same digest before each, where there is one.
    before: BTreeMap<u32, u32>,
}

impl Texts {
    /// Notes a choice. It must not have been noted before.
    pub(super) fn note(&mut self, digest: u64, choice: usize) {
        let choice = narrow(choice);
        if let Some(before) = self.latest.insert(digest, choice) {
            self.before.insert(choice, before);
        }
    }

    /// The choices whose texts have this digest, the latest first.
    pub(super) fn of(&self, digest: u64) -> impl Iterator<Item = usize> {
        let latest = self.latest.get(&digest).copied();
        std::iter::successors(latest, |choice| self.before.get(choice).copied()).map(wide)
    }
}

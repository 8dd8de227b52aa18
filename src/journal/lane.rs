//! What one session exchanged, with the digest of it. How much of it may be kept the journal says.

use std::collections::BTreeMap;

use super::bounded::{Bounded, Heard};
use super::running::Running;
use super::{Answered, Delivered, Identity, Part, add, named};

/// What one session exchanged.
///
/// Operations and notifications are two lists, each in order. How the two interleave depends on
/// how fast the client is, so the digest must not. Nor must it depend on how notifications interleave
/// that come by different ways, each on a connection of its own.
#[derive(Clone, Debug, Default)]
pub struct Lane {
    operations: Bounded<Answered>,
    notifications: Heard,
    hash_of_operations: Running,
    hash_of_events: Running,
    /// Those of its streams, by their numbers.
    hashes_of_streams: BTreeMap<usize, Running>,
}

/// By which way a notification came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a Bayeux event.
    Bayeux,
    /// On a stream, or on those that followed it when it was lost or ended: which of its session's
    /// streams, from 1.
    Stream(usize),
}

impl Lane {
    /// The operations, in the order in which they were answered.
    pub fn operations(&self) -> &Bounded<Answered> {
        &self.operations
    }

    /// The notifications, in the order in which they were sent.
    pub fn notifications(&self) -> &Bounded<Delivered> {
        &self.notifications.list
    }

    /// The digest of this session's transcript.
    pub fn digest(&self) -> String {
        named(self.hash())
    }

    /// Notes an operation; of the list so many are kept.
    pub(super) fn answered<'a>(
        &mut self,
        entry: Answered,
        recorded: impl FnOnce() -> &'a Identity,
        most: usize,
    ) {
        if entry.part == Part::Step {
            self.hash_of_operations.add(recorded().bytes());
        }
        self.operations.push(entry, most);
    }

    /// Notes a notification; of the list so many are kept.
    pub(super) fn delivered(
        &mut self,
        way: Way,
        entry: Delivered,
        recorded: &Identity,
        most: usize,
    ) {
        let hash = match way {
            Way::Bayeux => &mut self.hash_of_events,
            Way::Stream(number) => self.hashes_of_streams.entry(number).or_default(),
        };
        hash.add(recorded.bytes());
        self.notifications.push(entry, most);
    }

    /// How many bytes of notifications are kept.
    pub(super) fn data(&self) -> usize {
        self.notifications.bytes
    }

    /// Drops the oldest notification that is kept.
    pub(super) fn drop_oldest(&mut self) {
        self.notifications.drop_oldest();
    }

    /// Whether there is anything that counts in the digest.
    pub(super) fn tells_something(&self) -> bool {
        !self.hash_of_operations.is_empty() || self.notifications().total() > 0
    }

    /// The digest, for that of the whole.
    pub(super) fn hash(&self) -> blake3::Hash {
        let mut hash = blake3::Hasher::new();
        hash.update(self.hash_of_operations.digest().as_bytes());
        hash.update(self.hash_of_events.digest().as_bytes());
        for (number, stream) in &self.hashes_of_streams {
            add(&mut hash, number.to_string().as_bytes());
            hash.update(stream.digest().as_bytes());
        }
        hash.finalize()
    }
}

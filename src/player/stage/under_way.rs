//! What was read of notifications that are on their way to their clients. It is read from the files of the tapes,
//! so there is no more of it at one time than a client takes soon, however much is due.

use std::collections::BTreeMap;

use super::super::plan::Pushed;

/// How many bytes may be on their way in one lane when more is read for it: enough that a client which listens
/// never waits for the file, and little beside what it takes to have a client at all.
const MAX_BYTES: usize = 1024 * 1024;

/// What was read, and how much of it in each lane.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    read: BTreeMap<usize, Pushed<'static>>,
    bytes: BTreeMap<usize, usize>,
}

impl UnderWay {
    /// Whether more may be read for this lane. One that nothing is on its way in always has room, since a single
    /// notification may be longer than all that.
    pub(super) fn has_room(&self, lane: usize) -> bool {
        self.bytes.get(&lane).is_none_or(|bytes| *bytes < MAX_BYTES)
    }

    /// A notification of this lane was read and is on its way.
    pub(super) fn add(&mut self, lane: usize, notification: usize, read: Pushed<'static>) {
        let length = read.saying.message.len();
        if let Some(before) = self.read.insert(notification, read) {
            self.subtract(lane, before.saying.message.len());
        }
        *self.bytes.entry(lane).or_default() += length;
    }

    /// A notification of this lane is on its way no more: what was read of it, if it was.
    pub(super) fn take(&mut self, lane: usize, notification: usize) -> Option<Pushed<'static>> {
        let read = self.read.remove(&notification)?;
        self.subtract(lane, read.saying.message.len());
        Some(read)
    }

    fn subtract(&mut self, lane: usize, length: usize) {
        if let Some(bytes) = self.bytes.get_mut(&lane) {
            *bytes = bytes.saturating_sub(length);
            if *bytes == 0 {
                self.bytes.remove(&lane);
            }
        }
    }
}

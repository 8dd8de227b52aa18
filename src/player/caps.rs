//! How much a replay holds for its clients, at most. It holds choices and decides nothing.

use crate::journal::DEFAULT_MAX_ENTRIES;

/// The most copies of a conversation at a time unless the user chooses: more tests than any machine runs
/// in parallel, and an end to what a client that keeps no cookies can start.
const MAX_COPIES: usize = 1_000;

/// The most content of a live request that is read unless the user chooses: as much as any sample or
/// message may have, and little enough to hold in memory.
pub const DEFAULT_MAX_CONTENT: usize = 64 * 1024 * 1024;

/// How much a replay holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    /// How many bytes the content of a live request may have. It is held until it is answered.
    pub content: usize,
    /// How many sessions there may be in all copies of the conversation together; there is always one
    /// copy, and `None` stands for 1,000 copies.
    pub sessions: Option<usize>,
    /// How many entries each list of the journal keeps.
    pub journal: usize,
}

impl Default for Caps {
    fn default() -> Self {
        Caps {
            content: DEFAULT_MAX_CONTENT,
            sessions: None,
            journal: DEFAULT_MAX_ENTRIES,
        }
    }
}

impl Caps {
    /// How many copies there may be of a conversation that has so many sessions.
    pub(super) fn copies(&self, sessions: usize) -> usize {
        match self.sessions {
            Some(most) => (most / sessions.max(1)).max(1),
            None => MAX_COPIES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_copies_as_the_sessions_allow_and_always_one() {
        let copies = |most, sessions| {
            let caps = Caps {
                sessions: most,
                ..Caps::default()
            };
            caps.copies(sessions)
        };
        assert_eq!(copies(None, 7), MAX_COPIES);
        assert_eq!(copies(Some(6), 2), 3);
        assert_eq!(copies(Some(7), 2), 3);
        assert_eq!(copies(Some(1), 2), 1);
        assert_eq!(copies(Some(5), 0), 5);
    }
}

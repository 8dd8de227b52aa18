//! One recording: a header, events in order, and a trailer that seals them.
//!
//! (to be written: wire form, recovery, layouts)

use std::path::Path;

use crate::exchange::{Contract, Notification, Operation};

/// One recording, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// What it is and where it came from.
    pub header: Header,
    /// What happened, in order.
    pub events: Vec<Event>,
}

/// What a tape says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// A title for people.
    pub title: String,
    /// Where it came from: a page's file name, an upstream's URL.
    pub source: String,
    /// The wall-clock time of its start (RFC 3339), where it was captured live.
    pub started: Option<String>,
    /// The path of the Bayeux endpoint whose notifications it holds: `/api/v2/notifications`.
    pub endpoint: Option<String>,
}

/// One entry of a tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The rules that a page states for an operation.
    Contract(Contract),
    /// A request and its response.
    Operation(Operation),
    /// A message that the service pushed.
    Notification(Notification),
}

/// How the objects of a tape are laid out. Both layouts read the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One object a line, as capture writes them.
    Lines,
    /// Laid out over many lines, as people review them.
    Pretty,
}

/// A tape as it was found, with what its reader should know of its state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The tape.
    pub tape: Tape,
    /// What was found beside it.
    pub notices: Vec<Notice>,
}

/// Something about a tape that can be read, and is not quite as it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The last object was torn, and dropped: so many bytes.
    Torn {
        /// How many bytes were dropped.
        bytes: usize,
    },
    /// There is no trailer: the recording was not closed.
    Unclosed,
    /// The trailer does not match the events: somebody edited them.
    Edited,
}

/// Why a tape cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// (to be written)
    #[error("cannot read")]
    Unwritten,
}

impl Tape {
    /// Reads a tape from a file.
    pub fn load(_path: &Path) -> Result<Loaded, TapeError> {
        Err(TapeError::Unwritten)
    }

    /// Reads a tape from its text, in either layout.
    pub fn read(_bytes: &[u8]) -> Result<Loaded, TapeError> {
        Err(TapeError::Unwritten)
    }

    /// The tape's text, sealed with its trailer.
    pub fn write(&self, _layout: Layout) -> String {
        String::new()
    }
}

//! What is known of an operation without looking at it.

use crate::exchange::credentials::Credential;
use crate::exchange::{Form, Micros, OperationId, Stream};

use crate::tape::reel::Spot;

/// The methods that change nothing, of those that clients call (RFC 9110 §9.2.1).
const SAFE_METHODS: &[&str] = &["GET", "HEAD", "OPTIONS"];

/// What is known of an operation without looking at it: see [`super::Plan::recorded`].
#[derive(Debug)]
pub(in crate::player) struct Planned {
    pub(in crate::player) id: OperationId,
    pub(in crate::player) at: Micros,
    pub(in crate::player) answered: Micros,
    /// Where it stands in its file.
    pub(super) spot: Spot,
    // There are many of these: what is never large is small, and what few have stands elsewhere.
    /// The number of its file on the shelf.
    pub(super) file: u32,
    pub(super) session: u32,
    pub(super) lane: u32,
    /// How many operations of its lane that change something come before it.
    pub(super) epoch: u32,
    pub(in crate::player) times: Times,
    pub(in crate::player) travels: Travels,
}

/// How an operation travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::player) enum Travels {
    Exchange,
    Opens(Stream),
    Message,
}

impl Travels {
    pub(super) fn of(form: Form) -> Travels {
        match form {
            Form::Exchange => Travels::Exchange,
            Form::Opens(stream) => Travels::Opens(stream),
            Form::Message(_) => Travels::Message,
        }
    }

    /// What it opens, if it opens anything.
    pub(in crate::player) fn opens(self) -> Option<Stream> {
        match self {
            Travels::Opens(stream) => Some(stream),
            Travels::Exchange | Travels::Message => None,
        }
    }
}

/// A number that is kept in little room. There are no more operations than these can tell: each takes some bytes
/// of a tape.
pub(in crate::player) fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

pub(in crate::player) fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Planned {
    /// Its session.
    pub(in crate::player) fn session(&self) -> usize {
        wide(self.session)
    }

    /// Its lane.
    pub(in crate::player) fn lane(&self) -> usize {
        wide(self.lane)
    }

    /// How many operations of its lane that change something come before it.
    pub(in crate::player) fn epoch(&self) -> usize {
        wide(self.epoch)
    }
}

/// How often an operation may come, for each time that it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::player) enum Times {
    /// It changes something: exactly as often.
    #[default]
    Exactly,
    /// It gives a client its credentials: a client that comes back logs in again.
    AtLeast,
    /// It opens a stream: a client that lost it opens it again.
    Stream,
    /// It only reads: as often as one likes, or never.
    Any,
}

impl Times {
    /// How often an exchange may come, as far as it tells itself: a read is what has a safe method (RFC 9110
    /// §9.2.1).
    pub(super) fn of(method: &str, given: &[Credential]) -> Times {
        if SAFE_METHODS.contains(&method) {
            Times::Any
        } else if !given.is_empty() {
            Times::AtLeast
        } else {
            Times::Exactly
        }
    }

    /// Whether an operation that may come so often changes something that reads tell of.
    pub(in crate::player) fn is_change(self) -> bool {
        match self {
            Times::Exactly | Times::AtLeast => true,
            Times::Stream | Times::Any => false,
        }
    }
}

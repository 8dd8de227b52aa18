//! How a recording is made: what the user may choose. It holds choices and decides nothing.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use crate::exchange::{Micros, SessionBy};
use crate::tape::redaction::Redactor;
use crate::tape::{Existing, Packing};

use super::capture::DEFAULT_MAX_HELD;
use super::failure::Failure;
use super::filter::Filter;
use super::pattern::PathPattern;
use super::rotation::Rotation;
use super::understanding::DEFAULT_MAX_SESSIONS;

/// How many bytes of a body are kept unless the user chooses: enough for what a service says and for
/// most of a site's own files, and little enough that writing it as text needs no more than some
/// twenty megabytes for a moment.
pub const DEFAULT_MAX_BODY: usize = 2 * 1024 * 1024;

/// The choices.
#[derive(Debug)]
pub struct Settings {
    /// When an operation counts as written.
    pub durability: Durability,
    /// How many bytes of a body the tape keeps.
    pub max_body: usize,
    /// How many bytes of all bodies under way are kept until they are understood.
    pub max_held: usize,
    /// How many clients are told apart at a time. Beyond it the one that was silent the longest is
    /// forgotten, and a new session when it comes back.
    pub max_sessions: usize,
    /// What becomes of a tape that is there already.
    pub existing: Existing,
    /// Which operations are kept.
    pub filter: Filter,
    /// What tells clients apart, where the user chose.
    pub session_by: Option<SessionBy>,
    /// The paths whose responses are lines of JSON, whatever type they have, if their length is not known.
    pub lines: Vec<PathPattern>,
    /// How the tape's text stands in its files.
    pub packing: Packing,
    /// When the recording turns to another segment, and what it keeps.
    pub rotation: Rotation,
    /// What replaces secrets before they are written; `None` where nothing does.
    pub redactor: Option<Redactor>,
    /// The time since the start.
    pub clock: Clock,
    /// What happens when recording fails.
    pub failure: Failure,
    /// Who is told of each event as it is recorded.
    pub heard: Option<Heard>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            durability: Durability::default(),
            max_body: DEFAULT_MAX_BODY,
            max_held: DEFAULT_MAX_HELD,
            max_sessions: DEFAULT_MAX_SESSIONS,
            existing: Existing::default(),
            filter: Filter::default(),
            session_by: None,
            lines: Vec::new(),
            packing: Packing::default(),
            rotation: Rotation::default(),
            redactor: None,
            clock: Clock::starting_now(),
            failure: Failure::default(),
            heard: None,
        }
    }
}

/// What an operation that a client saw completed survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Written soon after: it may be lost where the recorder is killed.
    Relaxed,
    /// In the file before the client has the last byte: it survives the recorder's end, however
    /// sudden, but not a power cut.
    #[default]
    Written,
    /// On the disk before the client has the last byte: it survives a power cut too.
    Synced,
}

/// A text that names no durability.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no durability: expected relaxed, written or synced")]
pub struct DurabilityError(String);

impl FromStr for Durability {
    type Err = DurabilityError;

    fn from_str(text: &str) -> Result<Self, DurabilityError> {
        match text {
            "relaxed" => Ok(Durability::Relaxed),
            "written" => Ok(Durability::Written),
            "synced" => Ok(Durability::Synced),
            _ => Err(DurabilityError(text.to_owned())),
        }
    }
}

/// What tells the time since the recording began.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Micros + Send + Sync>);

impl Clock {
    /// A clock that this function is.
    pub fn new(now: impl Fn() -> Micros + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// A clock that begins now, and is never set back.
    pub fn starting_now() -> Clock {
        let start = Instant::now();
        Clock::new(move || Micros(u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)))
    }

    /// The same clock, set forward by `span`.
    pub(super) fn after(&self, span: Micros) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now().after(span))
    }

    /// The time.
    pub fn now(&self) -> Micros {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Somebody who is told of each event, as one line of JSON without its end, once it is in the file.
/// Called in the writer's thread, which waits for it.
pub struct Heard(pub Box<dyn FnMut(&str) + Send>);

impl fmt::Debug for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Heard")
    }
}

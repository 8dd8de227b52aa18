//! What is settled before anything passes.
//!
//! What is learned while it passes is the business of [`super::Understanding`].

use crate::exchange::{Session, SessionBy};

/// How many clients are remembered unless the user chooses; whoever was silent the longest is forgotten.
pub const DEFAULT_MAX_SESSIONS: usize = 16_384;

/// What is settled before the first observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What tells clients apart; where a request lacks it, what is learned from the traffic does.
    pub session_by: Option<SessionBy>,
    /// How many clients are remembered.
    pub max_sessions: usize,
    /// The highest number on the tape that is gone on with; 0 for a new tape. Operations and
    /// notifications are numbered from the next one, in one sequence.
    pub last_number: u64,
    /// The sessions of that tape.
    pub sessions: Vec<Session>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            session_by: None,
            max_sessions: DEFAULT_MAX_SESSIONS,
            last_number: 0,
            sessions: Vec::new(),
        }
    }
}

//! What is settled before anything passes.
//!
//! What is learned while it passes is the business of [`super::Understanding`].

use crate::exchange::{Session, SessionBy};

/// What is settled before the first observation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// What tells clients apart; where a request lacks it, what is learned from the traffic does.
    pub session_by: Option<SessionBy>,
    /// The highest number on the tape that is gone on with; 0 for a new tape. Operations and
    /// notifications are numbered from the next one, in one sequence.
    pub last_number: u64,
    /// The sessions of that tape.
    pub sessions: Vec<Session>,
}

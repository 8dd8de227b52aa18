//! What is settled before anything passes.
//!
//! What is learned while it passes is the business of [`super::Understanding`].

use std::str::FromStr;

use crate::exchange::Session;

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

/// What a user chose to tell clients apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionBy {
    /// The value of the cookie of this name.
    Cookie(String),
    /// The value of the header field of this name.
    Header(String),
    /// The value of the field of this name in the content, JSON or a form.
    Field(String),
}

/// A text that says not by what clients are told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of cookie:NAME, header:NAME and field:NAME")]
pub struct NoSessionBy(String);

impl FromStr for SessionBy {
    type Err = NoSessionBy;

    fn from_str(text: &str) -> Result<Self, NoSessionBy> {
        let (kind, name) = text.split_once(':').unwrap_or_default();
        match (kind, name.trim()) {
            (_, "") => Err(NoSessionBy(text.to_owned())),
            ("cookie", name) => Ok(SessionBy::Cookie(name.to_owned())),
            ("header", name) => Ok(SessionBy::Header(name.to_owned())),
            ("field", name) => Ok(SessionBy::Field(name.to_owned())),
            _ => Err(NoSessionBy(text.to_owned())),
        }
    }
}

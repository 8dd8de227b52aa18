//! How a replay behaves, where its user has a say.

use std::time::Duration;

use crate::bayeux;
use crate::exchange::{Micros, Request, SessionBy};
use crate::matcher::{self, Field, Rules};

use super::caps::Caps;
use super::pace::Pace;

/// How a replay behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How recorded gaps become real time.
    pub pace: Pace,
    /// What answers an operation that comes more often than it was recorded.
    pub on_exhausted: OnExhausted,
    /// What becomes of requests that the tapes do not answer.
    pub misses: Misses,
    /// What becomes of a client beyond the tape.
    pub spare: Spare,
    /// Whether a request may differ in what nobody ever sees again.
    pub strictness: Strictness,
    /// When a session that nobody plays goes on by itself.
    pub absence: Absence,
    /// What is expected of clients that had lost a stream when they were recorded.
    pub reconnections: Reconnections,
    /// How long nothing may pass on a stream.
    pub heartbeat: Heartbeat,
    /// How much is held for clients.
    pub caps: Caps,
    /// The times of the Bayeux protocol.
    pub bayeux: bayeux::Settings,
}

/// How the requests of tapes and of live clients are read.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// How a live request is compared with a recorded one.
    pub rules: Rules,
    /// What tells clients apart, before anything that the tapes tell of them.
    pub session_by: Option<SessionBy>,
    /// What becomes of the times inside bodies.
    pub present: Present,
}

/// When a conversation seems to take place, by the times that stand in its bodies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Present {
    /// When it was recorded.
    #[default]
    Recorded,
    /// It begins at this time, in seconds since 1970.
    At(i64),
}

impl Reading {
    /// The value by which a request names its client.
    pub(super) fn client(&self, request: &Request) -> Option<String> {
        let field = |name: &str| {
            let fields = matcher::of_content(&request.headers, request.body.bytes());
            let named = |field: &Field| field.pointer.rsplit('/').next() == Some(name);
            fields.into_iter().find(named).map(|field| field.text)
        };
        self.session_by.as_ref()?.value(&request.headers, field)
    }
}

/// What becomes of an operation that no recorded one answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Misses {
    /// It is refused.
    #[default]
    Refused,
    /// It is sent on to a real service, and counted apart.
    Forwarded,
}

/// What becomes of a live client for whom no session is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spare {
    /// It is refused.
    #[default]
    Refuse,
    /// It gets a fresh copy of the whole conversation.
    Fork,
}

/// Whether a value that a client chose, and that never comes again on the tape, may differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strictness {
    /// Only by a rule, or where the tape shows that it differs each time.
    #[default]
    Strict,
    /// It may.
    Lenient,
}

/// How long nothing may pass on a stream before something that means nothing does, so that nobody takes
/// the connection for dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat(pub Duration);

impl Default for Heartbeat {
    /// The standard's own advice (WHATWG HTML §9.2.7), and less than proxies wait.
    fn default() -> Self {
        Heartbeat(Duration::from_secs(15))
    }
}

/// Whether clients that opened a stream again because they had lost it must do so in a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reconnections {
    /// Only if they lose it there too: a connection that holds goes on with what came on the next.
    #[default]
    WhereLost,
    /// As on the tape.
    AsRecorded,
}

/// What answers an operation that comes more often than it was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnExhausted {
    /// It is refused.
    #[default]
    Refuse,
    /// Its last recorded answer, without notifications.
    Last,
    /// Its recorded answers from the first on, each with its notifications.
    Loop,
}

/// When a session that no live client has claimed counts as absent, so that its operations happen
/// by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Never: the conversation waits for every client.
    Never,
    /// When a live client listens, and then for so long no client has come and nothing happened.
    After(Micros),
}

impl Default for Absence {
    /// Two seconds: longer than the clients of one test take to start one after the other, and
    /// shorter than a test waits.
    fn default() -> Self {
        Absence::After(Micros(2_000_000))
    }
}

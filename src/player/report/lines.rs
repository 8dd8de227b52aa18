//! The lines of a report: what each kind of them says, to programs and to people.
//!
//! Which of them there are, the report says.

use std::fmt;

use serde::Serialize;

use crate::journal::{self, Bounded, Remark};
use crate::player::plan::{By, Right};
use crate::player::stage::Stage;
use crate::player::stage::progress::{Called, Pending, Waits};
use crate::player::standin::{Instead, Taken, Why};

/// How many lines of each kind a report lists; the counts are of all.
const MAX_LISTED: usize = 1_000;

/// How many lines of each kind a person gets to read at the end.
const MAX_SAID: usize = 10;

/// A list that may be longer than what is shown of it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Counted<T> {
    pub(super) total: usize,
    list: Vec<T>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Uncalled {
    operation: u64,
    session: String,
    method: String,
    target: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Unheard {
    notification: u64,
    session: String,
    channel: String,
    waits_for: WaitsFor,
}

/// What a notification waits for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WaitsFor {
    /// These operations, each until it is answered or, where the tape says so, received.
    Operations(Vec<Awaited>),
    /// The notification before it.
    Predecessor,
    /// A first client of its session.
    Session,
    /// So many more microseconds.
    Time(u64),
    /// A client of its session that has subscribed to its channel and polls.
    Client,
    /// A client of its session that polls.
    Poll,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Awaited {
    until: &'static str,
    #[serde(flatten)]
    operation: Uncalled,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Miss {
    method: String,
    target: String,
    reason: String,
}

/// A place at which somebody has blotted out what stood there.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Placeholder {
    session: String,
    place: String,
    /// What stands there on the tape; nothing where it is a value that several sessions got.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    instead: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Said {
    operation: u64,
    session: String,
    what: String,
}

impl<T> Counted<T> {
    pub(super) fn of(entries: impl Iterator<Item = T>) -> Self {
        let mut counted = Counted {
            total: 0,
            list: Vec::new(),
        };
        for entry in entries {
            counted.total += 1;
            if counted.list.len() < MAX_LISTED {
                counted.list.push(entry);
            }
        }
        counted
    }

    /// Writes a heading and the first entries, each on a line; nothing where there is none.
    pub(super) fn say(
        &self,
        f: &mut fmt::Formatter<'_>,
        heading: &str,
        entry: fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
    ) -> fmt::Result {
        if self.total == 0 {
            return Ok(());
        }
        write!(f, "\n{heading} ({}):", self.total)?;
        for one in self.list.iter().take(MAX_SAID) {
            f.write_str("\n  ")?;
            entry(f, one)?;
        }
        let more = self.total.saturating_sub(MAX_SAID);
        if more > 0 {
            write!(f, "\n  and {more} more")?;
        }
        Ok(())
    }
}

impl Counted<Uncalled> {
    pub(super) fn uncalled(stage: &Stage) -> Self {
        // What is not listed is not looked at.
        let listed = stage.uncalled().take(MAX_LISTED);
        let called = listed.filter_map(|place| stage.called(place, By::Answered));
        Counted {
            total: stage.uncalled().count(),
            list: called.map(|called| Uncalled::of(&called)).collect(),
        }
    }
}

impl Counted<Miss> {
    pub(super) fn missed(misses: &Bounded<journal::Miss>) -> Self {
        let list = misses.kept().map(|miss| Miss {
            method: miss.method.clone(),
            target: miss.target.clone(),
            reason: miss.reason.clone(),
        });
        Counted {
            total: misses.total(),
            list: list.collect(),
        }
    }
}

impl Counted<Said> {
    pub(super) fn said(remarks: &Bounded<Remark>) -> Self {
        let list = remarks.kept().map(|remark| Said {
            operation: remark.operation.0,
            session: remark.session.to_string(),
            what: remark.what.clone().into_owned(),
        });
        Counted {
            total: remarks.total(),
            list: list.collect(),
        }
    }
}

impl Said {
    pub(super) fn say(f: &mut fmt::Formatter<'_>, said: &Self) -> fmt::Result {
        let Said {
            operation,
            session,
            what,
        } = said;
        write!(f, "operation {operation} of {session} {what}")
    }
}

impl Uncalled {
    pub(super) fn of(called: &Called<'_>) -> Self {
        Uncalled {
            operation: called.operation.0,
            session: called.session.to_string(),
            method: called.method.clone(),
            target: called.target.clone(),
        }
    }
}

impl fmt::Display for Uncalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Uncalled {
            operation,
            session,
            method,
            target,
        } = self;
        write!(f, "{operation} of {session}, {method} {target}")
    }
}

impl Unheard {
    pub(super) fn of(pending: Pending<'_>) -> Self {
        Unheard {
            notification: pending.notification.0,
            session: pending.session.to_string(),
            channel: pending.channel.to_owned(),
            waits_for: match pending.waits {
                Waits::Operations(called) => {
                    WaitsFor::Operations(called.iter().map(Awaited::of).collect())
                }
                Waits::Predecessor => WaitsFor::Predecessor,
                Waits::Begin => WaitsFor::Session,
                Waits::Time(span) => WaitsFor::Time(span.0),
                Waits::Client(Right::Subscription) => WaitsFor::Client,
                Waits::Client(Right::None) => WaitsFor::Poll,
            },
        }
    }

    pub(super) fn say(f: &mut fmt::Formatter<'_>, unheard: &Self) -> fmt::Result {
        let Unheard {
            notification,
            session,
            channel,
            waits_for,
        } = unheard;
        write!(
            f,
            "notification {notification} of {session} on {channel}: {waits_for}"
        )
    }
}

impl Miss {
    pub(super) fn say(f: &mut fmt::Formatter<'_>, miss: &Self) -> fmt::Result {
        f.write_str(&miss.reason)
    }
}

impl Placeholder {
    pub(super) fn of(taken: &Taken) -> Self {
        Placeholder {
            session: taken.session.to_string(),
            place: taken.place.clone(),
            text: match &taken.why {
                Why::Looks(text) => Some(text.clone()),
                Why::Shared => None,
            },
            instead: match taken.instead {
                Instead::StandIn => "a value of the session's own",
                Instead::Anything => "any value",
            },
        }
    }

    pub(super) fn say(f: &mut fmt::Formatter<'_>, one: &Placeholder) -> fmt::Result {
        write!(f, "{} of {}: ", one.place, one.session)?;
        match &one.text {
            Some(text) => write!(f, "{text:?}")?,
            None => f.write_str("the same for several sessions")?,
        }
        write!(f, "; instead of it {}", one.instead)
    }
}

impl Awaited {
    pub(super) fn of(called: &Called<'_>) -> Self {
        Awaited {
            until: match called.by {
                By::Received => "received",
                By::Answered => "answered",
            },
            operation: Uncalled::of(called),
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitsFor::Operations(awaited) => {
                f.write_str("waits for ")?;
                for (place, one) in awaited.iter().enumerate() {
                    let joint = if place > 0 { "; and for " } else { "" };
                    write!(f, "{joint}operation {} to be {}", one.operation, one.until)?;
                }
                Ok(())
            }
            WaitsFor::Predecessor => f.write_str("waits for the one before it"),
            WaitsFor::Session => f.write_str("waits for its session's client"),
            WaitsFor::Time(span) => write!(f, "waits for {span} µs more"),
            WaitsFor::Client => f.write_str("waits for a client that subscribes to it and polls"),
            WaitsFor::Poll => f.write_str("waits for a client that polls"),
        }
    }
}

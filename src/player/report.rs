//! What a run has come to: what was played, what was not and what that waits for, and whatever was
//! not as recorded.

use std::fmt;

use serde::Serialize;

use crate::exchange::Micros;
use crate::journal::{self, Bounded, Remark};
use crate::tape::Gaps;

use super::copies::Copies;
use super::plan::By;
use super::stage::Stage;
use super::stage::progress::{Called, Pending, Waits};
use super::standin::{Instead, Taken, Why};

/// How many lines of each kind a report lists; the counts are of all.
const MAX_LISTED: usize = 1_000;

/// How many lines of each kind a person gets to read at the end.
const MAX_SAID: usize = 10;

/// A run so far. As JSON it is the document of `/__admin/report`.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    run: u64,
    /// Everything was played, and nothing was asked for that is not on the tape.
    clean: bool,
    digest: String,
    played: Played,
    unplayed: Unplayed,
    misses: Counted<Miss>,
    /// Requests that no recorded operation answered, and that went on to the service.
    forwarded: Counted<Miss>,
    repeats: Counted<Said>,
    tolerances: Counted<Said>,
    /// Values that clients chose themselves, and that took the recorded ones' places.
    chosen: Counted<Said>,
    /// What the tapes themselves lack; it says nothing of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    gaps: Option<Gaps>,
    /// Where clients had other secrets than stand on the tape; not which.
    secrets: Counted<Said>,
    /// Places of the tape that were taken for placeholders.
    placeholders: Counted<Placeholder>,
    /// The further copies of the conversation, of spare sessions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    copies: Vec<Report>,
}

/// What cannot go on and why. As JSON it is the document of `/__admin/pending`.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting<'a> {
    run: u64,
    notifications: &'a Counted<Unheard>,
}

#[derive(Clone, Debug, Serialize)]
struct Played {
    operations: usize,
    by_themselves: usize,
    notifications: usize,
}

#[derive(Clone, Debug, Serialize)]
struct Unplayed {
    operations: Counted<Uncalled>,
    notifications: Counted<Unheard>,
}

/// A list that may be longer than what is shown of it.
#[derive(Clone, Debug, Serialize)]
struct Counted<T> {
    total: usize,
    list: Vec<T>,
}

#[derive(Clone, Debug, Serialize)]
struct Uncalled {
    operation: u64,
    session: String,
    method: String,
    target: String,
}

#[derive(Clone, Debug, Serialize)]
struct Unheard {
    notification: u64,
    session: String,
    channel: String,
    waits_for: WaitsFor,
}

/// What a notification waits for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum WaitsFor {
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
}

#[derive(Clone, Debug, Serialize)]
struct Awaited {
    until: &'static str,
    #[serde(flatten)]
    operation: Uncalled,
}

#[derive(Clone, Debug, Serialize)]
struct Miss {
    method: String,
    target: String,
    reason: String,
}

/// A place at which somebody has blotted out what stood there.
#[derive(Clone, Debug, Serialize)]
struct Placeholder {
    session: String,
    place: String,
    /// What stands there on the tape; nothing where it is a value that several sessions got.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    instead: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Said {
    operation: u64,
    session: String,
    what: String,
}

impl Report {
    pub(super) fn of(copies: &Copies, run: u64, now: Micros) -> Report {
        let of_one = |stage: &Stage| Report::of_one(stage, run, now);
        let gaps = copies.first().plan().gaps;
        Report {
            gaps: (!gaps.is_empty()).then_some(gaps),
            copies: copies.others().map(of_one).collect(),
            ..of_one(copies.first())
        }
    }

    fn of_one(stage: &Stage, run: u64, now: Micros) -> Report {
        let (journal, played) = (stage.journal(), stage.played());
        let taken = stage.taken_for_placeholders();
        let unplayed = Unplayed {
            operations: Counted::uncalled(stage),
            notifications: Counted::of(stage.pending(now).map(Unheard::of)),
        };
        Report {
            run,
            clean: journal.misses().total() == 0
                && journal.sent_on().total() == 0
                && unplayed.is_empty(),
            digest: journal.digest(),
            played: Played {
                operations: played.operations,
                by_themselves: played.by_themselves,
                notifications: played.notifications,
            },
            unplayed,
            misses: Counted::missed(journal.misses()),
            forwarded: Counted::missed(journal.sent_on()),
            repeats: Counted::said(journal.repeats()),
            tolerances: Counted::said(journal.tolerances()),
            chosen: Counted::said(journal.chosen()),
            gaps: None,
            secrets: Counted::said(journal.secrets()),
            placeholders: Counted::of(taken.iter().map(Placeholder::of)),
            copies: Vec::new(),
        }
    }

    /// Whether everything was played as recorded, and nothing else was asked for.
    pub fn is_clean(&self) -> bool {
        self.clean && self.copies.iter().all(Report::is_clean)
    }

    /// The digest of what the first copy of the conversation exchanged.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether nothing was asked for that the tape does not answer.
    pub fn has_no_misses(&self) -> bool {
        self.misses.total == 0 && self.copies.iter().all(Report::has_no_misses)
    }

    /// The report of this copy of the conversation, from 1.
    pub(super) fn copy(&self, number: usize) -> Option<&Report> {
        match number.checked_sub(2) {
            None => (number == 1).then_some(self),
            Some(place) => self.copies.get(place),
        }
    }

    /// What waits for what.
    pub fn waiting(&self) -> Waiting<'_> {
        Waiting {
            run: self.run,
            notifications: &self.unplayed.notifications,
        }
    }
}

/// The report as people read it when a replay ends.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Played {
            operations,
            by_themselves,
            notifications,
        } = &self.played;
        write!(
            f,
            "played {operations} operations and {notifications} notifications"
        )?;
        if *by_themselves > 0 {
            write!(f, ", and {by_themselves} operations of absent sessions")?;
        }
        self.unplayed
            .operations
            .say(f, "not called", |f, called| write!(f, "operation {called}"))?;
        self.unplayed
            .notifications
            .say(f, "not heard", |f, unheard| {
                write!(
                    f,
                    "notification {} of {} on {}: {}",
                    unheard.notification, unheard.session, unheard.channel, unheard.waits_for
                )
            })?;
        self.misses
            .say(f, "missed", |f, miss| f.write_str(&miss.reason))?;
        self.forwarded
            .say(f, "forwarded", |f, miss| f.write_str(&miss.reason))?;
        self.repeats.say(f, "repeated", Said::say)?;
        self.tolerances.say(f, "tolerated", Said::say)?;
        self.chosen.say(f, "chosen by clients", Said::say)?;
        if let Some(gaps) = &self.gaps {
            write!(f, "\nincomplete: {gaps}")?;
        }
        self.secrets.say(f, "secrets of clients", Said::say)?;
        self.placeholders
            .say(f, "taken for placeholders", Placeholder::say)?;
        write!(f, "\ntranscript {}", self.digest)?;
        for (place, copy) in self.copies.iter().enumerate() {
            write!(f, "\ncopy {}: {copy}", place + 2)?;
        }
        Ok(())
    }
}

impl Unplayed {
    fn is_empty(&self) -> bool {
        self.operations.total == 0 && self.notifications.total == 0
    }
}

impl<T> Counted<T> {
    fn of(entries: impl Iterator<Item = T>) -> Self {
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
    fn say(
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
    fn uncalled(stage: &Stage) -> Self {
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
    fn missed(misses: &Bounded<journal::Miss>) -> Self {
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
    fn said(remarks: &Bounded<Remark>) -> Self {
        let list = remarks.kept().map(|remark| Said {
            operation: remark.operation.0,
            session: remark.session.to_string(),
            what: remark.what.clone(),
        });
        Counted {
            total: remarks.total(),
            list: list.collect(),
        }
    }
}

impl Said {
    fn say(f: &mut fmt::Formatter<'_>, said: &Self) -> fmt::Result {
        let Said {
            operation,
            session,
            what,
        } = said;
        write!(f, "operation {operation} of {session} {what}")
    }
}

impl Uncalled {
    fn of(called: &Called<'_>) -> Self {
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
    fn of(pending: Pending<'_>) -> Self {
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
                Waits::Client => WaitsFor::Client,
            },
        }
    }
}

impl Placeholder {
    fn of(taken: &Taken) -> Self {
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

    fn say(f: &mut fmt::Formatter<'_>, one: &Placeholder) -> fmt::Result {
        write!(f, "{} of {}: ", one.place, one.session)?;
        match &one.text {
            Some(text) => write!(f, "{text:?}")?,
            None => f.write_str("the same for several sessions")?,
        }
        write!(f, "; instead of it {}", one.instead)
    }
}

impl Awaited {
    fn of(called: &Called<'_>) -> Self {
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
        }
    }
}

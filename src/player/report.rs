//! What a run has come to: what was played, what was not and what that waits for, and whatever was
//! not as recorded.

mod lines;

use std::fmt;

use serde::Serialize;

use crate::exchange::Micros;
use crate::tape::Gaps;

use super::copies::Copies;
use super::stage::Stage;
use lines::{Counted, Miss, Placeholder, Said, Uncalled, Unheard};

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
            .say(f, "not heard", Unheard::say)?;
        self.misses.say(f, "missed", Miss::say)?;
        self.forwarded.say(f, "forwarded", Miss::say)?;
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

//! What a recording holds, and what it lacks: while it goes on, and in the end.

use std::fmt;

use crate::exchange::counted;
use crate::tape::Closed;

/// What was recorded so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Operations on the tape.
    pub operations: u64,
    /// Notifications on the tape.
    pub notifications: u64,
    /// Of these, the ones for which no cause was found.
    pub uncaused: u64,
    /// Sessions, each under its last name.
    pub sessions: usize,
    /// Bytes of content of the operations and notifications that are on the tape.
    pub bytes: u64,
    /// Bodies of which only the beginning was kept.
    pub cut: u64,
    /// Operations that the filter left out.
    pub left_out: u64,
    /// Requests that had no response: the client or the upstream went away before.
    pub unanswered: u64,
    /// Exchanges that have begun and are not over.
    pub under_way: u64,
    /// Bytes that wait for the writer.
    pub waiting: usize,
    /// Messages in which they wait.
    pub waiting_items: usize,
    /// Bytes of bodies under way that are kept until they are understood.
    pub held: usize,
    /// Bytes that the writer keeps, since the file takes nothing.
    pub unwritten: usize,
    /// Secrets that are known no more, since there were too many: they are replaced where their names
    /// stand, and not wherever else they come again.
    pub forgotten: u64,
    /// Events that could not be recorded and are lost.
    pub lost: u64,
    /// Messages of streams that could not be read. What follows such a one may be missing too.
    pub unread: u64,
    /// Exchanges that passed and found no room in the queue.
    pub dropped: u64,
    /// Bytes of what is lost or found no room.
    pub lost_bytes: u64,
    /// Events on the tape that the disk would not say that it kept.
    pub uncertain: u64,
    /// Gaps that the tape says that it has.
    pub gaps: u64,
    /// What was asked of the disk.
    pub disk: Disk,
    /// Segments that were left without a trailer, and that may lack what was written last.
    pub unsealed: u64,
    /// Messages about exchanges that came after the tape was closed.
    pub missed: u64,
    /// The last trouble with the file; it may be over.
    pub trouble: Option<String>,
}

/// What was asked of the disk, and how long it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Events that were written, of every kind.
    pub events: u64,
    /// Bytes that were written for them.
    pub bytes: u64,
    /// Writes that went well.
    pub writes: u64,
    /// How long writes took, in microseconds.
    pub write_micros: u64,
    /// Waits for the disk itself (fdatasync) that went well.
    pub syncs: u64,
    /// How long they took, in microseconds.
    pub sync_micros: u64,
    /// Writes and waits that failed.
    pub failures: u64,
}

/// What a recording came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What it holds.
    pub progress: Progress,
    /// How the tape was left; `None` where it could not be closed.
    pub closed: Option<Closed>,
}

impl Progress {
    /// How much is missing on the tape, as far as it was counted: what was lost, and what was not read.
    pub fn lacks(&self) -> u64 {
        self.lost.saturating_add(self.unread)
    }
}

impl Summary {
    /// Whether the tape holds all that passed and is sealed.
    pub fn is_whole(&self) -> bool {
        let progress = &self.progress;
        self.closed == Some(Closed::Sealed)
            && progress.lacks() == 0
            && progress.dropped == 0
            && progress.uncertain == 0
            && progress.unsealed == 0
            && progress.missed == 0
            && progress.under_way == 0
    }
}

impl fmt::Display for Summary {
    /// What it holds on one line, and what it lacks on lines of their own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let progress = &self.progress;
        let mut parts = vec![
            counted(progress.operations, "operation"),
            counted(progress.notifications, "notification"),
            counted(progress.sessions, "session"),
        ];
        let mut also = |number: u64, what: &str| {
            if number > 0 {
                parts.push(format!("{number} {what}"));
            }
        };
        also(progress.uncaused, "without a cause");
        also(progress.left_out, "left out by the filter");
        also(progress.cut, "cut to the limit for bodies");
        also(progress.unanswered, "without a response");
        also(progress.forgotten, "secrets known only by their names");
        f.write_str(&parts.join(", "))?;
        let mut missing = |number: u64, what: &str, why: &str| match number {
            0 => Ok(()),
            _ => write!(f, "\nmissing: {} {why}", counted(number, what)),
        };
        missing(progress.lost, "event", "that could not be recorded")?;
        missing(progress.unread, "message", "that could not be read")?;
        missing(
            progress.dropped,
            "exchange",
            "that passed while the disk was slower than the traffic",
        )?;
        missing(
            progress.unsealed,
            "segment",
            "left without a trailer, and perhaps the end of it",
        )?;
        missing(progress.under_way, "exchange", "still under way")?;
        missing(
            progress.missed,
            "message",
            "that came after the tape was closed",
        )?;
        if progress.uncertain > 0 {
            let events = counted(progress.uncertain, "event");
            write!(
                f,
                "\nuncertain: {events} that the disk would not say that it kept"
            )?;
        }
        if let Some(trouble) = &progress.trouble {
            write!(f, "\ntrouble: {trouble}")?;
        }
        match self.closed {
            Some(Closed::Sealed) if progress.gaps == 0 => Ok(()),
            Some(Closed::Sealed) => {
                let gaps = counted(progress.gaps, "gap");
                write!(f, "\nthe tape says what it lacks, in {gaps}")
            }
            Some(Closed::Unsealed) | None => {
                f.write_str("\nthe tape has no trailer, since it is not whole")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_is_there_and_what_is_missing() {
        let whole = Summary {
            progress: Progress {
                operations: 1,
                notifications: 20,
                uncaused: 3,
                sessions: 2,
                ..Progress::default()
            },
            closed: Some(Closed::Sealed),
        };
        assert!(whole.is_whole());
        assert_eq!(
            whole.to_string(),
            "1 operation, 20 notifications, 2 sessions, 3 without a cause"
        );
        let torn = Summary {
            progress: Progress {
                lost: 1,
                unread: 3,
                under_way: 2,
                trouble: Some("cannot write chat.tape: no space".into()),
                ..whole.progress
            },
            closed: Some(Closed::Unsealed),
        };
        assert!(!torn.is_whole());
        assert_eq!(
            torn.to_string(),
            "1 operation, 20 notifications, 2 sessions, 3 without a cause\n\
             missing: 1 event that could not be recorded\n\
             missing: 3 messages that could not be read\n\
             missing: 2 exchanges still under way\n\
             trouble: cannot write chat.tape: no space\n\
             the tape has no trailer, since it is not whole"
        );
    }
}

//! The writer and its file: batches are written, a file that takes nothing is tried again, and what is
//! lost is said on the tape as soon as that can be.
//!
//! What is written is decided in the writer; here is when, and what becomes of it if it fails.

use std::error::Error;
use std::io;
use std::time::Instant;

use crate::exchange::{Gap, Micros};
use crate::recorder::backlog::Over;
use crate::recorder::rotation::Look;
use crate::recorder::settings::{Durability, Heard};
use crate::recorder::summary::{Progress, Summary};
use crate::tape::{Event, Sealing};

use super::ahead::Ahead;
use super::{MAX_BATCH_BYTES, RETRY, Writer};

/// Whether the file takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum File {
    Well,
    /// It was last tried then.
    Failing(Instant),
}

/// Whether the segment that is written may be written on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Trusted,
    /// The disk would not say that it kept it, and another could not be begun so far.
    ToBeLeft,
}

impl Writer {
    /// Writes the batch, and tells those who wait for it.
    pub(super) fn store(&mut self) {
        if let Some(gap) = self.backlog.dropped(Over::No) {
            self.owe(gap);
        }
        if self.is_due() {
            match self.write() {
                Ok(()) => self.well(),
                Err(error) => self.failing(&error),
            }
        } else {
            self.bound();
        }
        self.progress.sessions = self.sessions.len();
        self.progress.unwritten = self.growing.waiting();
        self.backlog.reached(&self.progress);
        let (bytes, items) = std::mem::take(&mut self.taken);
        self.backlog.took(bytes, items);
        // Also where the disk failed: the traffic must go on, and the trouble was reported.
        self.backlog.dealt_upto(self.last);
        self.is_waited_for = false;
        if let Some(Heard(hear)) = &mut self.heard {
            for line in self.lines.drain(..) {
                hear(&line);
            }
        }
        self.backlog.dealt();
    }

    /// Notes why something is missing that cannot be told otherwise.
    pub(super) fn leave_out(&mut self, at: Micros, why: &str) {
        tracing::error!("{why}");
        self.progress.trouble = Some(why.to_owned());
        self.backlog.health().loses();
        self.owe(Gap {
            at,
            until: at,
            events: 1,
            why: why.to_owned(),
            ..Gap::default()
        });
    }

    /// Writes what waits, and closes the tape.
    pub(super) fn close(mut self) -> Summary {
        if let Some(gap) = self.backlog.dropped(Over::Yes) {
            self.owe(gap);
        }
        if let Err(error) = self.ahead.ended() {
            self.unsure(&error);
        }
        if let Err(error) = self.write() {
            self.failing(&error);
            // What is left of the disk may do for the word that something is missing, and the trailer.
            self.lose(&error.to_string());
        }
        let left = self.growing.events_waiting();
        let closed = match self.growing.close() {
            Ok(closed) => Some(closed),
            Err(error) => {
                let source = error.source().map(ToString::to_string);
                let trouble = match source {
                    Some(source) => format!("{error}: {source}"),
                    None => error.to_string(),
                };
                tracing::error!("{trouble}");
                // A gap that nobody will read is none.
                self.progress.gaps = self.progress.gaps.saturating_sub(left);
                self.progress.trouble = Some(trouble);
                None
            }
        };
        self.progress.unwritten = 0;
        self.backlog.reached(&self.progress);
        Summary {
            progress: self.backlog.progress(),
            closed,
        }
    }

    /// Whether the file is to be tried: one that fails not with each batch, where much waits for it.
    fn is_due(&self) -> bool {
        match self.file {
            File::Well => true,
            File::Failing(tried) => {
                self.growing.waiting() < MAX_BATCH_BYTES || tried.elapsed() >= RETRY
            }
        }
    }

    /// Whether it is time to go on in the next segment.
    pub(super) fn is_turn(&self) -> bool {
        self.file == File::Well && self.turning.is_time(&self.growing)
    }

    /// Goes on in the next segment.
    pub(super) fn turn(&mut self) {
        if let Err(error) = self.ahead.ended() {
            self.unsure(&error);
        }
        let unsynced = self.growing.unsynced();
        let troubles = match self.turning.look(&mut self.growing) {
            Look::Stays => return,
            Look::Turned { unsealed, kept } => {
                match &unsealed {
                    None => self.account.synced(),
                    Some(why) => {
                        self.progress.unsealed += 1;
                        self.uncertain(unsynced, why);
                    }
                }
                [kept, unsealed]
            }
            Look::Failed(trouble) => [Some(trouble), None],
        };
        for trouble in troubles.into_iter().flatten() {
            tracing::error!("{trouble}");
            self.progress.trouble = Some(trouble);
        }
        self.backlog.reached(&self.progress);
    }

    fn write(&mut self) -> io::Result<()> {
        if let Err(error) = self.ahead.answered() {
            self.unsure(&error);
        }
        if self.segment == Segment::ToBeLeft {
            let turned = self.growing.turn(Sealing::Uncertain);
            turned.map_err(io::Error::other)?;
            self.segment = Segment::Trusted;
        }
        self.flush()?;
        if self.durability != Durability::Synced {
            self.ahead.goes_on(&self.growing);
        } else if self.is_waited_for {
            let began = Instant::now();
            if let Err(error) = self.growing.sync() {
                self.unsure(&error);
                return self.flush();
            }
            self.account.synced();
            self.progress.disk.syncs += 1;
            self.progress.disk.sync_micros += micros(began);
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        let (events, bytes) = (self.growing.events_waiting(), self.growing.waiting());
        let began = Instant::now();
        self.growing.flush()?;
        if bytes > 0 {
            let disk = &mut self.progress.disk;
            disk.events += events;
            disk.bytes += bytes as u64;
            disk.writes += 1;
            disk.write_micros += micros(began);
            self.account.written();
            self.kept.clone_from(&self.progress);
        }
        Ok(())
    }

    fn well(&mut self) {
        if self.file != File::Well {
            self.file = File::Well;
            self.backlog.health().mended();
        }
    }

    fn failing(&mut self, error: &io::Error) {
        let trouble = format!("cannot write the tape: {error}");
        self.backlog.health().fails(&trouble);
        self.progress.trouble = Some(trouble);
        self.progress.disk.failures += 1;
        self.file = File::Failing(Instant::now());
        self.bound();
    }

    /// Gives up what waits for a file that takes nothing, where that is too much to keep.
    fn bound(&mut self) {
        if self.growing.waiting() > self.max_unwritten {
            let why = self.progress.trouble.clone().unwrap_or_default();
            self.lose(&why);
        }
    }

    /// All that waits is lost. What says so is the first to be written.
    fn lose(&mut self, why: &str) {
        let bytes = self.growing.waiting();
        let events = self.growing.give_up();
        let lost_bytes = bytes as u64;
        let gap = self.account.lost(events, bytes, why);
        let Progress {
            operations,
            notifications,
            uncaused,
            bytes,
            cut,
            gaps,
            ..
        } = self.kept;
        let lost = events.saturating_sub(self.progress.gaps.saturating_sub(gaps));
        (self.progress.operations, self.progress.notifications) = (operations, notifications);
        (self.progress.uncaused, self.progress.bytes) = (uncaused, bytes);
        (self.progress.cut, self.progress.gaps) = (cut, gaps);
        self.progress.lost += lost;
        self.progress.lost_bytes += lost_bytes;
        self.backlog.health().loses();
        self.owe(gap);
    }

    /// The disk will not say that it has what it was given. To ask it again would prove nothing, since
    /// the system may have dropped what it could not write; so the segment is left as it stands, and
    /// another one says what is uncertain.
    fn unsure(&mut self, error: &io::Error) {
        let unsynced = self.growing.unsynced();
        self.ahead = Ahead::default(); // of the next segment
        let mut trouble = format!("the disk does not keep the tape: {error}");
        match self.growing.turn(Sealing::Uncertain) {
            Ok(left) => {
                let left = left.path.display();
                tracing::error!(
                    "{trouble}; {left} is left as it is, with {unsynced} uncertain events"
                );
            }
            Err(turn) => {
                tracing::error!("{trouble}, with {unsynced} uncertain events; {turn}");
                trouble = format!("{trouble}; {turn}");
                self.segment = Segment::ToBeLeft;
            }
        }
        self.progress.disk.failures += 1;
        self.uncertain(unsynced, &trouble);
        self.progress.trouble = Some(trouble);
    }

    /// The tape is to say that so many events on it may not survive a power cut.
    fn uncertain(&mut self, events: u64, why: &str) {
        let gap = self.account.unsure(events, why);
        self.progress.uncertain += events;
        self.backlog.health().loses();
        self.owe(gap);
    }

    /// The tape is to say that it has a gap.
    fn owe(&mut self, gap: Gap) {
        if !gap.is_empty() {
            self.progress.gaps += 1;
            self.record(gap.at, Event::Gap(gap));
        }
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

//! Keeps account of what the tape will lack, for the gap that says so.
//!
//! It counts what waits to be written, so that it can say what is lost with it. When something is lost,
//! the writer decides.

use crate::exchange::{Gap, Micros};
use crate::tape::Event;

/// What waits for the file, and what stands in it without the disk's word.
#[derive(Debug, Default)]
pub(super) struct Account {
    waiting: Span,
    /// The gaps among what waits: lost, they make one with what is lost.
    gaps: Gap,
    /// How many events those are.
    gap_events: u64,
    /// What was written since the disk last gave its word.
    unsynced: Span,
}

/// The times of some events.
#[derive(Clone, Copy, Debug, Default)]
struct Span(Option<(Micros, Micros)>);

impl Account {
    /// An event waits now.
    pub(super) fn wait(&mut self, event: &Event) {
        if let Event::Gap(gap) = event {
            self.gaps.join(gap);
            self.gap_events += 1;
        }
        self.waiting.add(event);
    }

    /// All that waited is written.
    pub(super) fn written(&mut self) {
        self.unsynced.join(self.waiting);
        self.waiting = Span::default();
        self.gaps = Gap::default();
        self.gap_events = 0;
    }

    /// The disk has given its word.
    pub(super) fn synced(&mut self) {
        self.unsynced = Span::default();
    }

    /// All that waited, so many events and bytes, is lost: the gap that says so.
    pub(super) fn lost(&mut self, events: u64, bytes: usize, why: &str) -> Gap {
        let mut gap = std::mem::take(&mut self.gaps);
        let waited = std::mem::take(&mut self.waiting);
        let gap_events = std::mem::take(&mut self.gap_events);
        let (at, until) = waited.0.unwrap_or_default();
        gap.join(&Gap {
            at,
            until,
            events: events.saturating_sub(gap_events),
            bytes: bytes as u64,
            why: why.to_owned(),
            ..Gap::default()
        });
        gap
    }

    /// The disk has not given its word for so many events: the gap that says so.
    pub(super) fn unsure(&mut self, uncertain: u64, why: &str) -> Gap {
        let written = std::mem::take(&mut self.unsynced);
        let (at, until) = written.0.unwrap_or_default();
        Gap {
            at,
            until,
            uncertain,
            why: why.to_owned(),
            ..Gap::default()
        }
    }
}

impl Span {
    fn add(&mut self, event: &Event) {
        let span = match event {
            Event::Contract(_) => return,
            Event::Operation(operation) => (operation.at, operation.answered),
            Event::Notification(notification) => (notification.at, notification.at),
            Event::Fact(fact) => (fact.at, fact.at),
            Event::Gap(gap) => (gap.at, gap.until),
        };
        self.join(Span(Some(span)));
    }

    fn join(&mut self, other: Span) {
        self.0 = match (self.0, other.0) {
            (Some((at, until)), Some((from, to))) => Some((at.min(from), until.max(to))),
            (span, None) | (None, span) => span,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::{Fact, Session, What};

    fn fact(at: u64) -> Event {
        Event::Fact(Fact {
            session: Session::new("a"),
            at: Micros(at),
            what: What::Disconnect,
        })
    }

    #[test]
    fn what_is_lost_is_counted_and_a_lost_gap_is_part_of_it() {
        let mut account = Account::default();
        account.wait(&fact(1));
        account.written();
        account.wait(&fact(5));
        account.wait(&fact(4));
        let gap = account.lost(2, 70, "no space");
        assert_eq!((gap.at, gap.until), (Micros(4), Micros(5)));
        assert_eq!((gap.events, gap.bytes), (2, 70));

        account.wait(&Event::Gap(gap));
        account.wait(&fact(9));
        let gap = account.lost(2, 100, "no space");
        assert_eq!((gap.at, gap.until), (Micros(4), Micros(9)));
        assert_eq!((gap.events, gap.bytes), (3, 170));
        assert_eq!(gap.why, "no space");

        let unsure = account.unsure(1, "input/output error");
        assert_eq!((unsure.at, unsure.uncertain), (Micros(1), 1));
        assert!(!unsure.is_loss());
    }
}

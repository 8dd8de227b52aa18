//! What the gaps of a tape come to, for whoever reads, shows, or plays it.

use std::fmt;

use serde::Serialize;

use crate::exchange::{Gap, counted};

/// What recordings lack, all together. As JSON it is a member of reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Gaps {
    /// How many gaps there are.
    pub gaps: u64,
    /// How many events are missing.
    pub events: u64,
    /// How many exchanges are missing of which no event was made.
    pub exchanges: u64,
    /// How many events are there and may not have survived a power cut.
    pub uncertain: u64,
}

impl Gaps {
    /// What these come to.
    pub fn of<'a>(gaps: impl IntoIterator<Item = &'a Gap>) -> Gaps {
        gaps.into_iter().fold(Gaps::default(), |all, gap| Gaps {
            gaps: all.gaps + 1,
            events: all.events.saturating_add(gap.events),
            exchanges: all.exchanges.saturating_add(gap.exchanges),
            uncertain: all.uncertain.saturating_add(gap.uncertain),
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.gaps == 0
    }

    /// Whether something is missing.
    pub fn is_loss(&self) -> bool {
        self.events > 0 || self.exchanges > 0
    }

    /// Adds what other tapes lack.
    pub fn join(&mut self, other: &Gaps) {
        self.gaps += other.gaps;
        self.events = self.events.saturating_add(other.events);
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.uncertain = self.uncertain.saturating_add(other.uncertain);
    }
}

impl fmt::Display for Gaps {
    /// `the recording has 2 gaps: 3 events and 1 exchange are missing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the recording has {}", counted(self.gaps, "gap"))?;
        let missing: Vec<String> = [(self.events, "event"), (self.exchanges, "exchange")]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, word)| counted(number, word))
            .collect();
        if !missing.is_empty() {
            let verb = match self.events.saturating_add(self.exchanges) {
                1 => "is",
                _ => "are",
            };
            write!(f, ": {} {verb} missing", missing.join(" and "))?;
        }
        if self.uncertain > 0 {
            let before = if missing.is_empty() { ": " } else { ", and " };
            let events = counted(self.uncertain, "event");
            write!(f, "{before}the disk would not say that it kept {events}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_said_in_words() {
        let gap = |events, exchanges, uncertain| Gap {
            events,
            exchanges,
            uncertain,
            ..Gap::default()
        };
        for (gaps, words) in [
            (vec![gap(1, 0, 0)], "1 gap: 1 event is missing"),
            (
                vec![gap(0, 1, 0), gap(2, 0, 0)],
                "2 gaps: 2 events and 1 exchange are missing",
            ),
            (
                vec![gap(0, 0, 1)],
                "1 gap: the disk would not say that it kept 1 event",
            ),
            (
                vec![gap(3, 0, 2)],
                "1 gap: 3 events are missing, and the disk would not say that it kept 2 events",
            ),
        ] {
            assert_eq!(
                Gaps::of(&gaps).to_string(),
                format!("the recording has {words}")
            );
        }
    }
}

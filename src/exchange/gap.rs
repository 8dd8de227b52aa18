//! A hole in a recording: what passed and is not on the tape, or may not be.
//!
//! It only counts; when there is one, the recorder decides.

use super::Micros;

/// How long the reasons of one gap may be together. They are a few words each, and distinct.
const MAX_WHY: usize = 500;

/// A time of which a recording does not hold all that passed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gap {
    /// When the first of what is missing passed.
    pub at: Micros,
    /// When the last of it did.
    pub until: Micros,
    /// How many events are missing that had been made of what passed: operations, messages, facts.
    pub events: u64,
    /// How many exchanges are missing of which no event was made; each may have been several.
    pub exchanges: u64,
    /// How many bytes all of it took, of events as they would have stood on the tape.
    pub bytes: u64,
    /// How many events stand on the tape and may not survive a power cut, since the disk said that
    /// it could not keep them.
    pub uncertain: u64,
    /// What was wrong, in words.
    pub why: String,
}

impl Gap {
    /// Whether something is missing.
    pub fn is_loss(&self) -> bool {
        self.events > 0 || self.exchanges > 0
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        !self.is_loss() && self.uncertain == 0
    }

    /// Makes one gap of two.
    pub fn join(&mut self, other: &Gap) {
        if other.is_empty() {
            return;
        }
        if self.is_empty() {
            self.clone_from(other);
            return;
        }
        self.at = self.at.min(other.at);
        self.until = self.until.max(other.until);
        self.events = self.events.saturating_add(other.events);
        self.exchanges = self.exchanges.saturating_add(other.exchanges);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.uncertain = self.uncertain.saturating_add(other.uncertain);
        let known = self.why.split("; ").any(|why| why == other.why);
        if !known && self.why.len() + other.why.len() < MAX_WHY {
            self.why.push_str("; ");
            self.why.push_str(&other.why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(at: u64, until: u64, events: u64, why: &str) -> Gap {
        Gap {
            at: Micros(at),
            until: Micros(until),
            events,
            exchanges: 1,
            bytes: 10,
            uncertain: 0,
            why: why.into(),
        }
    }

    #[test]
    fn two_gaps_make_one() {
        let mut all = Gap::default();
        assert!(all.is_empty());
        all.join(&gap(5, 7, 2, "no space"));
        assert_eq!(all, gap(5, 7, 2, "no space"));
        all.join(&gap(3, 6, 1, "no space"));
        all.join(&Gap::default());
        all.join(&gap(8, 9, 0, "too slow"));
        assert_eq!((all.at, all.until), (Micros(3), Micros(9)));
        assert_eq!((all.events, all.exchanges, all.bytes), (3, 3, 30));
        assert_eq!(all.why, "no space; too slow");
    }

    #[test]
    fn the_reasons_of_a_gap_do_not_grow_without_end() {
        let mut all = gap(0, 1, 1, "x");
        for number in 0..1000 {
            all.join(&gap(0, 1, 1, &format!("reason {number}")));
        }
        assert!(all.why.len() < MAX_WHY + 2);
        assert_eq!(all.events, 1001);
    }
}

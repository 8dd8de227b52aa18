//! What becomes of a run whose tape was changed while it is played: whoever waits is told at once, since nothing
//! comes any more.

use super::super::refusal::{Kind, Refusal};
use super::{Send, Stage};
use crate::exchange::{Closed, End, Ender, Micros};

impl Stage {
    /// The answer to everything, once a tape was changed while it was played.
    pub(super) fn changed(&self) -> Refusal {
        let fault = self.plan.fault().unwrap_or("the tape cannot be read");
        Refusal::plain(Kind::Tape, fault.to_owned())
    }

    /// Answers whoever waits, and breaks the streams off, where a tape was changed.
    pub(super) fn end_if_changed(&mut self, now: Micros) -> Vec<Send> {
        if self.plan.fault().is_none() {
            return Vec::new();
        }
        for (outlet, place) in self.outlets.unended() {
            let Some(opened) = self.plan.operations.get(place) else {
                continue;
            };
            let closed = Closed {
                stream: opened.id,
                by: Ender::Service,
                code: None,
                reason: String::new(),
                end: End::Truncated,
            };
            self.outlets.end(outlet, place, closed);
        }
        self.release_all(now)
    }
}

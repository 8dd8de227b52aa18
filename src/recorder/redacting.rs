//! Secrets, replaced before an event is written.
//!
//! What is one, and what takes its place, [`crate::tape::redaction`] knows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::tape::Event;
use crate::tape::redaction::Redactor;

use super::summary::Progress;

/// What replaces secrets, if anything does.
pub(super) struct Redacting(Option<Redactor>);

impl Redacting {
    pub(super) fn new(redactor: Option<Redactor>) -> Redacting {
        Redacting(redactor)
    }

    /// The event without secrets. Should that fail on something that a stranger wrote, the event is
    /// missing, and no secret is on the tape.
    pub(super) fn redacted(&mut self, mut event: Event, progress: &mut Progress) -> Option<Event> {
        let Some(redactor) = &mut self.0 else {
            return Some(event);
        };
        let done = catch_unwind(AssertUnwindSafe(|| redactor.redact(&mut event)));
        progress.forgotten = redactor.forgotten();
        if done.is_ok() {
            return Some(event);
        }
        let trouble = "an event could not be redacted, and is not on the tape".to_owned();
        tracing::error!("{trouble}");
        progress.trouble = Some(trouble);
        progress.lost += 1;
        None
    }
}

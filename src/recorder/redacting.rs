//! Secrets, replaced before an event is written.
//!
//! What is one, and what takes its place, [`crate::tape::redaction`] knows.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::tape::Event;
use crate::tape::redaction::Redactor;

use super::summary::Progress;

/// Why an event is missing.
const UNREADABLE: &str = "an event could not be redacted, and is not on the tape";

/// What replaces secrets, if anything does.
pub(super) struct Redacting(Option<Redactor>);

impl Redacting {
    pub(super) fn new(redactor: Option<Redactor>) -> Redacting {
        Redacting(redactor)
    }

    /// The event without secrets. Should that fail on something that a stranger wrote, the event is
    /// missing, and no secret is on the tape; why is returned.
    pub(super) fn redacted(
        &mut self,
        mut event: Event,
        progress: &mut Progress,
    ) -> Result<Event, &'static str> {
        let Some(redactor) = &mut self.0 else {
            return Ok(event);
        };
        let done = catch_unwind(AssertUnwindSafe(|| redactor.redact(&mut event)));
        progress.forgotten = redactor.forgotten();
        done.map(|()| event).map_err(|_| UNREADABLE)
    }
}

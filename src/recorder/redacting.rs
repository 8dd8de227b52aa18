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

    /// Replaces the secrets of an event. Should that fail on something that a stranger wrote, the event must not
    /// come on the tape; why is returned.
    pub(super) fn redact(
        &mut self,
        event: &mut Event,
        progress: &mut Progress,
    ) -> Result<(), &'static str> {
        let Some(redactor) = &mut self.0 else {
            return Ok(());
        };
        let done = catch_unwind(AssertUnwindSafe(|| redactor.redact(event)));
        progress.forgotten = redactor.forgotten();
        done.map_err(|_| UNREADABLE)
    }
}

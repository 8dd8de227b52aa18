//! Which part of a tape is shown.
//!
//! It leaves events out and changes none: a notification still names causes that are not shown.

use std::collections::BTreeSet;

use crate::bayeux::Pattern;
use crate::exchange::{Operation, OperationId, Session};
use crate::recorder::PathPattern;
use crate::tape::{Event, Step, Subject, Walk};

use super::Seen;

/// What the user asked to see; of each kind of filter, one must fit.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Selection {
    /// Show only this session; may be repeated.
    #[arg(long = "session", value_name = "NAME")]
    sessions: Vec<String>,
    /// Show only notifications on these channels, with the operations that caused them: a channel,
    /// `/v2/me/*` or `/v2/**`; may be repeated.
    #[arg(long = "channel", value_name = "CHANNEL", value_parser = channel)]
    channels: Vec<Pattern>,
    /// Show only operations on these paths, with the notifications that they caused: `*` stands
    /// for a part of one segment, `**` for anything; may be repeated.
    #[arg(long = "path", value_name = "PATH")]
    paths: Vec<PathPattern>,
}

/// Whether an event is on a path or a channel that was asked for, as far as that is asked of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    Other,
}

impl Selection {
    /// Whether the content of an event is what was asked for.
    pub(super) fn fit(&self, event: &Event) -> Fit {
        let fits = match event {
            Event::Operation(operation) => self.has_path(operation),
            Event::Notification(notification) => self.has_channel(&notification.channel),
            Event::Contract(_) | Event::Fact(_) | Event::Gap(_) => true,
        };
        if fits { Fit::Fits } else { Fit::Other }
    }

    /// The names of the sessions that were asked for.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &str> {
        self.sessions.iter().map(String::as_str)
    }

    /// Leaves as much of the tape as was asked for.
    pub(super) fn of(&self, tape: &mut Walk<Seen>) {
        if self.sessions.is_empty() && self.channels.is_empty() && self.paths.is_empty() {
            return;
        }
        let asked: BTreeSet<OperationId> = tape
            .steps
            .iter()
            .filter(|step| step.kept.fit == Fit::Fits)
            .filter_map(|step| step.subject.operation())
            .collect();
        let causes: BTreeSet<OperationId> = tape
            .steps
            .iter()
            .filter(|step| matches!(step.subject, Subject::Notification(_)))
            .filter(|step| self.has_notification(step, &asked))
            .flat_map(|step| step.after.iter().copied())
            .collect();
        tape.steps.retain(|step| match step.subject {
            Subject::Contract => false,
            // What is missing may be of any session, channel and path.
            Subject::Gap => true,
            Subject::Operation(id) => {
                let wanted = self.channels.is_empty() || causes.contains(&id);
                wanted && asked.contains(&id) && self.has_session(step.session.as_ref())
            }
            Subject::Notification(_) => self.has_notification(step, &asked),
            Subject::Fact => {
                self.channels.is_empty()
                    && self.paths.is_empty()
                    && self.has_session(step.session.as_ref())
            }
        });
    }

    fn has_notification(&self, step: &Step<Seen>, asked: &BTreeSet<OperationId>) -> bool {
        let mut causes = step.after.iter();
        self.has_session(step.session.as_ref())
            && step.kept.fit == Fit::Fits
            && (self.paths.is_empty() || causes.any(|cause| asked.contains(cause)))
    }

    fn has_session(&self, session: Option<&Session>) -> bool {
        let own = session.map(Session::name);
        self.sessions.is_empty() || self.sessions.iter().any(|name| Some(name.as_str()) == own)
    }

    fn has_channel(&self, channel: &str) -> bool {
        self.channels.is_empty() || self.channels.iter().any(|pattern| pattern.matches(channel))
    }

    fn has_path(&self, operation: &Operation) -> bool {
        let path = operation.request.target.split('?').next().unwrap_or("");
        self.paths.is_empty() || self.paths.iter().any(|pattern| pattern.matches(path))
    }
}

fn channel(text: &str) -> Result<Pattern, String> {
    Pattern::parse(text)
        .ok_or_else(|| "expected a channel such as /v2/me/chats, /v2/me/* or /v2/**".into())
}

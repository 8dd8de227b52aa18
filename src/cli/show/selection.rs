//! Which part of a tape is shown.
//!
//! It leaves events out and changes none: a notification still names causes that are not shown.

use std::collections::BTreeSet;

use crate::bayeux::Pattern;
use crate::exchange::{Notification, Operation, OperationId, Session};
use crate::recorder::PathPattern;
use crate::tape::{Event, Tape};

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

impl Selection {
    /// As much of the tape as was asked for.
    pub(super) fn of(&self, mut tape: Tape) -> Tape {
        if self.sessions.is_empty() && self.channels.is_empty() && self.paths.is_empty() {
            return tape;
        }
        let asked: BTreeSet<OperationId> = tape
            .operations()
            .filter(|operation| self.has_path(operation))
            .map(|operation| operation.id)
            .collect();
        let causes: BTreeSet<OperationId> = tape
            .notifications()
            .filter(|notification| self.has_notification(notification, &asked))
            .flat_map(|notification| notification.after.iter().copied())
            .collect();
        tape.events.retain(|event| match event {
            Event::Contract(_) => false,
            // What is missing may be of any session, channel and path.
            Event::Gap(_) => true,
            Event::Operation(operation) => {
                let wanted = self.channels.is_empty() || causes.contains(&operation.id);
                wanted && asked.contains(&operation.id) && self.has_session(&operation.session)
            }
            Event::Notification(notification) => self.has_notification(notification, &asked),
            Event::Fact(fact) => {
                self.channels.is_empty() && self.paths.is_empty() && self.has_session(&fact.session)
            }
        });
        tape
    }

    fn has_notification(&self, notification: &Notification, asked: &BTreeSet<OperationId>) -> bool {
        let mut causes = notification.after.iter();
        self.has_session(&notification.session)
            && self.has_channel(&notification.channel)
            && (self.paths.is_empty() || causes.any(|cause| asked.contains(cause)))
    }

    fn has_session(&self, session: &Session) -> bool {
        self.sessions.is_empty() || self.sessions.iter().any(|name| name == session.name())
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

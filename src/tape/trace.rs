//! What must be known of an event for the tape to be checked as a whole, whatever else is kept of it.

use std::fmt;

use crate::exchange::{NotificationId, OperationId};

use super::{Event, joined};

/// What an event is, with its number where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The rules that a page states for an operation.
    Contract,
    /// A request and its response.
    Operation(OperationId),
    /// A message that the service pushed.
    Notification(NotificationId),
    /// Something else that a session did or was told.
    Fact,
    /// What the recording lacks.
    Gap,
}

/// What is kept of an event: itself, or less.
pub(super) trait Trace {
    /// What it is.
    fn subject(&self) -> Subject;

    /// The operation that opened the stream on which it travelled.
    fn stream(&self) -> Option<OperationId>;

    /// A notification's number, and the operations that it is due after.
    fn due(&mut self) -> Option<(NotificationId, &mut Vec<OperationId>)>;
}

impl Subject {
    /// The number of an operation.
    pub fn operation(self) -> Option<OperationId> {
        match self {
            Subject::Operation(id) => Some(id),
            Subject::Contract | Subject::Notification(_) | Subject::Fact | Subject::Gap => None,
        }
    }

    /// The number of a notification, with these causes of it.
    pub(super) fn due(
        self,
        after: &mut Vec<OperationId>,
    ) -> Option<(NotificationId, &mut Vec<OperationId>)> {
        match self {
            Subject::Notification(id) => Some((id, after)),
            Subject::Contract | Subject::Operation(_) | Subject::Fact | Subject::Gap => None,
        }
    }
}

impl fmt::Display for Subject {
    /// `operation 3`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Contract => f.write_str("contract"),
            Subject::Operation(id) => write!(f, "operation {id}"),
            Subject::Notification(id) => write!(f, "notification {id}"),
            Subject::Fact => f.write_str("fact"),
            Subject::Gap => f.write_str("gap"),
        }
    }
}

impl Trace for Event {
    fn subject(&self) -> Subject {
        match self {
            Event::Contract(_) => Subject::Contract,
            Event::Operation(operation) => Subject::Operation(operation.id),
            Event::Notification(notification) => Subject::Notification(notification.id),
            Event::Fact(_) => Subject::Fact,
            Event::Gap(_) => Subject::Gap,
        }
    }

    fn stream(&self) -> Option<OperationId> {
        joined::stream_of(self)
    }

    fn due(&mut self) -> Option<(NotificationId, &mut Vec<OperationId>)> {
        match self {
            Event::Notification(notification) => Some((notification.id, &mut notification.after)),
            Event::Contract(_) | Event::Operation(_) | Event::Fact(_) | Event::Gap(_) => None,
        }
    }
}

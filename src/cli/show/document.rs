//! A tape as one JSON document, for programs: what was said, without how it was kept.

mod content;

use std::cell::Cell;
use std::io;

use serde::ser::{Error as _, SerializeSeq as _};
use serde::{Serialize, Serializer};

use crate::exchange::{
    CauseBy, Closed, Control, End, Fact, Gap, Headers, Notification, Operation, Repair, Session,
    What,
};
use crate::tape::reel::Lost;
use crate::tape::{Event, Step, Subject, Trust, Walk};

use super::travel::{CarrierView, FormView};
use super::{Seen, sessions};
use crate::cli::output::Unwritten;
use content::Content;

/// Writes the document, on one line where no body breaks it. Each event is read when it is its turn.
pub(super) fn write(tape: &Walk<Seen>, out: &mut dyn io::Write) -> Result<(), Unwritten> {
    let lost = Cell::new(None);
    let list = |which| List {
        steps: &tape.steps,
        which,
        lost: &lost,
    };
    let document = Document {
        title: &tape.header.title,
        insecure: match tape.header.trust {
            Trust::Checked => None,
            Trust::Insecure => Some(true),
        },
        sessions: sessions(tape).map(Session::name).collect(),
        operations: list(Which::Operations),
        notifications: list(Which::Notifications),
        facts: list(Which::Facts),
        gaps: list(Which::Gaps),
        repairs: list(Which::Repairs),
    };
    let written = serde_json::to_writer(&mut *out, &document);
    match (lost.take(), written) {
        (Some(lost), _) => Err(lost.into()),
        (None, Err(error)) => Err(Unwritten::Stdout(error.into())),
        (None, Ok(())) => Ok(out.write_all(b"\n")?),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    insecure: Option<bool>,
    sessions: Vec<&'a str>,
    operations: List<'a>,
    notifications: List<'a>,
    #[serde(skip_serializing_if = "List::is_empty")]
    facts: List<'a>,
    #[serde(skip_serializing_if = "List::is_empty")]
    gaps: List<'a>,
    repairs: List<'a>,
}

/// Some of a tape's events, or what was mended in them.
struct List<'a> {
    steps: &'a [Step<Seen>],
    which: Which,
    /// Why an event could not be read again.
    lost: &'a Cell<Option<Lost>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Operations,
    Notifications,
    Facts,
    Gaps,
    Repairs,
}

impl List<'_> {
    fn is_empty(&self) -> bool {
        !self.steps.iter().any(|step| self.has(step))
    }

    fn has(&self, step: &Step<Seen>) -> bool {
        match (self.which, step.subject) {
            (Which::Repairs, _) => step.kept.repairs > 0,
            (Which::Operations, Subject::Operation(_))
            | (Which::Notifications, Subject::Notification(_))
            | (Which::Facts, Subject::Fact)
            | (Which::Gaps, Subject::Gap) => true,
            (Which::Operations | Which::Notifications | Which::Facts | Which::Gaps, _) => false,
        }
    }
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for step in self.steps.iter().filter(|step| self.has(step)) {
            let event = step.event().map_err(|lost| {
                let error = S::Error::custom(&lost);
                self.lost.set(Some(lost));
                error
            })?;
            match &event {
                _ if self.which == Which::Repairs => {
                    for repair in event.repairs() {
                        list.serialize_element(&RepairView::of(repair))?;
                    }
                }
                Event::Operation(operation) => {
                    list.serialize_element(&OperationView::of(operation))?;
                }
                Event::Notification(notification) => {
                    list.serialize_element(&NotificationView::of(notification))?;
                }
                Event::Fact(fact) => list.serialize_element(&FactView::of(fact))?,
                Event::Gap(gap) => list.serialize_element(&GapView::of(gap))?,
                Event::Contract(_) => {}
            }
        }
        list.end()
    }
}

#[derive(Serialize)]
struct OperationView<'a> {
    id: u64,
    session: &'a str,
    method: &'a str,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    form: Option<FormView>,
    request: Content<'a>,
    #[serde(skip_serializing_if = "Headers::is_empty", serialize_with = "lines")]
    request_trailers: &'a Headers,
    status: u16,
    response: Content<'a>,
    #[serde(skip_serializing_if = "Headers::is_empty", serialize_with = "lines")]
    response_trailers: &'a Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
}

impl<'a> OperationView<'a> {
    fn of(operation: &'a Operation) -> Self {
        OperationView {
            id: operation.id.0,
            session: operation.session.name(),
            method: &operation.request.method,
            target: &operation.request.target,
            form: FormView::of(operation.form),
            request: Content(&operation.request.body),
            request_trailers: &operation.request.trailers,
            status: operation.response.status,
            response: Content(&operation.response.body),
            response_trailers: &operation.response.trailers,
            truncated: truncated(operation.end),
        }
    }
}

#[derive(Serialize)]
struct NotificationView<'a> {
    id: u64,
    session: &'a str,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierView<'a>>,
    after: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause_by: Option<CauseView<'a>>,
    data: Content<'a>,
}

impl<'a> NotificationView<'a> {
    fn of(notification: &'a Notification) -> Self {
        NotificationView {
            id: notification.id.0,
            session: notification.session.name(),
            channel: &notification.channel,
            carrier: CarrierView::of(&notification.carrier),
            after: notification.after.iter().map(|id| id.0).collect(),
            cause_by: notification.cause_by.as_ref().map(CauseView::of),
            data: Content(&notification.data),
        }
    }
}

/// How a cause was found: `{"reference":…}`, `{"identifier":…}`, `"session"` or `"unsolicited"`.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum CauseView<'a> {
    Reference(&'a str),
    Identifier(&'a str),
    Session,
    Unsolicited,
}

impl<'a> CauseView<'a> {
    fn of(cause_by: &'a CauseBy) -> Self {
        match cause_by {
            CauseBy::Reference(value) => CauseView::Reference(value),
            CauseBy::Identifier(value) => CauseView::Identifier(value),
            CauseBy::Session => CauseView::Session,
            CauseBy::Unsolicited => CauseView::Unsolicited,
        }
    }
}

#[derive(Serialize)]
struct FactView<'a> {
    session: &'a str,
    at: u64,
    what: WhatView<'a>,
}

impl<'a> FactView<'a> {
    fn of(fact: &'a Fact) -> Self {
        FactView {
            session: fact.session.name(),
            at: fact.at.0,
            what: match &fact.what {
                What::Handshake { endpoint, client } => WhatView::Handshake { endpoint, client },
                What::Subscribe(channel) => WhatView::Subscribe(channel),
                What::Unsubscribe(channel) => WhatView::Unsubscribe(channel),
                What::Disconnect => WhatView::Disconnect,
                What::Acknowledge => WhatView::Acknowledge,
                What::Comment { stream, text } => WhatView::Comment {
                    stream: stream.0,
                    text,
                },
                What::Ping(control) => WhatView::Ping(ControlView::of(control)),
                What::Pong(control) => WhatView::Pong(ControlView::of(control)),
                What::Closed(closed) => WhatView::Closed(ClosedView::of(closed)),
                What::Was(before) => WhatView::Was(before.name()),
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum WhatView<'a> {
    Handshake { endpoint: &'a str, client: &'a str },
    Subscribe(&'a str),
    Unsubscribe(&'a str),
    Disconnect,
    Acknowledge,
    Comment { stream: u64, text: &'a str },
    Ping(ControlView),
    Pong(ControlView),
    Closed(ClosedView<'a>),
    Was(&'a str),
}

/// What the recording lacks.
#[derive(Serialize)]
struct GapView<'a> {
    at: u64,
    until: u64,
    events: u64,
    exchanges: u64,
    bytes: u64,
    uncertain: u64,
    why: &'a str,
}

impl<'a> GapView<'a> {
    fn of(gap: &'a Gap) -> Self {
        GapView {
            at: gap.at.0,
            until: gap.until.0,
            events: gap.events,
            exchanges: gap.exchanges,
            bytes: gap.bytes,
            uncertain: gap.uncertain,
            why: &gap.why,
        }
    }
}

/// A ping or a pong.
#[derive(Serialize)]
struct ControlView {
    stream: u64,
    by: &'static str,
    bytes: usize,
}

impl ControlView {
    fn of(control: &Control) -> Self {
        ControlView {
            stream: control.stream.0,
            by: control.by.name(),
            bytes: control.payload.len(),
        }
    }
}

/// The end of a stream.
#[derive(Serialize)]
struct ClosedView<'a> {
    stream: u64,
    by: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncated: Option<bool>,
}

impl<'a> ClosedView<'a> {
    fn of(closed: &'a Closed) -> Self {
        ClosedView {
            stream: closed.stream.0,
            by: closed.by.name(),
            code: closed.code,
            reason: &closed.reason,
            truncated: truncated(closed.end),
        }
    }
}

fn truncated(end: End) -> Option<bool> {
    match end {
        End::Complete => None,
        End::Truncated => Some(true),
    }
}

#[derive(Serialize)]
struct RepairView<'a> {
    line: usize,
    column: usize,
    was: &'a str,
    became: &'a str,
    why: &'a str,
}

impl<'a> RepairView<'a> {
    fn of(repair: &'a Repair) -> Self {
        RepairView {
            line: repair.line,
            column: repair.column,
            was: &repair.was,
            became: &repair.became,
            why: &repair.why,
        }
    }
}

/// Fields, a line each: `[name, value]`.
fn lines<S: Serializer>(fields: &Headers, serializer: S) -> Result<S::Ok, S::Error> {
    let text = |value| String::from_utf8_lossy(value).into_owned();
    serializer.collect_seq(fields.iter().map(|(name, value)| (name, text(value))))
}

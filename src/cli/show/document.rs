//! A tape as one JSON document, for programs: what was said, without how it was kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::exchange::{Body, Notification, Operation, Repair, Session};
use crate::tape::{Event, Tape};

/// Writes the document, on one line where no body breaks it.
pub(super) fn write(tape: &Tape) -> serde_json::Result<String> {
    let document = Document {
        title: &tape.header.title,
        sessions: tape.sessions().map(Session::name).collect(),
        operations: tape.operations().map(OperationView::of).collect(),
        notifications: tape.notifications().map(NotificationView::of).collect(),
        repairs: tape
            .events
            .iter()
            .flat_map(Event::repairs)
            .map(RepairView::of)
            .collect(),
    };
    let mut text = serde_json::to_string(&document)?;
    text.push('\n');
    Ok(text)
}

#[derive(Serialize)]
struct Document<'a> {
    title: &'a str,
    sessions: Vec<&'a str>,
    operations: Vec<OperationView<'a>>,
    notifications: Vec<NotificationView<'a>>,
    repairs: Vec<RepairView<'a>>,
}

#[derive(Serialize)]
struct OperationView<'a> {
    id: u64,
    session: &'a str,
    method: &'a str,
    target: &'a str,
    request: Content<'a>,
    status: u16,
    response: Content<'a>,
}

impl<'a> OperationView<'a> {
    fn of(operation: &'a Operation) -> Self {
        OperationView {
            id: operation.id.0,
            session: operation.session.name(),
            method: &operation.request.method,
            target: &operation.request.target,
            request: Content(&operation.request.body),
            status: operation.response.status,
            response: Content(&operation.response.body),
        }
    }
}

#[derive(Serialize)]
struct NotificationView<'a> {
    id: u64,
    session: &'a str,
    channel: &'a str,
    after: Vec<u64>,
    data: Content<'a>,
}

impl<'a> NotificationView<'a> {
    fn of(notification: &'a Notification) -> Self {
        NotificationView {
            id: notification.id.0,
            session: notification.session.name(),
            channel: &notification.channel,
            after: notification.after.iter().map(|id| id.0).collect(),
            data: Content(&notification.data),
        }
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

/// A body: `null` where it is empty; its own JSON, token for token; its text; else its bytes as
/// `{"base64":…}`.
struct Content<'a>(&'a Body);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        match (self.0.json(), self.0.text()) {
            (Some(json), _) => json.serialize(serializer),
            (None, Some(text)) => serializer.serialize_str(text),
            (None, None) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("base64", &BASE64.encode(self.0.bytes()))?;
                map.end()
            }
        }
    }
}

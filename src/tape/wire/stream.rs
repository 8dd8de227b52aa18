//! The wire form of streams: how operations and notifications travelled on them, and how they ended.

use serde::Deserialize;

use crate::exchange::{
    Carrier, Closed, Control, End, Ender, Form, Kind, OnSocket, OperationId, ServerSent, Side,
    Stream,
};
use crate::tape::json::{Object, Writer, present, quote};

use super::body;
use super::field::True;

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireForm {
    Opens(WireStream),
    Message(Object<WireOnSocket>),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireStream {
    Events,
    Lines,
    Socket,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireOnSocket {
    stream: u64,
    kind: WireKind,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireKind {
    Text,
    Binary,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireCarrier {
    Event(Object<WireServerSent>),
    Line(u64),
    Message(Object<WireOnSocket>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireServerSent {
    stream: u64,
    #[serde(default, deserialize_with = "present")]
    event: Option<String>,
    #[serde(default, deserialize_with = "present")]
    id: Option<String>,
    #[serde(default, deserialize_with = "present")]
    retry: Option<u64>,
    #[serde(default, deserialize_with = "present")]
    written: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireComment {
    pub(super) stream: u64,
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireControl {
    stream: u64,
    by: WireSide,
    #[serde(default)]
    payload: body::WireBody,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireClosed {
    stream: u64,
    by: WireEnder,
    #[serde(default, deserialize_with = "present")]
    code: Option<u16>,
    #[serde(default)]
    reason: String,
    #[serde(default, deserialize_with = "present")]
    truncated: Option<True>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireSide {
    Client,
    Service,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireEnder {
    Client,
    Service,
    Recorder,
}

impl From<WireForm> for Form {
    fn from(wire: WireForm) -> Self {
        match wire {
            WireForm::Opens(stream) => Form::Opens(match stream {
                WireStream::Events => Stream::Events,
                WireStream::Lines => Stream::Lines,
                WireStream::Socket => Stream::Socket,
            }),
            WireForm::Message(Object(message)) => Form::Message(message.into()),
        }
    }
}

impl From<WireOnSocket> for OnSocket {
    fn from(wire: WireOnSocket) -> Self {
        OnSocket {
            stream: OperationId(wire.stream),
            kind: match wire.kind {
                WireKind::Text => Kind::Text,
                WireKind::Binary => Kind::Binary,
            },
        }
    }
}

impl From<WireCarrier> for Carrier {
    fn from(wire: WireCarrier) -> Self {
        match wire {
            WireCarrier::Event(Object(event)) => Carrier::Event(ServerSent {
                stream: OperationId(event.stream),
                event: event.event,
                id: event.id,
                retry: event.retry,
                written: event.written,
            }),
            WireCarrier::Line(stream) => Carrier::Line(OperationId(stream)),
            WireCarrier::Message(Object(message)) => Carrier::Message(message.into()),
        }
    }
}

impl From<WireSide> for Side {
    fn from(wire: WireSide) -> Self {
        match wire {
            WireSide::Client => Side::Client,
            WireSide::Service => Side::Service,
        }
    }
}

impl From<WireEnder> for Ender {
    fn from(wire: WireEnder) -> Self {
        match wire {
            WireEnder::Client => Ender::Client,
            WireEnder::Service => Ender::Service,
            WireEnder::Recorder => Ender::Recorder,
        }
    }
}

impl From<WireControl> for Control {
    fn from(wire: WireControl) -> Self {
        Control {
            stream: OperationId(wire.stream),
            by: wire.by.into(),
            payload: wire.payload.0.bytes().clone(),
        }
    }
}

impl From<WireClosed> for Closed {
    fn from(wire: WireClosed) -> Self {
        Closed {
            stream: OperationId(wire.stream),
            by: wire.by.into(),
            code: wire.code,
            reason: wire.reason,
            end: match wire.truncated {
                Some(True) => End::Truncated,
                None => End::Complete,
            },
        }
    }
}

/// Writes how an operation travelled; `None` for a plain exchange, of which nothing is said.
pub(super) fn write_form(form: Form) -> Option<String> {
    match form {
        Form::Exchange => None,
        Form::Opens(stream) => Some(Writer::new().string("opens", stream.name()).end()),
        Form::Message(message) => Some(
            Writer::new()
                .raw("message", &write_on_socket(message))
                .end(),
        ),
    }
}

/// Writes how a notification travelled; `None` for a Bayeux event, of which nothing is said.
pub(super) fn write_carrier(carrier: &Carrier) -> Option<String> {
    let form = Writer::new();
    let form = match carrier {
        Carrier::Bayeux => return None,
        Carrier::Event(event) => {
            let given = Writer::new()
                .number("stream", event.stream.0)
                .optional_string("event", event.event.as_deref())
                .optional_string("id", event.id.as_deref())
                .optional_raw("retry", event.retry.map(|retry| retry.to_string()))
                .optional_string("written", event.written.as_deref())
                .end();
            form.raw("event", &given)
        }
        Carrier::Line(stream) => form.number("line", stream.0),
        Carrier::Message(message) => form.raw("message", &write_on_socket(*message)),
    };
    Some(form.end())
}

pub(super) fn write_control(control: &Control) -> String {
    let object = Writer::new()
        .number("stream", control.stream.0)
        .raw("by", &quote(control.by.name()));
    let payload = crate::exchange::Body::new(control.payload.clone());
    body::write(object, "payload", &payload).end()
}

pub(super) fn write_closed(closed: &Closed) -> String {
    let truncated = match closed.end {
        End::Complete => None,
        End::Truncated => Some("true".to_owned()),
    };
    let reason = Some(closed.reason.as_str()).filter(|reason| !reason.is_empty());
    Writer::new()
        .number("stream", closed.stream.0)
        .raw("by", &quote(closed.by.name()))
        .optional_raw("code", closed.code.map(|code| code.to_string()))
        .optional_string("reason", reason)
        .optional_raw("truncated", truncated)
        .end()
}

fn write_on_socket(message: OnSocket) -> String {
    Writer::new()
        .number("stream", message.stream.0)
        .string("kind", message.kind.name())
        .end()
}

//! The wire form of each object, written: the counterpart of what [`super::read`] reads.
//!
//! It writes compact JSON; laying it out for people is the business of `layout`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::exchange::{
    CauseBy, Contract, End, Fact, Form, Headers, Notification, Operation, Presence, Repair,
    Response, What,
};
use crate::tape::json::{Writer, quote};
use crate::tape::{Event, Header, Segment, Trust};

use super::{Trailer, VERSION, body, gap, redaction, stream};

/// Writes the header.
pub(in crate::tape) fn write_header(header: &Header) -> String {
    let insecure = match header.trust {
        Trust::Checked => None,
        Trust::Insecure => Some("true".to_owned()),
    };
    Writer::of_kind("header")
        .number("antiphon", VERSION)
        .string("title", &header.title)
        .string("source", &header.source)
        .optional_string("started", header.started.as_deref())
        .optional_string("endpoint", header.endpoint.as_deref())
        .optional_raw("insecure", insecure)
        .optional_raw("segment", header.segment.as_ref().map(write_segment))
        .optional_raw("redacted", header.redaction.as_ref().map(redaction::write))
        .end()
}

fn write_segment(segment: &Segment) -> String {
    Writer::new()
        .string("recording", &segment.recording)
        .number("number", segment.number)
        .end()
}

/// Writes an event.
pub(in crate::tape) fn write_event(event: &Event) -> String {
    match event {
        Event::Contract(contract) => write_contract(contract),
        Event::Operation(operation) => write_operation(operation),
        Event::Notification(notification) => write_notification(notification),
        Event::Fact(fact) => write_fact(fact),
        Event::Gap(gap) => gap::write(gap),
    }
}

/// Writes the trailer.
pub(in crate::tape) fn write_trailer(trailer: &Trailer) -> String {
    Writer::of_kind("trailer")
        .number("events", trailer.events)
        .string("digest", &trailer.digest)
        .end()
}

fn write_contract(contract: &Contract) -> String {
    let parameters = contract.parameters.iter().map(|parameter| {
        Writer::new()
            .string("name", &parameter.name)
            .raw("presence", &write_presence(&parameter.presence))
            .optional_string("default", parameter.default.as_deref())
            .optional_list(
                "allowed",
                parameter.allowed.iter().map(|value| quote(value)),
            )
            .string("text", &parameter.text)
            .end()
    });
    Writer::of_kind("contract")
        .string("method", &contract.method)
        .string("path", &contract.path)
        .optional_string("operation", contract.operation.as_deref())
        .list("parameters", parameters)
        .end()
}

fn write_presence(presence: &Presence) -> String {
    match presence {
        Presence::Mandatory => quote("mandatory"),
        Presence::Optional => quote("optional"),
        Presence::Unstated => quote("unstated"),
        Presence::Unless(name) => Writer::new().string("unless", name).end(),
        Presence::OnlyWith(name) => Writer::new().string("with", name).end(),
    }
}

fn write_operation(operation: &Operation) -> String {
    let request = Writer::new()
        .string("method", &operation.request.method)
        .string("target", &operation.request.target)
        .list("headers", write_headers(&operation.request.headers))
        .optional_raw("body", body::write(&operation.request.body))
        .optional_list("trailers", write_headers(&operation.request.trailers))
        .end();
    let response = match operation.form {
        Form::Message(_) if operation.response == Response::none() => None,
        Form::Exchange | Form::Opens(_) | Form::Message(_) => Some(
            Writer::new()
                .number("status", u64::from(operation.response.status))
                .list("headers", write_headers(&operation.response.headers))
                .optional_raw("body", body::write(&operation.response.body))
                .optional_list("trailers", write_headers(&operation.response.trailers))
                .end(),
        ),
    };
    let truncated = match operation.end {
        End::Complete => None,
        End::Truncated => Some("true".to_owned()),
    };
    Writer::of_kind("operation")
        .number("id", operation.id.0)
        .string("session", operation.session.name())
        .number("at", operation.at.0)
        .number("answered", operation.answered.0)
        .optional_raw("form", stream::write_form(operation.form))
        .raw("request", &request)
        .optional_raw("response", response)
        .optional_raw("truncated", truncated)
        .optional_list("repairs", operation.repairs.iter().map(write_repair))
        .end()
}

fn write_notification(notification: &Notification) -> String {
    let after = notification.after.iter().map(ToString::to_string);
    Writer::of_kind("notification")
        .number("id", notification.id.0)
        .string("session", notification.session.name())
        .number("at", notification.at.0)
        .string("channel", &notification.channel)
        .optional_raw("carrier", stream::write_carrier(&notification.carrier))
        .list("after", after)
        .optional_raw(
            "cause_by",
            notification.cause_by.as_ref().map(write_cause_by),
        )
        .optional_raw("data", body::write(&notification.data))
        .optional_list("repairs", notification.repairs.iter().map(write_repair))
        .end()
}

fn write_cause_by(cause_by: &CauseBy) -> String {
    match cause_by {
        CauseBy::Reference(value) => Writer::new().string("reference", value).end(),
        CauseBy::Identifier(value) => Writer::new().string("identifier", value).end(),
        CauseBy::Session => quote("session"),
        CauseBy::Unsolicited => quote("unsolicited"),
    }
}

fn write_fact(fact: &Fact) -> String {
    let text = |name: &str, value: &str| Writer::new().string(name, value).end();
    let what = match &fact.what {
        What::Handshake { endpoint, client } => {
            let given = Writer::new()
                .string("endpoint", endpoint)
                .string("client", client)
                .end();
            Writer::new().raw("handshake", &given).end()
        }
        What::Subscribe(channel) => text("subscribe", channel),
        What::Unsubscribe(channel) => text("unsubscribe", channel),
        What::Disconnect => quote("disconnect"),
        What::Acknowledge => quote("acknowledge"),
        What::Comment { stream, text } => {
            let given = Writer::new()
                .number("stream", stream.0)
                .string("text", text)
                .end();
            Writer::new().raw("comment", &given).end()
        }
        What::Ping(control) => Writer::new()
            .raw("ping", &stream::write_control(control))
            .end(),
        What::Pong(control) => Writer::new()
            .raw("pong", &stream::write_control(control))
            .end(),
        What::Closed(closed) => Writer::new()
            .raw("closed", &stream::write_closed(closed))
            .end(),
        What::Was(name) => text("was", name.name()),
    };
    Writer::of_kind("fact")
        .string("session", fact.session.name())
        .number("at", fact.at.0)
        .raw("what", &what)
        .end()
}

fn write_repair(repair: &Repair) -> String {
    Writer::new()
        .raw("line", &repair.line.to_string())
        .raw("column", &repair.column.to_string())
        .string("was", &repair.was)
        .string("became", &repair.became)
        .string("why", &repair.why)
        .end()
}

fn write_headers(headers: &Headers) -> impl Iterator<Item = String> {
    headers.iter().map(|(name, value)| {
        let value = match std::str::from_utf8(value) {
            Ok(text) => quote(text),
            Err(_) => Writer::new().string("base64", &BASE64.encode(value)).end(),
        };
        format!("[{},{value}]", quote(name))
    })
}

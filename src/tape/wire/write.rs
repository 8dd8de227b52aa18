//! The wire form of each object, written: the counterpart of what [`super::read`] reads.
//!
//! It writes compact JSON; laying it out for people is the business of `layout`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::exchange::json::plain_length;
use crate::exchange::{
    Body, CauseBy, Contract, End, Fact, Form, Headers, Notification, Operation, Presence, Repair,
    Request, Response, Value, What,
};
use crate::tape::json::{Writer, push_quoted, quote};
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
    append_event(event, String::new())
}

/// Writes an event behind what stands there, and returns all of it.
pub(in crate::tape) fn append_event(event: &Event, text: String) -> String {
    match event {
        Event::Contract(contract) => text + &write_contract(contract),
        Event::Operation(operation) => write_operation(operation, text),
        Event::Notification(notification) => write_notification(notification, text),
        Event::Fact(fact) => text + &write_fact(fact),
        Event::Gap(gap) => text + &gap::write(gap),
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

fn write_operation(operation: &Operation, text: String) -> String {
    let Request {
        method,
        target,
        headers,
        body,
        trailers,
    } = &operation.request;
    let object = Writer::onto(text)
        .string("kind", "operation")
        .number("id", operation.id.0)
        .string("session", operation.session.name())
        .number("at", operation.at.0)
        .number("answered", operation.answered.0)
        .optional_raw("form", stream::write_form(operation.form))
        .object("request", |request| {
            let request = request.string("method", method).string("target", target);
            write_content(request, headers, body, trailers)
        });
    let object = match operation.form {
        Form::Message(_) if operation.response == Response::none() => object,
        Form::Exchange | Form::Opens(_) | Form::Message(_) => {
            let Response {
                status,
                headers,
                body,
                trailers,
            } = &operation.response;
            object.object("response", |response| {
                let response = response.number("status", u64::from(*status));
                write_content(response, headers, body, trailers)
            })
        }
    };
    let truncated = match operation.end {
        End::Complete => None,
        End::Truncated => Some("true".to_owned()),
    };
    object
        .optional_raw("truncated", truncated)
        .optional_list("repairs", operation.repairs.iter().map(write_repair))
        .end()
}

/// What requests and responses have alike.
fn write_content(object: Writer, headers: &Headers, body: &Body, trailers: &Headers) -> Writer {
    let object = write_headers(object, "headers", headers);
    let object = body::write(object, "body", body);
    if trailers.is_empty() {
        object
    } else {
        write_headers(object, "trailers", trailers)
    }
}

fn write_notification(notification: &Notification, text: String) -> String {
    let object = Writer::onto(text)
        .string("kind", "notification")
        .number("id", notification.id.0)
        .string("session", notification.session.name())
        .number("at", notification.at.0)
        .string("channel", &notification.channel)
        .optional_raw("carrier", stream::write_carrier(&notification.carrier))
        .array("after", notification.after.iter(), |cause, text| {
            // A String takes all that it is given, so there is no error to report.
            let _ = write!(text, "{cause}");
        })
        .optional_raw(
            "cause_by",
            notification.cause_by.as_ref().map(write_cause_by),
        );
    body::write(object, "data", &notification.data)
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

fn write_headers(object: Writer, name: &str, headers: &Headers) -> Writer {
    // In most nothing is to be escaped, and to look through all at once takes less than through each.
    let plain = plain_length(headers.text().as_bytes());
    let mut end = 0;
    object.array(name, headers.values(), |(name, value), text| {
        end += name.len();
        if let Value::Text(value) = value {
            end += value.len();
            if end <= plain {
                for part in ["[\"", name, "\",\"", value, "\"]"] {
                    text.push_str(part);
                }
                return;
            }
        }
        text.push('[');
        push_quoted(name, text);
        text.push(',');
        match value {
            Value::Text(value) => push_quoted(value, text),
            Value::Octets(octets) => {
                let form = Writer::new().string("base64", &BASE64.encode(octets));
                text.push_str(&form.end());
            }
        }
        text.push(']');
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn header_fields_are_written_as_if_each_was_quoted_by_itself(
            fields in prop::collection::vec(
                ("[a-z\"é]{0,4}", prop_oneof![
                    3 => "[a-z ]{0,20}".prop_map(String::into_bytes),
                    1 => "[a-z\"\\\\\n]{0,4}".prop_map(String::into_bytes),
                    1 => prop::collection::vec(any::<u8>(), 0..4),
                ]),
                0..12,
            ),
        ) {
            let lines = fields.iter().map(|(name, value)| match std::str::from_utf8(value) {
                Ok(value) => format!("[{},{}]", quote(name), quote(value)),
                Err(_) => format!("[{},{{\"base64\":\"{}\"}}]", quote(name), BASE64.encode(value)),
            });
            let expected = format!("{{\"headers\":[{}]}}", lines.collect::<Vec<_>>().join(","));
            let headers: Headers = fields.iter().map(|(name, value)| (name, value)).collect();
            prop_assert_eq!(write_headers(Writer::new(), "headers", &headers).end(), expected);
        }
    }
}

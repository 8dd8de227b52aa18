//! The wire form of a tape, format 1: what each kind of object looks like, read and written.
//!
//! The domain types never derive it, so they may change without the format. It reads and writes one
//! object at a time, in compact form, and knows nothing of files, order, or layouts for people.

mod body;
mod fact;
mod field;
mod gap;
mod glance;
mod quick;
mod redaction;
mod seal;
mod slate;
mod stream;
mod write;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny};

use crate::exchange::{
    Carrier, CauseBy, Contract, End, Form, Micros, Notification, NotificationId, Operation,
    OperationId, Parameter, Presence, Repair, Request, Response, Session,
};

use super::error::Problem;
use super::json::{Object, present};
use super::{Event, Header, Segment, Trust};
use body::WireBody;
use fact::{WireCauseBy, WireFact};
use field::{True, WireStatus, WireValue, headers};
use gap::WireGap;
pub(super) use glance::{Before, OPERATION, operation};
pub use glance::{Content, Fields, Glance, Likeness, Same};
use redaction::WireRedaction;
pub(super) use seal::{Seal, Trailer};
pub use slate::Slate;
use stream::{WireCarrier, WireForm};
pub(super) use write::{append_event, write_event, write_header, write_trailer};

/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: u64 = 1;

/// One object of a tape.
pub(super) enum Entry {
    Header(Box<Header>),
    Event(Box<Event>),
    Trailer(Trailer),
}

/// Why an object cannot be read.
pub(super) enum Fault {
    /// It is not shaped as its kind is; the error knows where in the object.
    Shape(serde_json::Error),
    /// It cannot be on this tape.
    Problem(Problem),
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Shape(error)
    }
}

/// Reads one object.
pub(super) fn read(object: &str) -> Result<(String, Entry), Fault> {
    // As capture writes it, an object says first what it is; and most of a tape's bytes are in operations.
    if let Some(operation) = operation(object) {
        let event = Event::Operation(operation);
        return Ok(("operation".to_owned(), Entry::Event(Box::new(event))));
    }
    let Object(Peek { kind, antiphon }) = serde_json::from_str(object)?;
    let event = match kind.as_str() {
        "header" => {
            return match antiphon {
                Some(version) if version != VERSION => {
                    Err(Fault::Problem(Problem::Version(version)))
                }
                _ => {
                    let header = serde_json::from_str::<WireHeader>(object)?;
                    Ok((kind, Entry::Header(Box::new(header.into()))))
                }
            };
        }
        "trailer" => return Ok((kind, Entry::Trailer(serde_json::from_str(object)?))),
        "contract" => Event::Contract(serde_json::from_str::<WireContract>(object)?.into()),
        "operation" => Event::Operation(read_operation(object)?),
        "notification" => Event::Notification(read_notification(object)?),
        "fact" => Event::Fact(serde_json::from_str::<WireFact>(object)?.into()),
        "gap" => Event::Gap(serde_json::from_str::<WireGap>(object)?.into()),
        _ => return Err(Fault::Problem(Problem::UnknownKind(kind))),
    };
    Ok((kind, Entry::Event(Box::new(event))))
}

/// Reads an object that is an operation.
fn read_operation(object: &str) -> Result<Operation, serde_json::Error> {
    let wire = serde_json::from_str::<WireOperation>(object)?;
    if wire.response.is_none() && !matches!(wire.form, Some(WireForm::Message(_))) {
        return Err(serde_json::Error::missing_field("response"));
    }
    Ok(wire.into())
}

/// Reads an object that is a notification.
pub(super) fn read_notification(object: &str) -> Result<Notification, serde_json::Error> {
    serde_json::from_str::<WireNotification>(object).map(Notification::from)
}

// Every struct denies unknown fields, since `format` would lose them. Every optional field is either
// absent or has a value: `null` would be a second way to write the first.

/// As much of an object as says how to read the rest.
#[derive(Deserialize)]
struct Peek {
    kind: String,
    antiphon: Option<u64>,
}

/// A field that [`Peek`] has read already.
#[derive(Debug, PartialEq, Eq)]
struct Kind;

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Kind)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHeader {
    #[serde(rename = "kind")]
    _kind: Kind,
    #[serde(rename = "antiphon")]
    _antiphon: u64,
    title: String,
    source: String,
    #[serde(default, deserialize_with = "present")]
    started: Option<String>,
    #[serde(default, deserialize_with = "present")]
    endpoint: Option<String>,
    #[serde(default, deserialize_with = "present")]
    insecure: Option<True>,
    #[serde(default, deserialize_with = "present")]
    segment: Option<Object<WireSegment>>,
    redacted: Option<WireRedaction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSegment {
    recording: String,
    number: u64,
}

impl From<WireHeader> for Header {
    fn from(wire: WireHeader) -> Self {
        Header {
            title: wire.title,
            source: wire.source,
            started: wire.started,
            endpoint: wire.endpoint,
            trust: match wire.insecure {
                None => Trust::Checked,
                Some(True) => Trust::Insecure,
            },
            segment: wire.segment.map(|Object(segment)| Segment {
                recording: segment.recording,
                number: segment.number,
            }),
            redaction: wire.redacted.map(|WireRedaction(redaction)| redaction),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireContract {
    #[serde(rename = "kind")]
    _kind: Kind,
    method: String,
    path: String,
    #[serde(default, deserialize_with = "present")]
    operation: Option<String>,
    parameters: Vec<Object<WireParameter>>,
}

impl From<WireContract> for Contract {
    fn from(wire: WireContract) -> Self {
        Contract {
            method: wire.method,
            path: wire.path,
            operation: wire.operation,
            parameters: domain(wire.parameters),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireParameter {
    name: String,
    presence: WirePresence,
    #[serde(default, deserialize_with = "present")]
    default: Option<String>,
    #[serde(default)]
    allowed: Vec<String>,
    text: String,
}

impl From<WireParameter> for Parameter {
    fn from(wire: WireParameter) -> Self {
        Parameter {
            name: wire.name,
            presence: match wire.presence {
                WirePresence::Mandatory => Presence::Mandatory,
                WirePresence::Optional => Presence::Optional,
                WirePresence::Unstated => Presence::Unstated,
                WirePresence::Unless(name) => Presence::Unless(name),
                WirePresence::With(name) => Presence::OnlyWith(name),
            },
            default: wire.default,
            allowed: wire.allowed,
            text: wire.text,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WirePresence {
    Mandatory,
    Optional,
    Unstated,
    Unless(String),
    With(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireOperation {
    #[serde(rename = "kind")]
    _kind: Kind,
    id: u64,
    session: String,
    at: u64,
    answered: u64,
    #[serde(default, deserialize_with = "present")]
    form: Option<WireForm>,
    request: Object<WireRequest>,
    /// Only a message on a socket may have none. One that has it is a Bayeux client's, and it holds the
    /// service's replies to what that publishes.
    #[serde(default, deserialize_with = "present")]
    response: Option<Object<WireResponse>>,
    #[serde(default, deserialize_with = "present")]
    truncated: Option<True>,
    #[serde(default)]
    repairs: Vec<Object<WireRepair>>,
}

impl From<WireOperation> for Operation {
    fn from(wire: WireOperation) -> Self {
        let Object(request) = wire.request;
        Operation {
            form: wire.form.map_or(Form::Exchange, Form::from),
            id: OperationId(wire.id),
            session: Session::new(wire.session),
            at: Micros(wire.at),
            answered: Micros(wire.answered),
            request: Request {
                method: request.method,
                target: request.target,
                headers: headers(&request.headers),
                body: request.body.0,
                trailers: headers(&request.trailers),
            },
            response: wire
                .response
                .map_or_else(Response::none, |Object(response)| Response {
                    status: response.status.0,
                    headers: headers(&response.headers),
                    body: response.body.0,
                    trailers: headers(&response.trailers),
                }),
            end: match wire.truncated {
                Some(True) => End::Truncated,
                None => End::Complete,
            },
            repairs: domain(wire.repairs),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRequest {
    method: String,
    target: String,
    headers: Vec<(String, WireValue)>,
    #[serde(default)]
    body: WireBody,
    #[serde(default)]
    trailers: Vec<(String, WireValue)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireResponse {
    status: WireStatus,
    headers: Vec<(String, WireValue)>,
    #[serde(default)]
    body: WireBody,
    #[serde(default)]
    trailers: Vec<(String, WireValue)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireNotification {
    #[serde(rename = "kind")]
    _kind: Kind,
    id: u64,
    session: String,
    at: u64,
    channel: String,
    #[serde(default, deserialize_with = "present")]
    carrier: Option<WireCarrier>,
    after: Vec<u64>,
    #[serde(default, deserialize_with = "present")]
    cause_by: Option<WireCauseBy>,
    #[serde(default)]
    data: WireBody,
    #[serde(default)]
    repairs: Vec<Object<WireRepair>>,
}

impl From<WireNotification> for Notification {
    fn from(wire: WireNotification) -> Self {
        Notification {
            carrier: wire.carrier.map_or(Carrier::Bayeux, Carrier::from),
            id: NotificationId(wire.id),
            session: Session::new(wire.session),
            at: Micros(wire.at),
            channel: wire.channel,
            after: wire.after.into_iter().map(OperationId).collect(),
            cause_by: wire.cause_by.map(CauseBy::from),
            data: wire.data.0,
            repairs: domain(wire.repairs),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireRepair {
    line: usize,
    column: usize,
    was: String,
    became: String,
    why: String,
}

impl From<WireRepair> for Repair {
    fn from(wire: WireRepair) -> Self {
        Repair {
            line: wire.line,
            column: wire.column,
            was: wire.was,
            became: wire.became,
            why: wire.why,
        }
    }
}

fn domain<W, T: From<W>>(wire: Vec<Object<W>>) -> Vec<T> {
    wire.into_iter().map(|Object(item)| item.into()).collect()
}

//! Streams: responses that stay open, and the messages that pass on them.

use super::{Body, Headers, OperationId, Response};

/// The status that stands for the response of a message on a socket that has none.
const NO_RESPONSE: u16 = 204;

/// What the response of an operation opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Server-sent events (WHATWG HTML §9.2).
    Events,
    /// Lines of JSON.
    Lines,
    /// A WebSocket (RFC 6455).
    Socket,
}

/// The types of content whose lines are messages, where nothing says how long the content is.
const LINES: &[&str] = &[
    "application/json-lines",
    "application/jsonl",
    "application/jsonlines",
    "application/ndjson",
    "application/stream+json",
    "application/x-json-stream",
    "application/x-jsonlines",
    "application/x-ndjson",
];

impl Stream {
    /// Its name, on the tape and for people.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Events => "events",
            Stream::Lines => "lines",
            Stream::Socket => "socket",
        }
    }

    /// The stream that a response with this head opens, by its type of content. A response whose length
    /// is known is whole, and none.
    pub fn of(status: u16, headers: &Headers) -> Option<Stream> {
        if status != 200 || headers.get("content-length").is_some() {
            return None;
        }
        let kind = headers.get("content-type").unwrap_or_default();
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default();
        let is = |name: &str| kind.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        if is("text/event-stream") {
            Some(Stream::Events)
        } else if LINES.iter().any(|name| is(name)) {
            Some(Stream::Lines)
        } else {
            None
        }
    }
}

/// How an operation travelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As an HTTP request and its whole response.
    #[default]
    Exchange,
    /// As an HTTP request whose response opened a stream: of the response only the head counts, and it
    /// was answered when that was there.
    Opens(Stream),
    /// As a message of the client on a socket. Its method is [`SEND`], and its target that of the socket.
    /// Its response is [`Response::none`], but for what a Bayeux client publishes: of that it is the
    /// service's replies.
    Message(OnSocket),
}

/// The header by which a client says which event it has seen last (WHATWG HTML §9.2.4).
pub const LAST_EVENT: &str = "last-event-id";

/// The method of what a client sends on a socket. It is no HTTP method that a client uses.
pub const SEND: &str = "SEND";

/// A message on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnSocket {
    /// The operation that opened the socket.
    pub stream: OperationId,
    /// What the message says of itself.
    pub kind: Kind,
}

/// What a message on a socket is, by its opcode (RFC 6455 §5.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// Octets.
    Binary,
}

impl Kind {
    /// Its name, on the tape and for people.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Text => "text",
            Kind::Binary => "binary",
        }
    }
}

/// How a notification travelled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// As a Bayeux event, on whichever reply.
    #[default]
    Bayeux,
    /// As a server-sent event, whose data is the notification's.
    Event(ServerSent),
    /// As a line, without what ends it, of the stream that this operation opened.
    Line(OperationId),
    /// As a message on a socket.
    Message(OnSocket),
}

/// What a server-sent event has beside its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSent {
    /// The operation that opened its stream.
    pub stream: OperationId,
    /// The `event` field: its type.
    pub event: Option<String>,
    /// The `id` field.
    pub id: Option<String>,
    /// The `retry` field, in milliseconds.
    pub retry: Option<u64>,
    /// The event as it was written, up to and with the empty line, where the fields alone do not tell.
    pub written: Option<String>,
}

impl Carrier {
    /// The operation that opened the stream on which it travelled; `None` for Bayeux.
    pub fn stream(&self) -> Option<OperationId> {
        match self {
            Carrier::Bayeux => None,
            Carrier::Event(event) => Some(event.stream),
            Carrier::Line(stream) => Some(*stream),
            Carrier::Message(message) => Some(message.stream),
        }
    }
}

impl Response {
    /// What stands for the response of a message on a socket that has none: 204, without content.
    pub fn none() -> Response {
        Response {
            status: NO_RESPONSE,
            headers: Headers::new(),
            body: Body::default(),
            trailers: Headers::new(),
        }
    }
}

impl Form {
    /// What it opens, if it opens anything.
    pub fn opens(&self) -> Option<Stream> {
        match self {
            Form::Opens(stream) => Some(*stream),
            Form::Exchange | Form::Message(_) => None,
        }
    }
}

/// One of the two ends of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The client.
    Client,
    /// The service.
    Service,
}

impl Side {
    /// Its name, on the tape and for people.
    pub fn name(self) -> &'static str {
        match self {
            Side::Client => "client",
            Side::Service => "service",
        }
    }
}

/// Who ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// The client.
    Client,
    /// The service.
    Service,
    /// The recording ended, while both sides went on.
    Recorder,
}

impl Ender {
    /// Its name, on the tape and for people.
    pub fn name(self) -> &'static str {
        match self {
            Ender::Client => Side::Client.name(),
            Ender::Service => Side::Service.name(),
            Ender::Recorder => "recorder",
        }
    }
}

impl From<Side> for Ender {
    fn from(side: Side) -> Self {
        match side {
            Side::Client => Ender::Client,
            Side::Service => Ender::Service,
        }
    }
}

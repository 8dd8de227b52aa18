//! The domain: what clients and a service said to each other.
//!
//! These types know neither how a tape is written ([`crate::tape`]) nor how a request travels;
//! they hold bytes, names and times, exactly as they were seen.

mod body;
pub mod coding;
mod contract;
mod counted;
pub mod credentials;
mod gap;
mod headers;
pub mod json;
pub mod secret;
mod session_by;
mod stream;

pub use body::{Body, Cut};
pub use contract::{Contract, Parameter, Presence};
pub use counted::counted;
pub use gap::Gap;
pub use headers::{HOP_BY_HOP, Headers, Value, is_made_anew};
pub use session_by::{NoSessionBy, SessionBy};
pub use stream::{
    Carrier, Ender, Form, Kind, LAST_EVENT, OnSocket, SEND, ServerSent, Side, Stream,
};

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

/// A point in time, in whole microseconds since the start of the tape (or of the run).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Micros {
    /// The time from `earlier` to `self`; zero where `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Micros) -> Micros {
        Micros(self.0.saturating_sub(earlier.0))
    }

    /// The point `span` after `self`; the end of time where there is none.
    #[must_use]
    pub fn after(self, span: Micros) -> Micros {
        Micros(self.0.saturating_add(span.0))
    }
}

/// The number of an operation, unique on its tape; what a notification's `after` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a notification, unique on its tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NotificationId(pub u64);

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of one client's conversation, such as `agent1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Session(Arc<str>);

impl Session {
    /// The session called `name`.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Session(name.into())
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Sessions are compared as their names are.
impl Borrow<str> for Session {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One request by a client and its response, or one message of a client on a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number on the tape.
    pub id: OperationId,
    /// The client that called it.
    pub session: Session,
    /// When the request arrived.
    pub at: Micros,
    /// When the last byte of the response was there.
    pub answered: Micros,
    /// What the client sent.
    pub request: Request,
    /// What the service answered.
    pub response: Response,
    /// Whether the response came to its end.
    pub end: End,
    /// How it travelled.
    pub form: Form,
    /// What was mended in the text that this operation was read from; empty for captured traffic.
    pub repairs: Vec<Repair>,
}

/// How a response ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// With its last byte.
    #[default]
    Complete,
    /// Before it: the service or the client broke off.
    Truncated,
}

/// The request of an operation (RFC 9110 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, as sent: `POST`.
    pub method: String,
    /// The target in origin form: path and query.
    pub target: String,
    /// The header fields, in order.
    pub headers: Headers,
    /// The content.
    pub body: Body,
    /// The trailer fields (RFC 9110 §6.5), in order.
    pub trailers: Headers,
}

/// The response of an operation (RFC 9110 §6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code, 100 to 599.
    pub status: u16,
    /// The header fields, in order.
    pub headers: Headers,
    /// The content.
    pub body: Body,
    /// The trailer fields (RFC 9110 §6.5), in order.
    pub trailers: Headers,
}

/// One message that the service pushed to one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Its number on the tape.
    pub id: NotificationId,
    /// The client that received it.
    pub session: Session,
    /// When the client had it.
    pub at: Micros,
    /// The channel that it came on, such as `/v2/me/chats`; on a stream, the path of that.
    pub channel: String,
    /// How it travelled.
    pub carrier: Carrier,
    /// Its causes: the operations that must have happened before it is due. Empty: unsolicited.
    pub after: Vec<OperationId>,
    /// How its causes were found, where they were inferred.
    pub cause_by: Option<CauseBy>,
    /// The message's payload: for Bayeux, the JSON of the `data` field.
    pub data: Body,
    /// What was mended in the text that this notification was read from; empty for captured traffic.
    pub repairs: Vec<Repair>,
}

/// How the cause of a notification was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CauseBy {
    /// Both carry this `referenceId` or operation id.
    Reference(String),
    /// Both carry this identifier: a chat, a call, a user.
    Identifier(String),
    /// It is the latest operation of the notification's own session.
    Session,
    /// None was found: it is unsolicited.
    Unsolicited,
}

/// Something that a session did or was told which is neither an operation nor a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Whose.
    pub session: Session,
    /// When.
    pub at: Micros,
    /// What.
    pub what: What,
}

/// What a [`Fact`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A Bayeux handshake at this path gave the session this client identifier.
    Handshake {
        /// The path of the endpoint.
        endpoint: String,
        /// The identifier.
        client: String,
    },
    /// It subscribed to this channel or pattern.
    Subscribe(String),
    /// It unsubscribed.
    Unsubscribe(String),
    /// It disconnected.
    Disconnect,
    /// The acknowledgement extension was agreed on.
    Acknowledge,
    /// On a stream of server-sent events came a comment.
    Comment {
        /// The operation that opened it.
        stream: OperationId,
        /// The comment, without its colon.
        text: String,
    },
    /// On a socket came a ping (RFC 6455 §5.5.2).
    Ping(Control),
    /// On a socket came a pong (RFC 6455 §5.5.3).
    Pong(Control),
    /// A stream came to its end.
    Closed(Closed),
    /// What was recorded under this provisional name belongs to the session: who it was came out
    /// later.
    Was(Session),
}

impl What {
    /// The operation that opened the stream of which it tells something.
    pub fn stream(&self) -> Option<OperationId> {
        match self {
            What::Comment { stream, .. } => Some(*stream),
            What::Ping(control) | What::Pong(control) => Some(control.stream),
            What::Closed(closed) => Some(closed.stream),
            What::Handshake { .. }
            | What::Subscribe(_)
            | What::Unsubscribe(_)
            | What::Disconnect
            | What::Acknowledge
            | What::Was(_) => None,
        }
    }
}

/// A control frame of a socket that leaves it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// The operation that opened the socket.
    pub stream: OperationId,
    /// Who sent it.
    pub by: Side,
    /// What it carries.
    pub payload: Bytes,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The operation that opened it.
    pub stream: OperationId,
    /// Who ended it first.
    pub by: Ender,
    /// The code of a socket's close frame (RFC 6455 §7.4), where there was one.
    pub code: Option<u16>,
    /// Its reason.
    pub reason: String,
    /// Whether it ended as its protocol wants, or broke off.
    pub end: End,
}

/// One place where text was mended before it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The line of the source, from 1.
    pub line: usize,
    /// The column in that line, in characters, from 1.
    pub column: usize,
    /// What stood there.
    pub was: String,
    /// What it became.
    pub became: String,
    /// Why this is the one plausible reading.
    pub why: String,
}

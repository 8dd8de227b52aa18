//! The wire form of what only a recording knows, read: facts of a session, and how causes were found.

use serde::Deserialize;

use crate::exchange::{CauseBy, Fact, Micros, OperationId, Session, What};
use crate::tape::json::Object;

use super::Kind;
use super::stream::{WireClosed, WireComment, WireControl};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WireCauseBy {
    Reference(String),
    Identifier(String),
    Session,
    Unsolicited,
}

impl From<WireCauseBy> for CauseBy {
    fn from(wire: WireCauseBy) -> Self {
        match wire {
            WireCauseBy::Reference(value) => CauseBy::Reference(value),
            WireCauseBy::Identifier(value) => CauseBy::Identifier(value),
            WireCauseBy::Session => CauseBy::Session,
            WireCauseBy::Unsolicited => CauseBy::Unsolicited,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WireFact {
    #[serde(rename = "kind")]
    _kind: Kind,
    session: String,
    at: u64,
    what: WireWhat,
}

impl From<WireFact> for Fact {
    fn from(wire: WireFact) -> Self {
        Fact {
            session: Session::new(wire.session),
            at: Micros(wire.at),
            what: wire.what.into(),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum WireWhat {
    Handshake(Object<WireHandshake>),
    Subscribe(String),
    Unsubscribe(String),
    Disconnect,
    Acknowledge,
    Comment(Object<WireComment>),
    Ping(Object<WireControl>),
    Pong(Object<WireControl>),
    Closed(Object<WireClosed>),
    Was(String),
}

impl From<WireWhat> for What {
    fn from(wire: WireWhat) -> Self {
        match wire {
            WireWhat::Handshake(Object(WireHandshake { endpoint, client })) => {
                What::Handshake { endpoint, client }
            }
            WireWhat::Subscribe(channel) => What::Subscribe(channel),
            WireWhat::Unsubscribe(channel) => What::Unsubscribe(channel),
            WireWhat::Disconnect => What::Disconnect,
            WireWhat::Acknowledge => What::Acknowledge,
            WireWhat::Comment(Object(WireComment { stream, text })) => What::Comment {
                stream: OperationId(stream),
                text,
            },
            WireWhat::Ping(Object(control)) => What::Ping(control.into()),
            WireWhat::Pong(Object(control)) => What::Pong(control.into()),
            WireWhat::Closed(Object(closed)) => What::Closed(closed.into()),
            WireWhat::Was(name) => What::Was(Session::new(name)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireHandshake {
    endpoint: String,
    client: String,
}

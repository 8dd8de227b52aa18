//! What our own server replies, as it is written. What a reply says is decided by whoever makes it; how the
//! replies of others are read stands in [`super::reply`].

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;

use super::message::Message;

/// A reply to a message on a meta channel, or to a publish.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a RawValue>,
    pub(super) channel: &'a str,
    pub(super) successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) supported_connection_types: Option<&'static [&'static str]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) subscription: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<Advice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ext: Option<Acknowledgement>,
}

/// What the server tells a client to do next. Times are milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Advice {
    pub(super) reconnect: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) timeout: Option<u64>,
    pub(super) interval: u64,
}

/// The acknowledgement extension in a reply: granted, or the number of this reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Acknowledgement {
    Granted,
    Number(u64),
}

impl Serialize for Acknowledgement {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Field<T> {
            ack: T,
        }
        match *self {
            Acknowledgement::Granted => Field { ack: true }.serialize(serializer),
            Acknowledgement::Number(ack) => Field { ack }.serialize(serializer),
        }
    }
}

impl<'a> Reply<'a> {
    /// A successful reply to `message`, with nothing in it yet.
    pub(super) fn to(message: &'a Message) -> Reply<'a> {
        Reply {
            id: message.id.as_deref(),
            channel: &message.channel,
            successful: true,
            client_id: None,
            version: None,
            supported_connection_types: None,
            subscription: message.subscription.as_deref(),
            error: None,
            advice: None,
            ext: None,
        }
    }

    /// The same reply as a refusal.
    pub(super) fn refused(mut self, error: impl Into<String>) -> Reply<'a> {
        self.successful = false;
        self.error = Some(error.into());
        self
    }

    /// The reply as JSON. No field of it can fail to be written; were that to change, the reply
    /// would be an empty object rather than a lie.
    pub(super) fn json(&self) -> Bytes {
        serde_json::to_vec(self)
            .unwrap_or_else(|_| b"{}".to_vec())
            .into()
    }
}

//! Messages as a server sends them: replies on meta channels, replies to publishes, and events.
//!
//! Reading only, for whoever listens in on a conversation; [`super::replying`] writes the replies of
//! our own server.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::message::Message;

/// A message by a server. Of its fields the ones that a listener asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The channel that it is sent on.
    pub channel: String,
    /// Which of the client's messages it answers, with its exact spelling.
    #[serde(default)]
    pub id: Option<Box<RawValue>>,
    /// Whether the client's message was accepted; only a reply says so.
    #[serde(default)]
    pub successful: Option<bool>,
    /// The client that it is for; a handshake's reply gives it.
    #[serde(default)]
    pub client_id: Option<String>,
    /// What was subscribed to, or no longer is: a string, or an array of them.
    #[serde(default)]
    pub subscription: Option<Box<RawValue>>,
    /// The payload, with every token as it was sent; `null` is one.
    #[serde(default, deserialize_with = "present")]
    pub data: Option<Box<RawValue>>,
    /// Why the client's message was refused: `402::Unknown client`.
    #[serde(default)]
    pub error: Option<String>,
    /// What the client should do next.
    #[serde(default)]
    pub advice: Option<Advised>,
    /// Extensions.
    #[serde(default)]
    pub ext: Option<super::message::Extensions>,
}

/// What a server advises a client to do next.
#[derive(Clone, Debug, Deserialize)]
pub struct Advised {
    /// `retry`, `handshake` or `none`.
    #[serde(default)]
    pub reconnect: Option<String>,
}

/// What a server's message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It answers a message on a meta channel.
    Meta,
    /// It answers a publish.
    Published,
    /// It is an event.
    Event,
}

/// Reads the messages of a response: an array or a bare object, or a JSONP call with either as its
/// argument.
pub fn read(content: &[u8]) -> Result<Vec<Sent>, serde_json::Error> {
    let json = argument(content).unwrap_or(content);
    match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(vec![serde_json::from_slice(json)?]),
        _ => serde_json::from_slice(json),
    }
}

/// The same messages as they were written, in the same order.
pub fn texts(content: &[u8]) -> Result<Vec<Box<RawValue>>, serde_json::Error> {
    let json = argument(content).unwrap_or(content);
    match json.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') => Ok(vec![serde_json::from_slice(json)?]),
        _ => serde_json::from_slice(json),
    }
}

/// The texts of a subscription: one string, or an array of them; none where it is neither.
pub fn channels(subscription: &RawValue) -> Vec<String> {
    serde_json::from_str(subscription.get())
        .or_else(|_| serde_json::from_str(subscription.get()).map(|one| vec![one]))
        .unwrap_or_default()
}

impl Sent {
    /// What the message is. Servers answer a publish without `data`, and send events without
    /// `successful`; one with both is an event, since nothing that was pushed may be lost.
    pub fn role(&self) -> Role {
        if self.channel.starts_with(super::message::META) {
            Role::Meta
        } else if self.successful.is_some() && self.data.is_none() {
            Role::Published
        } else {
            Role::Event
        }
    }

    /// Whether it answers this message of its client.
    pub fn answers(&self, message: &Message) -> bool {
        let id = |id: &Option<Box<RawValue>>| id.as_deref().map(RawValue::get).map(str::to_owned);
        self.role() != Role::Event
            && message.channel == self.channel
            && id(&message.id) == id(&self.id)
    }

    /// Whether it says that the server no longer knows the client, who must shake hands again.
    pub fn forgets_client(&self) -> bool {
        let told = self
            .advice
            .as_ref()
            .and_then(|advice| advice.reconnect.as_deref());
        self.successful == Some(false)
            && (told == Some("handshake")
                || self
                    .error
                    .as_deref()
                    .is_some_and(|error| error.starts_with("402")))
    }

    /// Whether a handshake's reply agrees on acknowledgements.
    pub fn acknowledges(&self) -> bool {
        let ack = self.ext.as_ref().and_then(|ext| ext.ack.as_deref());
        ack.is_some_and(|ack| ack.get() == "true")
    }
}

/// The argument of a JSONP call, where the content is one: `/**/name([…]);`.
fn argument(content: &[u8]) -> Option<&[u8]> {
    let first = content.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if matches!(first, b'[' | b'{') {
        return None;
    }
    let from = memchr::memchr(b'(', content)?.checked_add(1)?;
    let to = memchr::memrchr(b')', content)?;
    content.get(from..to)
}

fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_reply_is_read() {
        let one = r#"{"channel":"/v2/me/chats","data":{"n": 1.10}}"#;
        for content in [
            one.to_owned(),
            format!(" [{one}] "),
            format!("jsonpcallback([{one}])"),
            format!("/**/a.b([{one}]);\n"),
        ] {
            let sent = read(content.as_bytes()).unwrap();
            assert_eq!(sent.len(), 1, "{content}");
            assert_eq!(sent[0].data.as_ref().unwrap().get(), r#"{"n": 1.10}"#);
            assert_eq!(sent[0].role(), Role::Event);
        }
        assert!(read(b"<html>(no)</html>").is_err());
        assert!(read(b"").is_err());
    }

    #[test]
    fn replies_and_events_are_told_apart() {
        for (text, role) in [
            (
                r#"{"channel":"/meta/connect","successful":true,"data":1}"#,
                Role::Meta,
            ),
            (
                r#"{"channel":"/service/a","successful":true,"id":"4"}"#,
                Role::Published,
            ),
            (r#"{"channel":"/a","data":null}"#, Role::Event),
            (r#"{"channel":"/a","id":"4"}"#, Role::Event),
            (
                r#"{"channel":"/a","data":1,"successful":true}"#,
                Role::Event,
            ),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap()[0].role(), role, "{text}");
        }
    }

    #[test]
    fn a_forgotten_client_is_told_by_error_or_advice() {
        for (fields, forgets) in [
            (r#""successful":false,"error":"402::Unknown client""#, true),
            (
                r#""successful":false,"advice":{"reconnect":"handshake"}"#,
                true,
            ),
            (r#""successful":false,"error":"403::forbidden""#, false),
            (r#""successful":true,"advice":{"reconnect":"retry"}"#, false),
        ] {
            let text = format!(r#"[{{"channel":"/meta/connect",{fields}}}]"#);
            assert_eq!(
                read(text.as_bytes()).unwrap()[0].forgets_client(),
                forgets,
                "{text}"
            );
        }
    }
}

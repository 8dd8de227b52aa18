//! Bayeux messages as they travel: an array or a bare object in a POST, `message=` in a form, or a
//! JSONP call by GET; and how replies travel back. What these say stands in [`super::replying`].

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most messages in one request. Clients batch a handful; more is a fault or an attack.
const MAX_BATCH: usize = 1_000;

/// The longest name of a JSONP function that is echoed.
const MAX_JSONP_NAME: usize = 128;

/// The prefix of the channels on which client and server speak of the connection itself.
pub(super) const META: &str = "/meta/";

/// A message by a client. Of its fields the ones that the protocol gives a meaning; one whose value has
/// another type than the protocol says counts as absent.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The channel that it is sent on.
    pub channel: String,
    /// The client's own name for the message, echoed in the reply with its exact spelling.
    #[serde(default)]
    pub id: Option<Box<RawValue>>,
    /// Who sends it.
    #[serde(default, deserialize_with = "if_it_fits")]
    pub client_id: Option<String>,
    /// What to subscribe to: a string, or an array of them.
    #[serde(default)]
    pub subscription: Option<Box<RawValue>>,
    /// The connection types that a handshake offers.
    #[serde(default, deserialize_with = "if_it_fits")]
    pub supported_connection_types: Option<Vec<String>>,
    /// The payload of a publish.
    #[serde(default)]
    pub data: Option<Box<RawValue>>,
    /// What the client asks of the connection.
    #[serde(default, deserialize_with = "if_it_fits")]
    pub advice: Option<ClientAdvice>,
    /// Extensions.
    #[serde(default, deserialize_with = "if_it_fits")]
    pub ext: Option<Extensions>,
}

/// What a client asks of a connection.
#[derive(Clone, Debug, Deserialize)]
pub struct ClientAdvice {
    /// The longest time that a poll should be held, in milliseconds; what is no such number says
    /// nothing.
    #[serde(default)]
    timeout: Option<Box<RawValue>>,
}

/// The extensions that are understood; others are passed over, as the protocol wants.
#[derive(Clone, Debug, Deserialize)]
pub struct Extensions {
    /// The acknowledgement extension: `true` in a handshake, the last number seen in a connect.
    #[serde(default)]
    pub ack: Option<Box<RawValue>>,
}

/// How a request carried its messages, which is how the reply travels back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Long polling: the reply is JSON.
    Json,
    /// Callback polling: the reply is a call of this JavaScript function.
    Jsonp(String),
}

/// Why a request to the endpoint holds no Bayeux messages.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The content is not an array of messages, nor one message.
    #[error("the content is no Bayeux message: {0}")]
    Json(#[from] serde_json::Error),
    /// An array of something else than messages.
    #[error("a message must be an object")]
    NoObject,
    /// A form or query without a `message` field.
    #[error("there is no message field")]
    NoMessage,
    /// More messages than a client would send at once.
    #[error("{0} messages in one request, at most {MAX_BATCH} are read")]
    TooMany(usize),
    /// A JSONP callback that is no plain function name.
    #[error("{0:?} is no name of a JSONP function")]
    Callback(String),
}

/// Reads the messages of a POST. Content that begins like JSON is read as JSON, also where it is
/// called a form, as `curl -d` calls everything: no form with a `message` field begins so.
pub fn read(content_type: Option<&str>, content: &[u8]) -> Result<Vec<Message>, Unreadable> {
    let form = content_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    });
    if form && !begins_with(content, b"[{") {
        from_fields(content)
    } else {
        capped(from_json(content)?)
    }
}

/// Reads the messages of a GET by callback polling, and the name of the function to call.
pub fn read_query(query: &str) -> Result<(Vec<Message>, Carrier), Unreadable> {
    let messages = from_fields(query.as_bytes())?;
    let callback = form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "jsonp")
        .map_or_else(
            || "jsonpcallback".to_owned(),
            |(_, value)| value.into_owned(),
        );
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '.');
    if callback.is_empty() || callback.len() > MAX_JSONP_NAME || !callback.chars().all(plain) {
        return Err(Unreadable::Callback(callback));
    }
    Ok((messages, Carrier::Jsonp(callback)))
}

impl Carrier {
    /// The content of a response that carries these messages, each already JSON, with its type.
    pub fn response(&self, messages: &[Bytes]) -> (&'static str, Bytes) {
        let mut text = Vec::new();
        text.push(b'[');
        for (place, message) in messages.iter().enumerate() {
            if place > 0 {
                text.push(b',');
            }
            text.extend_from_slice(message);
        }
        text.push(b']');
        match self {
            Carrier::Json => ("application/json", text.into()),
            Carrier::Jsonp(function) => {
                let call = [function.as_bytes(), b"(", &text, b")"].concat();
                ("text/javascript;charset=utf-8", call.into())
            }
        }
    }
}

impl Message {
    /// Whether the message is about the connection itself, and no publish.
    pub fn is_meta(&self) -> bool {
        self.channel.starts_with(META)
    }

    /// The subscriptions that the message names; `None` where they are neither text nor texts, or
    /// none.
    pub fn subscriptions(&self) -> Option<Vec<String>> {
        let raw = self.subscription.as_ref()?.get();
        let read =
            serde_json::from_str(raw).or_else(|_| serde_json::from_str(raw).map(|one| vec![one]));
        read.ok().filter(|subscriptions| !subscriptions.is_empty())
    }

    /// Whether a handshake asks for acknowledgements.
    pub fn wants_ack(&self) -> bool {
        self.ack() == Some("true")
    }

    /// The number of the last reply that the client has, where it says so.
    pub fn acknowledged(&self) -> Option<i64> {
        self.ack()?.parse().ok()
    }

    /// The longest time, in milliseconds, that the client wants its poll held, where it says so.
    pub fn timeout(&self) -> Option<u64> {
        self.advice.as_ref()?.timeout.as_ref()?.get().parse().ok()
    }

    fn ack(&self) -> Option<&str> {
        self.ext.as_ref()?.ack.as_ref().map(|raw| raw.get())
    }
}

fn from_fields(fields: &[u8]) -> Result<Vec<Message>, Unreadable> {
    let mut messages = Vec::new();
    let mut seen = false;
    for (name, value) in form_urlencoded::parse(fields) {
        if name == "message" {
            seen = true;
            messages.extend(from_json(value.as_bytes())?);
        }
    }
    if seen {
        capped(messages)
    } else {
        Err(Unreadable::NoMessage)
    }
}

fn from_json(text: &[u8]) -> Result<Vec<Message>, Unreadable> {
    let raw: Vec<&RawValue> = if begins_with(text, b"{") {
        vec![serde_json::from_slice(text)?]
    } else {
        serde_json::from_slice(text)?
    };
    let read = |raw: &RawValue| {
        // The derived reader would take an array for an object's fields in order.
        if !raw.get().starts_with('{') {
            return Err(Unreadable::NoObject);
        }
        Ok(serde_json::from_str(raw.get())?)
    };
    raw.into_iter().map(read).collect()
}

/// A field's value; `None` where it is not what `T` reads.
fn if_it_fits<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: serde::de::DeserializeOwned,
{
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// Whether the first byte that is no white space is one of these.
fn begins_with(text: &[u8], any: &[u8]) -> bool {
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    first.is_some_and(|byte| any.contains(byte))
}

fn capped(messages: Vec<Message>) -> Result<Vec<Message>, Unreadable> {
    if messages.len() > MAX_BATCH {
        Err(Unreadable::TooMany(messages.len()))
    } else {
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channels(messages: &[Message]) -> Vec<&str> {
        messages
            .iter()
            .map(|message| message.channel.as_str())
            .collect()
    }

    #[test]
    fn every_form_of_a_request_is_read() {
        let json = r#"[{"channel":"/meta/connect","id":"2"},{"channel":"/meta/subscribe"}]"#;
        let form = format!(
            "message={}",
            form_urlencoded::byte_serialize(json.as_bytes()).collect::<String>()
        );
        let both = ["/meta/connect", "/meta/subscribe"];
        assert_eq!(channels(&read(None, json.as_bytes()).unwrap()), both);
        let kind = Some("application/json;charset=UTF-8");
        assert_eq!(channels(&read(kind, json.as_bytes()).unwrap()), both);
        let kind = Some("application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(channels(&read(kind, form.as_bytes()).unwrap()), both);
        let curl = Some("application/x-www-form-urlencoded");
        assert_eq!(channels(&read(curl, json.as_bytes()).unwrap()), both);
        let bare = b" {\"channel\":\"/meta/connect\"}";
        assert_eq!(channels(&read(None, bare).unwrap()), ["/meta/connect"]);
        let (messages, carrier) = read_query(&format!("jsonp=a._1&{form}")).unwrap();
        assert_eq!(channels(&messages), both);
        assert_eq!(
            carrier.response(&["{}".into(), "1".into()]).1,
            "a._1([{},1])"
        );
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let form = Some("application/x-www-form-urlencoded");
        assert!(matches!(read(None, b""), Err(Unreadable::Json(_))));
        assert!(matches!(read(None, b"[1]"), Err(Unreadable::NoObject)));
        assert!(matches!(
            read(None, br#"[["/meta/handshake"]]"#),
            Err(Unreadable::NoObject)
        ));
        assert!(matches!(
            read(None, br#"{"id":1}"#),
            Err(Unreadable::Json(_))
        ));
        assert!(matches!(
            read(form, b"massage=1"),
            Err(Unreadable::NoMessage)
        ));
        assert!(matches!(
            read_query("message=[]&jsonp=alert(1)"),
            Err(Unreadable::Callback(_))
        ));
        let many = format!(
            "[{}{{\"channel\":\"/a\"}}]",
            "{\"channel\":\"/a\"},".repeat(MAX_BATCH)
        );
        assert!(matches!(
            read(None, many.as_bytes()),
            Err(Unreadable::TooMany(1001))
        ));
    }

    #[test]
    fn a_subscription_is_a_string_or_an_array() {
        let subscriptions = |field: &str| {
            let text = format!(r#"{{"channel":"/meta/subscribe","subscription":{field}}}"#);
            read(None, text.as_bytes())
                .unwrap()
                .remove(0)
                .subscriptions()
        };
        assert_eq!(subscriptions("\"/a\""), Some(vec!["/a".to_owned()]));
        assert_eq!(
            subscriptions("[\"/a\",\"/b\"]"),
            Some(vec!["/a".to_owned(), "/b".to_owned()])
        );
        assert_eq!(subscriptions("7"), None);
        assert_eq!(subscriptions("null"), None);
        assert_eq!(subscriptions("[]"), None);
    }

    #[test]
    fn a_field_of_another_type_counts_as_absent() {
        let text = br#"{"channel":"/meta/connect","clientId":5,"ext":5,"advice":7,"supportedConnectionTypes":"x"}"#;
        let message = read(None, text).unwrap().remove(0);
        assert_eq!(
            (
                message.client_id.as_ref(),
                message.timeout(),
                message.acknowledged()
            ),
            (None, None, None)
        );
        assert_eq!(message.supported_connection_types, None);
    }
}

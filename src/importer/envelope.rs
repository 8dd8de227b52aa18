//! Samples that show a whole Bayeux message and not only its data.
//!
//! `{"channel": "/v2/me/calls", "data": {…}}`, alone or in a list with the replies that came beside
//! it (Bayeux §3). Values are taken over token for token.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// What a sample of a notification holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// The messages with data, in order.
    pub(super) messages: Vec<Message>,
    /// How many replies to the client's own messages stood beside them.
    pub(super) replies: usize,
}

/// One message of the service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The channel that the sample names.
    pub(super) channel: Option<String>,
    /// The JSON of its data.
    pub(super) data: String,
}

/// The fields that an envelope may have beside its data (Bayeux §3.1).
const FIELDS: &[&str] = &[
    "channel",
    "data",
    "id",
    "clientId",
    "ext",
    "advice",
    "successful",
    "timestamp",
];

/// The messages in a sample. What is no envelope is one message's data as it stands.
pub(super) fn unpack(json: &str) -> Unpacked {
    let list: Option<Vec<&RawValue>> = serde_json::from_str(json).ok();
    let items = list.unwrap_or_default();
    let mut unpacked = Unpacked::default();
    if !items.is_empty()
        && items
            .iter()
            .all(|item| !matches!(envelope(item.get()), Envelope::None))
    {
        for item in items {
            add(&mut unpacked, item.get());
        }
        return unpacked;
    }
    add(&mut unpacked, json);
    unpacked
}

enum Envelope {
    /// With data.
    Event(Message),
    /// An answer to what the client sent.
    Reply,
    None,
}

fn add(unpacked: &mut Unpacked, json: &str) {
    match envelope(json) {
        Envelope::Event(message) => unpacked.messages.push(message),
        Envelope::Reply => unpacked.replies += 1,
        Envelope::None => unpacked.messages.push(Message {
            channel: None,
            data: json.to_owned(),
        }),
    }
}

fn envelope(json: &str) -> Envelope {
    let Some(members) = members(json) else {
        return Envelope::None;
    };
    if !members
        .iter()
        .all(|(key, _)| FIELDS.contains(&key.as_str()))
    {
        return Envelope::None;
    }
    let value = |name: &str| {
        members
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| *value)
    };
    let channel = value("channel")
        .and_then(|value| serde_json::from_str::<String>(value.get()).ok())
        .filter(|channel| channel.starts_with('/'));
    match (channel, value("data")) {
        (Some(channel), _) if channel.starts_with("/meta/") => Envelope::Reply,
        (Some(_), None) if value("successful").is_some() => Envelope::Reply,
        // A bare `{"data": …}` is an envelope whose channel was left out, if it holds an object.
        (channel, Some(data)) if channel.is_some() || data.get().starts_with('{') => {
            Envelope::Event(Message {
                channel,
                data: data.get().to_owned(),
            })
        }
        _ => Envelope::None,
    }
}

/// The members of a JSON object, in order, each value as it is written.
pub(super) fn members(json: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }

    serde_json::Deserializer::from_str(json)
        .deserialize_map(Members)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Vec<(Option<String>, String)>, usize) {
        let unpacked = unpack(json);
        let messages = unpacked.messages.into_iter();
        let messages = messages.map(|message| (message.channel, message.data));
        (messages.collect(), unpacked.replies)
    }

    #[test]
    fn envelopes_are_unpacked_and_other_samples_stay() {
        let on = |channel: &str, data: &str| (Some(channel.to_owned()), data.to_owned());
        let bare = |data: &str| (None, data.to_owned());
        for (json, messages, replies) in [
            (
                r#"{"channel":"/v2/me/calls","data":{"n":1.50}}"#,
                vec![on("/v2/me/calls", r#"{"n":1.50}"#)],
                0,
            ),
            (
                r#"[{"id":"3","channel":"/meta/connect","successful":true},{"data":{"a":1},"channel":"/v2/me/calls"},{"channel":"/x","data":2}]"#,
                vec![on("/v2/me/calls", r#"{"a":1}"#), on("/x", "2")],
                1,
            ),
            (r#"{"data":{"a":1}}"#, vec![bare(r#"{"a":1}"#)], 0),
            (r#"{"data":1}"#, vec![bare(r#"{"data":1}"#)], 0),
            (
                r#"{"data":{"a":1},"chat":{}}"#,
                vec![bare(r#"{"data":{"a":1},"chat":{}}"#)],
                0,
            ),
            (
                r#"{"channel":"voice","state":1}"#,
                vec![bare(r#"{"channel":"voice","state":1}"#)],
                0,
            ),
            (
                r#"[{"a":1},{"channel":"/x","data":2}]"#,
                vec![bare(r#"[{"a":1},{"channel":"/x","data":2}]"#)],
                0,
            ),
            ("[]", vec![bare("[]")], 0),
            ("7", vec![bare("7")], 0),
        ] {
            assert_eq!(read(json), (messages, replies), "{json}");
        }
    }
}

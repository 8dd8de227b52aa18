//! Replies that were recorded: what of one is the same whoever gets it, and how it is given again.
//!
//! Which reply is for which message is the business of whoever has the tape.

use std::fmt;

use bytes::Bytes;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::message::Message;

/// The members of a reply that are another's for each message: its name, its channel, and the client.
const OWN: &[&str] = &["id", "channel", "clientId"];

/// A reply without what is another's for each message, as exact JSON; `None` where it is no object.
pub fn lasting(reply: &RawValue) -> Option<String> {
    let members = read(reply.get())?.into_iter();
    let lasting = members.filter(|(name, _)| !OWN.contains(&name.as_str()));
    let lasting = lasting.map(|(name, value)| (name, value.get().to_owned()));
    Some(object(lasting))
}

/// A recorded reply as one to this message: with all its members in their order. `None` where it is no
/// object.
pub(super) fn again(reply: &str, message: &Message) -> Option<Bytes> {
    let id = message.id.as_deref().map(RawValue::get).map(str::to_owned);
    let client = message.client_id.as_deref().map(quoted);
    let mut members = read(reply)?;
    if !members.iter().any(|(name, _)| name == "id") {
        let nothing = RawValue::NULL.to_owned();
        members.insert(0, ("id".to_owned(), nothing));
    }
    let members = members.into_iter().filter_map(|(name, value)| {
        let value = match name.as_str() {
            "id" => id.clone()?,
            "channel" => quoted(&message.channel),
            "clientId" => client.clone()?,
            _ => value.get().to_owned(),
        };
        Some((name, value))
    });
    Some(object(members).into())
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An object of these members, in their order.
fn object(members: impl Iterator<Item = (String, String)>) -> String {
    let members = members.map(|(name, value)| format!("{}:{value}", quoted(&name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// The members of an object, in their order and as they are written.
fn read(object: &str) -> Option<Vec<(String, Box<RawValue>)>> {
    serde_json::from_str(object)
        .ok()
        .map(|Members(members)| members)
}

struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::message;

    const RECORDED: &str = r#"{"clientId":"old","id":"7","channel":"/a","successful":false,"error":"403::no", "n":1.10,"ext":{"a": [1]}}"#;

    #[test]
    fn a_recorded_reply_is_given_to_another_message() {
        let expected = |head: &str, rest: &str| {
            format!(
                r#"{{{head}"successful":false,"error":"403::no","n":1.10,"ext":{{"a": [1]}}{rest}}}"#
            )
        };
        for (asked, recorded, answer) in [
            (
                r#"{"channel":"/b","id":12,"clientId":"new"}"#,
                RECORDED.to_owned(),
                expected(r#""clientId":"new","id":12,"channel":"/b","#, ""),
            ),
            (
                r#"{"channel":"/a"}"#,
                RECORDED.to_owned(),
                expected(r#""channel":"/a","#, ""),
            ),
            (
                r#"{"channel":"/a","id":"1"}"#,
                r#"{"channel":"/a","successful":true}"#.to_owned(),
                r#"{"id":"1","channel":"/a","successful":true}"#.to_owned(),
            ),
        ] {
            let message = &message::read(None, asked.as_bytes()).unwrap()[0];
            let again = again(&recorded, message).unwrap();
            assert_eq!(String::from_utf8(again.to_vec()).unwrap(), answer);
        }
        let message = &message::read(None, br#"{"channel":"/a"}"#).unwrap()[0];
        assert_eq!(again("[1]", message), None);
    }

    #[test]
    fn what_lasts_of_a_reply_is_the_same_for_all() {
        let reply = RawValue::from_string(RECORDED.to_owned()).unwrap();
        assert_eq!(
            lasting(&reply).unwrap(),
            r#"{"successful":false,"error":"403::no","n":1.10,"ext":{"a": [1]}}"#
        );
    }
}

//! What Bayeux clients publish, as requests of their own: the identifiers and numbers of the messages
//! that carry it are another's business.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::plan::{self, Plan};
use crate::bayeux::reply::{self, Role};
use crate::bayeux::{Message, message};
use crate::exchange::coding::decoded;
use crate::exchange::{Body, Headers, Operation, Request, Response};

/// The method of what a Bayeux client publishes, in a plan. It is no HTTP method that a client sends.
pub const METHOD: &str = "PUBLISH";

/// What a recorded operation published.
#[derive(Debug)]
pub(super) struct Recorded {
    /// As a request of its own.
    pub(super) request: Request,
    /// Of each message that it published, which of the messages of its response is the reply.
    pub(super) replies: Vec<Option<usize>>,
}

/// What these messages publish, together: `None` where all are about the connection itself.
///
/// The target is the first channel. The content is the data of a single message, and of several an
/// array of their channels and data.
pub(super) fn of(messages: &[Message]) -> Option<Request> {
    let mut published = messages.iter().filter(|message| !message.is_meta());
    let first = published.next()?;
    let data = |message: &Message| match &message.data {
        Some(data) => data.get().to_owned(),
        None => String::new(),
    };
    let rest: Vec<&Message> = published.collect();
    let content = if rest.is_empty() {
        data(first)
    } else {
        let entry = |message: &&Message| {
            let channel = serde_json::Value::from(message.channel.as_str());
            let data = message.data.as_ref().map_or("null", |data| data.get());
            format!(r#"{{"channel":{channel},"data":{data}}}"#)
        };
        let entries: Vec<String> = [first].iter().chain(&rest).map(entry).collect();
        format!("[{}]", entries.join(","))
    };
    Some(Request {
        method: METHOD.to_owned(),
        target: first.channel.clone(),
        headers: Headers::new(),
        body: Body::new(content),
        trailers: Headers::new(),
    })
}

/// What an operation published, and how the service replied.
#[derive(Clone, Debug)]
pub struct Published {
    /// The messages, each with its channel and its data, if it has any.
    pub messages: Vec<(String, Option<Box<RawValue>>)>,
    /// The reply to each, where the tape has one.
    pub replies: Vec<Option<String>>,
}

impl Plan {
    /// What the operation at a place published; `None` where it did not, or its tape was changed.
    pub fn published(&self, place: usize) -> Option<Published> {
        let recorded = self.recorded(place)?;
        let request = &recorded.operation().request;
        (request.method == METHOD).then(|| Published {
            messages: messages(request, recorded.replies.len()),
            replies: at(&recorded.operation().response, &recorded.replies),
        })
    }
}

/// So many messages, of which a request was made that publishes them.
fn messages(request: &Request, count: usize) -> Vec<(String, Option<Box<RawValue>>)> {
    #[derive(Deserialize)]
    struct Entry {
        channel: String,
        data: Box<RawValue>,
    }
    let content = request.body.bytes();
    if count == 1 {
        let data = serde_json::from_slice(content).ok();
        return vec![(request.target.clone(), data)];
    }
    let entries: Vec<Entry> = serde_json::from_slice(content).unwrap_or_default();
    let message = |entry: Entry| (entry.channel, Some(entry.data));
    entries.into_iter().map(message).collect()
}

/// What a recorded operation published; `None` where it is another request than one of messages to
/// these endpoints.
pub(super) fn recorded(operation: &Operation, endpoints: &[String]) -> Option<Recorded> {
    let request = &operation.request;
    let target = &request.target;
    // Nearly all are elsewhere, which is seen without looking for the end of the path.
    let here = |endpoint: &String| {
        target.starts_with(endpoint.as_str()) && is_below(plan::path(target), endpoint)
    };
    if !endpoints.iter().any(here) {
        return None;
    }
    let messages = if request.method == "GET" {
        let query = request
            .target
            .split_once('?')
            .map_or("", |(_, query)| query);
        message::read_query(query).ok()?.0
    } else {
        let kind = request.headers.get("content-type");
        let kind = kind.and_then(|kind| std::str::from_utf8(kind).ok());
        message::read(kind, request.body.bytes()).ok()?
    };
    Some(Recorded {
        request: of(&messages)?,
        replies: replies(&operation.response, &messages),
    })
}

/// The replies at these places among the messages of a response.
pub(super) fn at(response: &Response, places: &[Option<usize>]) -> Vec<Option<String>> {
    let content = decoded(&response.headers, &response.body).unwrap_or_default();
    let texts = reply::texts(&content).unwrap_or_default();
    let at = |place: &Option<usize>| Some(texts.get((*place)?)?.get().to_owned());
    places.iter().map(at).collect()
}

/// Of each message that publishes, the place of the reply to it.
fn replies(response: &Response, messages: &[Message]) -> Vec<Option<usize>> {
    let content = decoded(&response.headers, &response.body).unwrap_or_default();
    let sent = reply::read(&content).unwrap_or_default();
    let publishes = messages.iter().filter(|message| !message.is_meta());
    let reply = |message: &Message| {
        let mut sent = sent.iter();
        sent.position(|sent| sent.role() == Role::Published && sent.answers(message))
    };
    publishes.map(reply).collect()
}

/// Whether a path is an endpoint's or below it.
pub(super) fn is_below(path: &str, endpoint: &str) -> bool {
    path.strip_prefix(endpoint)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::super::plan::tests::tape;
    use super::*;

    fn published(target: &str, body: &str) -> Option<(String, String)> {
        let mut operation = tape("a:op1@0-0").operations().next().unwrap().clone();
        operation.request.target = target.into();
        operation.request.body = Body::new(body.to_owned());
        let request = recorded(&operation, &["/cometd".into()])?.request;
        Some((request.target, request.body.text().unwrap().to_owned()))
    }

    #[test]
    fn what_is_published_is_told_without_what_carries_it() {
        let of = |target: &str, body: &str| Some((target.to_owned(), body.to_owned()));
        let one = r#"{"id":"7","clientId":"k","channel":"/a","data":{"x": 1}}"#;
        let other = r#"{"id":"8","clientId":"k","channel":"/b"}"#;
        let poll = r#"{"id":"9","clientId":"k","channel":"/meta/connect"}"#;
        for (target, body, expected) in [
            ("/cometd/", format!("[{one}]"), of("/a", r#"{"x": 1}"#)),
            ("/cometd", format!("[{poll},{other}]"), of("/b", "")),
            (
                "/cometd",
                format!("[{one},{other}]"),
                of(
                    "/a",
                    r#"[{"channel":"/a","data":{"x": 1}},{"channel":"/b","data":null}]"#,
                ),
            ),
            ("/cometd/connect", format!("[{poll}]"), None),
            ("/other", format!("[{one}]"), None),
            ("/cometdx", format!("[{one}]"), None),
            ("/cometd", "no message".to_owned(), None),
        ] {
            assert_eq!(published(target, &body), expected, "{target} {body}");
        }
    }

    #[test]
    fn the_replies_to_what_was_published_are_found_wherever_they_stand() {
        let mut operation = tape("a:op1@0-0").operations().next().unwrap().clone();
        operation.request.target = "/cometd".into();
        let message = |id: u8, channel: &str| format!(r#"{{"id":"{id}","channel":"{channel}"}}"#);
        let (poll, a, b, c) = (
            message(1, "/meta/connect"),
            message(2, "/a"),
            message(3, "/a"),
            message(4, "/c"),
        );
        operation.request.body = Body::new(format!("[{poll},{a},{b},{c}]"));
        let replies = [
            r#"{"id":"1","channel":"/meta/connect","successful":true}"#,
            r#"{"id":"3","channel":"/a","successful":false,"error":"403::no"}"#,
            r#"{"id":"4","channel":"/c","data":"an event"}"#,
            r#"{"channel":"/a","id":"2","successful":true}"#,
        ];
        operation.response.body = Body::new(format!("[{}]", replies.join(",")));
        let found = recorded(&operation, &["/cometd".into()]).unwrap().replies;
        assert_eq!(found, [Some(3), Some(1), None]);
        let texts = at(&operation.response, &found);
        let text = |place: usize| Some(replies[place].to_owned());
        assert_eq!(texts, [text(3), text(1), None]);
        assert_eq!(at(&Response::none(), &found), [None, None, None]);
    }
}

//! What Bayeux clients publish, as requests of their own: the identifiers and numbers of the messages
//! that carry it are another's business.

use crate::bayeux::{Message, message};
use crate::exchange::{Body, Headers, Operation, Request};

/// The method of what a Bayeux client publishes, in a plan. It is no HTTP method that a client sends.
pub const METHOD: &str = "PUBLISH";

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

/// What a recorded operation published; `None` where it is another request than one of messages to
/// these endpoints.
pub(super) fn recorded(operation: &Operation, endpoints: &[String]) -> Option<Request> {
    let request = &operation.request;
    let path = request.target.split('?').next().unwrap_or_default();
    if !endpoints.iter().any(|endpoint| is_below(path, endpoint)) {
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
    of(&messages)
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
        let request = recorded(&operation, &["/cometd".into()])?;
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
}

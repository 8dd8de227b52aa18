//! Events of tapes, made in a line of a test each.

use serde_json::{Value, json};

/// An operation on a tape: its request and response headers as pairs, its bodies as text.
pub(crate) fn operation(id: u64, session: &str, line: &str, fields: &Value) -> String {
    let (method, target) = line.split_once(' ').unwrap();
    let or = |name: &str, other: Value| fields.get(name).cloned().unwrap_or(other);
    let at = id * 1_000;
    let event = json!({
        "kind": "operation", "id": id, "session": session, "at": at, "answered": at + 500,
        "request": {
            "method": method, "target": target, "headers": or("sent", json!([])),
            "body": { "text": or("body", json!("")) },
        },
        "response": {
            "status": or("status", json!(200)), "headers": or("given", json!([])),
            "body": { "text": or("answer", json!("")) },
        },
    });
    format!("{event}\n")
}

/// A notification of an operation, whose data is its number.
pub(crate) fn notification(id: u64, session: &str, after: u64) -> String {
    pushed(id, session, after, "/v2/me/chats", &json!({ "n": id }))
}

/// A notification of an operation on this channel with this data.
pub(crate) fn pushed(id: u64, session: &str, after: u64, channel: &str, data: &Value) -> String {
    let event = json!({
        "kind": "notification", "id": id, "session": session, "at": after * 1_000 + 700,
        "channel": channel, "after": [after], "data": { "json": data },
    });
    format!("{event}\n")
}

/// A handshake of a session at the default endpoint.
pub(crate) fn handshake(session: &str, at: u64, client: &str) -> String {
    let what = json!({ "handshake": { "endpoint": "/api/v2/notifications", "client": client } });
    let event = json!({ "kind": "fact", "session": session, "at": at, "what": what });
    format!("{event}\n")
}

//! What the embedded tape says, as `antiphon show --json` tells it: the measure of every test here.
//!
//! It knows nothing of the tape's form on disk.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

/// The tape that `antiphon replay` plays where none is named.
const TAPE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/recordings/remove-participant-from-conference.tape"
);

/// A recorded conversation.
pub(crate) struct Tape {
    pub(crate) sessions: Vec<Session>,
}

/// One client's part in it.
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) operations: Vec<Operation>,
    pub(crate) notifications: Vec<Value>,
}

/// One recorded call.
#[derive(Debug, PartialEq)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The content of the request, if it has one.
    pub(crate) request: Option<String>,
    pub(crate) status: u64,
    /// The content of the response: JSON where it is JSON.
    pub(crate) response: Value,
    number: u64,
}

/// How an agent subscribes to what its session was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subscriptions {
    /// To each channel by its name.
    Names,
    /// To each channel's parent and one `*`.
    Siblings,
    /// To all below each channel's first segment: `/**` would hear the client's own meta replies.
    Descendants,
}

impl Subscriptions {
    pub(crate) const ALL: [Subscriptions; 3] = [
        Subscriptions::Names,
        Subscriptions::Siblings,
        Subscriptions::Descendants,
    ];
}

/// What `antiphon show` says of a tape: the document, and the notices.
pub(crate) fn shown(tape: &Path) -> (Value, String) {
    let shown = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["show", "--json"])
        .arg(tape)
        .output()
        .unwrap();
    let words = String::from_utf8(shown.stderr).unwrap();
    assert!(shown.status.success(), "{words}");
    (serde_json::from_slice(&shown.stdout).unwrap(), words)
}

/// The tape plays to its end by itself.
pub(crate) fn verified(tape: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["verify", "--runs", "5"])
        .arg(tape)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

impl Tape {
    /// The tape that the program carries in itself.
    pub(crate) fn embedded() -> Tape {
        Tape::read(Path::new(TAPE))
    }

    /// The tape in a file.
    pub(crate) fn read(path: &Path) -> Tape {
        let (document, _) = shown(path);
        let of = |list: &str, name: &Value| -> Vec<Value> {
            let events = document[list].as_array().unwrap().iter();
            events
                .filter(|event| event["session"] == *name)
                .cloned()
                .collect()
        };
        let sessions = document["sessions"].as_array().unwrap().iter();
        let sessions: Vec<Session> = sessions
            .map(|name| Session {
                name: name.as_str().unwrap().to_owned(),
                operations: of("operations", name).iter().map(Operation::of).collect(),
                notifications: of("notifications", name),
            })
            .collect();
        // Else a test that compares two nothings would pass.
        assert!(
            sessions
                .iter()
                .any(|session| !session.operations.is_empty())
        );
        assert!(
            sessions
                .iter()
                .all(|session| !session.notifications.is_empty())
        );
        Tape { sessions }
    }

    /// The sessions of the replay's transcript when everything has happened, by name and without
    /// digests.
    pub(crate) fn transcript(&self) -> Value {
        let mut sessions: Vec<&Session> = self.sessions.iter().collect();
        sessions.sort_by_key(|session| &session.name);
        sessions.into_iter().map(Session::transcript).collect()
    }
}

impl Session {
    /// The messages that its client gets, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let message = |event: &Value| json!({ "channel": event["channel"], "data": event["data"] });
        self.notifications.iter().map(message).collect()
    }

    /// The channels of these subscriptions, none of which matches a message twice.
    pub(crate) fn channels(&self, subscriptions: Subscriptions) -> BTreeSet<String> {
        let names = self
            .notifications
            .iter()
            .map(|event| event["channel"].as_str().unwrap());
        names
            .map(|name| match subscriptions {
                Subscriptions::Names => name.to_owned(),
                Subscriptions::Siblings => format!("{}/*", name.rsplit_once('/').unwrap().0),
                Subscriptions::Descendants => format!("/{}/**", name.split('/').nth(1).unwrap()),
            })
            .collect()
    }

    fn transcript(&self) -> Value {
        let operation = |operation: &Operation| {
            json!({
                "operation": operation.number,
                "method": operation.method,
                "target": operation.target,
                "status": operation.status,
            })
        };
        let notification = |event: &Value| {
            json!({
                "notification": event["id"],
                "channel": event["channel"],
                "data": event["data"],
            })
        };
        json!({
            "session": self.name,
            "operations": self.operations.iter().map(operation).collect::<Value>(),
            "notifications": self.notifications.iter().map(notification).collect::<Value>(),
        })
    }
}

impl Operation {
    fn of(view: &Value) -> Operation {
        let text = |field: &str| view[field].as_str().unwrap().to_owned();
        let content = &view["request"];
        let request = content.as_str().map_or(content.to_string(), str::to_owned);
        Operation {
            method: text("method"),
            target: text("target"),
            request: (!content.is_null()).then_some(request),
            status: view["status"].as_u64().unwrap(),
            response: view["response"].clone(),
            number: view["id"].as_u64().unwrap(),
        }
    }
}

//! An agent: a client library in a process of its own, which does what it is told and reports.
//!
//! What it must hear is for the tests to say; only that it obeyed is checked here.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, Value, json};

use crate::programs;
use crate::server::PATIENCE;
use crate::tape::{Operation, Session, Subscriptions};

/// The endpoint of the recorded service.
const ENDPOINT: &str = "/api/v2/notifications";

/// The libraries, those that have it also with the extension that acknowledges messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Library {
    Cometd9,
    Cometd9Acknowledging,
    /// Without HTTP/1.1.
    Cometd9OverHttp2,
    Cometd3,
    Cometd3Acknowledging,
    Faye,
    /// Over a WebSocket, and nothing else.
    Cometd9OnSocket,
    Cometd3OnSocket,
    /// Over a WebSocket if that can be had, else by polling.
    Cometd9OnAny,
    Cometd3OnAny,
    /// The same, but for the handshake, which is always by polling.
    FayeOnAny,
}

impl Library {
    /// Each library as it comes.
    pub(crate) const PLAIN: [Library; 3] = [Library::Cometd9, Library::Cometd3, Library::Faye];

    /// Those with the extension.
    pub(crate) const ACKNOWLEDGING: [Library; 2] =
        [Library::Cometd9Acknowledging, Library::Cometd3Acknowledging];

    /// Those on a socket where there is one.
    pub(crate) const ON_SOCKETS: [Library; 3] = [
        Library::Cometd9OnSocket,
        Library::FayeOnAny,
        Library::Cometd3OnSocket,
    ];

    fn program(self) -> &'static str {
        match self {
            Library::Cometd9
            | Library::Cometd9Acknowledging
            | Library::Cometd9OnSocket
            | Library::Cometd9OnAny => "cometd9.mjs",
            Library::Cometd9OverHttp2 => "cometd9h2.mjs",
            Library::Cometd3
            | Library::Cometd3Acknowledging
            | Library::Cometd3OnSocket
            | Library::Cometd3OnAny => "cometd3.mjs",
            Library::Faye | Library::FayeOnAny => "faye.mjs",
        }
    }

    fn transport(self) -> &'static str {
        match self {
            Library::Cometd9OnSocket | Library::Cometd3OnSocket => "socket",
            Library::Cometd9OnAny | Library::Cometd3OnAny | Library::FayeOnAny => "any",
            Library::Cometd9
            | Library::Cometd9Acknowledging
            | Library::Cometd9OverHttp2
            | Library::Cometd3
            | Library::Cometd3Acknowledging
            | Library::Faye => "polling",
        }
    }
}

/// By what the replay can tell which session an agent plays.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Identification {
    /// An `Antiphon-Session` header.
    Header,
    /// The user of HTTP Basic.
    Basic,
    /// Nothing but its turn to shake hands, and the cookie that it got then.
    Turn,
}

impl Identification {
    fn headers(self, session: &str) -> Map<String, Value> {
        let (name, value) = match self {
            Identification::Header => ("Antiphon-Session", session.to_owned()),
            Identification::Basic => {
                let credentials = BASE64.encode(format!("{session}:secret"));
                ("Authorization", format!("Basic {credentials}"))
            }
            Identification::Turn => return Map::new(),
        };
        Map::from_iter([(name.to_owned(), Value::String(value))])
    }
}

/// Random waits of an agent, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pauses {
    /// Before it shakes hands.
    pub(crate) handshake: u64,
    /// Between that and its subscriptions.
    pub(crate) subscription: u64,
}

/// A running agent, which ends with this value.
pub(crate) struct Agent {
    name: String,
    origin: String,
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    heard: Heard,
}

/// What an agent has reported.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// How often all its subscriptions were confirmed.
    pub(crate) ready: usize,
    /// How often the replay did not know it any more.
    pub(crate) unknown: usize,
    /// How often it disconnected.
    pub(crate) left: usize,
    /// The messages that it got, in order.
    pub(crate) messages: Vec<Value>,
    /// The answers to its calls, in order.
    pub(crate) answers: Vec<Value>,
}

impl Agent {
    /// Starts an agent of this session.
    pub(crate) fn start(
        library: Library,
        origin: &str,
        session: &Session,
        identification: Identification,
        subscriptions: Subscriptions,
    ) -> Agent {
        let headers = identification.headers(&session.name);
        let channels = session.channels(subscriptions);
        Agent::named(library, origin, &session.name, &headers, &channels)
    }

    /// Starts an agent of this name, whose requests carry these header fields.
    pub(crate) fn named(
        library: Library,
        origin: &str,
        name: &str,
        headers: &Map<String, Value>,
        channels: &BTreeSet<String>,
    ) -> Agent {
        Agent::named_by(&[], library, origin, name, headers, channels)
    }

    /// The same, whose messages show this in their `ext`.
    pub(crate) fn showing(
        library: Library,
        origin: &str,
        name: &str,
        headers: &Map<String, Value>,
        channels: &BTreeSet<String>,
        ext: &Value,
    ) -> Agent {
        Agent::run(&[], library, origin, name, headers, channels, ext)
    }

    /// The same, whose process another program starts.
    pub(crate) fn named_by(
        by: &[&str],
        library: Library,
        origin: &str,
        name: &str,
        headers: &Map<String, Value>,
        channels: &BTreeSet<String>,
    ) -> Agent {
        Agent::run(by, library, origin, name, headers, channels, &Value::Null)
    }

    fn run(
        by: &[&str],
        library: Library,
        origin: &str,
        name: &str,
        headers: &Map<String, Value>,
        channels: &BTreeSet<String>,
        ext: &Value,
    ) -> Agent {
        let settings = json!({
            "endpoint": format!("{origin}{ENDPOINT}"),
            "headers": headers,
            "channels": channels,
            "ext": ext,
            "transport": library.transport(),
            "acknowledge": Library::ACKNOWLEDGING.contains(&library),
        });
        let mut child = programs::node_by(by, library.program())
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = programs::lines(child.stdout.take().unwrap());
        Agent {
            name: format!("{name} with {library:?}"),
            origin: origin.to_owned(),
            commands: child.stdin.take().unwrap(),
            child,
            lines,
            heard: Heard::default(),
        }
    }

    /// Makes it shake hands and subscribe.
    pub(crate) fn join(&mut self, pauses: Pauses) {
        self.tell(
            &json!({ "do": "join", "after": pauses.handshake, "pause": pauses.subscription }),
        );
    }

    /// Makes it send a form as a login page does, after so many milliseconds, and waits until it is in.
    pub(crate) fn log_in(&mut self, target: &str, form: &str, after: u64) {
        let url = format!("{}{target}", self.origin);
        self.tell(&json!({ "do": "login", "after": after, "url": url, "form": form }));
        self.until(|heard| heard.answers.len() >= 2);
    }

    /// Makes it send a recorded request, after so many milliseconds.
    pub(crate) fn call(&mut self, operation: &Operation, after: u64) {
        let content = operation.request.as_deref();
        self.request(&operation.method, &operation.target, content, after);
    }

    /// Makes it send a request, after so many milliseconds.
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        content: Option<&str>,
        after: u64,
    ) {
        self.request_with(method, target, content, after, &Map::new());
    }

    /// The same, with these header fields of its own.
    pub(crate) fn request_with(
        &mut self,
        method: &str,
        target: &str,
        content: Option<&str>,
        after: u64,
        headers: &Map<String, Value>,
    ) {
        let url = format!("{}{target}", self.origin);
        self.tell(&json!({
            "do": "call", "after": after, "method": method, "url": url, "content": content,
            "headers": headers,
        }));
    }

    /// Stops its process as it is, or lets it go on, by the name of a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Makes it disconnect after one more whole poll, and waits for that.
    pub(crate) fn leave(&mut self) {
        self.tell(&json!({ "do": "leave" }));
        self.until(|heard| heard.left > 0);
    }

    /// Waits until what it has reported is enough.
    pub(crate) fn until(&mut self, enough: impl Fn(&Heard) -> bool) -> &Heard {
        let end = Instant::now() + PATIENCE;
        while !enough(&self.heard) {
            let wait = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(wait) {
                Ok(line) => self.heard.add(&line),
                Err(error) => self.give_up(error),
            }
        }
        &self.heard
    }

    /// Takes what it has reported, and begins to collect anew.
    pub(crate) fn take(&mut self) -> Heard {
        std::mem::take(&mut self.heard)
    }

    fn tell(&mut self, command: &Value) {
        // It reads until it ends, and if it has ended, waiting for it will tell why.
        let _ = writeln!(self.commands, "{command}");
    }

    fn give_up(&mut self, error: RecvTimeoutError) -> ! {
        let reason = match error {
            RecvTimeoutError::Timeout => format!("nothing more within {PATIENCE:?}"),
            RecvTimeoutError::Disconnected => "it ended".to_owned(),
        };
        let _ = self.child.kill();
        let words = io::read_to_string(self.child.stderr.take().unwrap()).unwrap();
        panic!("{}: {reason}: {words}\nso far: {:?}", self.name, self.heard);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn add(&mut self, line: &str) {
        let report: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let (kind, value) = report.as_object().unwrap().iter().next().unwrap();
        match kind.as_str() {
            "ready" => self.ready += 1,
            "unknown" => self.unknown += 1,
            "left" => self.left += 1,
            "message" => self.messages.push(value.clone()),
            "answer" => self.answers.push(value.clone()),
            _ => panic!("{line}"),
        }
    }
}

//! The desk: our service on npm's `CometD` server, in a process of its own, and the truth that it tells.

use std::io::Write as _;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Receiver;
use std::time::Instant;

use serde_json::Value;

use crate::programs;
use crate::server::PATIENCE;

/// A running desk, which ends with this value.
pub(super) struct Desk {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    pub(super) origin: String,
    pub(super) truth: Truth,
}

/// What the desk says that has happened.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) operations: Vec<Value>,
    pub(super) events: Vec<Value>,
}

impl Desk {
    pub(super) fn start() -> Desk {
        Desk::by(&[])
    }

    /// The same on a Bayeux server that these arguments choose.
    pub(super) fn by(arguments: &[&str]) -> Desk {
        let mut child = programs::node("desk.mjs")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = programs::lines(child.stdout.take().unwrap());
        let first: Value = serde_json::from_str(&lines.recv_timeout(PATIENCE).unwrap()).unwrap();
        Desk {
            origin: format!("http://127.0.0.1:{}", first["listening"]),
            commands: child.stdin.take().unwrap(),
            child,
            lines,
            truth: Truth::default(),
        }
    }

    /// Lets a customer call this agent.
    pub(super) fn ring(&mut self, name: &str) {
        writeln!(self.commands, "{name}").unwrap();
    }

    /// Waits until the desk has sent so many messages to an agent in all.
    pub(super) fn sent(&mut self, name: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.truth.of(name).count() < count {
            let wait = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(wait).expect("more of the truth");
            self.truth.add(&line);
        }
    }

    /// All that it says, when everything is over.
    pub(super) fn end(mut self) -> Truth {
        let _ = self.child.kill();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            self.truth.add(&line);
        }
        std::mem::take(&mut self.truth)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Truth {
    fn add(&mut self, line: &str) {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(operation) = line.get_mut("operation") {
            self.operations.push(operation.take());
        } else {
            self.events.push(line["event"].take());
        }
    }

    pub(super) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events
            .iter()
            .filter(move |event| event["agent"] == name)
    }
}

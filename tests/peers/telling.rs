//! A service of ours in a process of its own, which tells on its stdout where it listens, and then the
//! truth: what was called, and what it sent.

use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::programs;
use crate::server::PATIENCE;

/// A running service, which ends with this value.
pub(crate) struct Telling {
    child: Child,
    /// It ends when nobody holds this any more.
    pub(crate) commands: ChildStdin,
    pub(crate) lines: Receiver<String>,
    pub(crate) origin: String,
}

/// What a service says that has happened.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    pub(crate) operations: Vec<Value>,
    pub(crate) events: Vec<Value>,
    /// What it calls secret.
    pub(crate) secrets: Vec<String>,
}

impl Telling {
    pub(crate) fn start(mut command: Command) -> Telling {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = programs::lines(child.stdout.take().unwrap());
        let first: Value = serde_json::from_str(&lines.recv_timeout(PATIENCE).unwrap()).unwrap();
        Telling {
            origin: format!("http://127.0.0.1:{}", first["listening"]),
            commands: child.stdin.take().unwrap(),
            child,
            lines,
        }
    }

    /// Ends it; all that it has still said goes to the truth.
    pub(crate) fn end(mut self, truth: &mut Truth) {
        let _ = self.child.kill();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            truth.add(&line);
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Truth {
    pub(crate) fn add(&mut self, line: &str) {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(operation) = line.get_mut("operation") {
            self.operations.push(operation.take());
        } else if let Some(secret) = line["secret"].as_str() {
            self.secrets.push(secret.to_owned());
        } else {
            self.events.push(line["event"].take());
        }
    }

    /// What it sent to the agent of this name.
    pub(crate) fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events
            .iter()
            .filter(move |event| event["agent"] == name)
    }
}

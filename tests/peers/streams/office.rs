//! The office: our service with npm's server of events, in a process of its own, and the truth that it
//! tells.

use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::programs;
use crate::server::PATIENCE;

/// A running office, which ends with this value.
pub(super) struct Office {
    child: Child,
    /// It ends when nobody holds this any more.
    _commands: ChildStdin,
    lines: Receiver<String>,
    pub(super) origin: String,
}

/// What the office says that has happened.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) operations: Vec<Value>,
    pub(super) events: Vec<Value>,
}

impl Office {
    pub(super) fn open() -> Office {
        let mut child = programs::node("office.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = programs::lines(child.stdout.take().unwrap());
        let first: Value = serde_json::from_str(&lines.recv_timeout(PATIENCE).unwrap()).unwrap();
        Office {
            origin: format!("http://127.0.0.1:{}", first["listening"]),
            _commands: child.stdin.take().unwrap(),
            child,
            lines,
        }
    }

    /// Ends it; all that it has said.
    pub(super) fn close(mut self) -> Truth {
        let _ = self.child.kill();
        let mut truth = Truth::default();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            let mut line: Value = serde_json::from_str(&line).unwrap();
            if let Some(operation) = line.get_mut("operation") {
                truth.operations.push(operation.take());
            } else {
                truth.events.push(line["event"].take());
            }
        }
        truth
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

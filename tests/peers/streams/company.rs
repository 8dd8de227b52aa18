//! The members of an office, all in one process of node: what they are told to do, and what came of it.

use std::io::{self, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use serde_json::{Map, Value, json};

use crate::programs;
use crate::server::PATIENCE;

/// How members listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ear {
    Events,
    /// Events in a content coding.
    Gzipped,
    Lines,
}

/// The version of HTTP that members speak.
#[derive(Clone, Copy, Debug)]
pub(super) enum Over {
    Http1,
    /// Without a word of HTTP/1.1 before.
    Http2,
}

/// A running process, which ends with this value.
pub(super) struct Company {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
}

/// What one member got in a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) name: String,
    /// Status and content of each answer.
    pub(super) answers: Vec<Value>,
    /// What it heard: type, identifier and data of an event, or a line.
    pub(super) heard: Vec<Value>,
    /// How often its stream was opened.
    pub(super) opened: usize,
}

impl Ear {
    pub(super) fn path(self) -> &'static str {
        match self {
            Ear::Events => "/events",
            Ear::Gzipped => "/gzipped",
            Ear::Lines => "/lines",
        }
    }
}

impl Company {
    /// Members who work where `origin` is.
    pub(super) fn at(origin: &str, ear: Ear, over: Over) -> Company {
        Company::named(origin, ear, over, &Map::new())
    }

    /// The same, whose requests carry these header fields.
    pub(super) fn named(
        origin: &str,
        ear: Ear,
        over: Over,
        headers: &Map<String, Value>,
    ) -> Company {
        Company::asking(origin, ear, over, headers, "")
    }

    /// The same, whose streams are opened with this query.
    pub(super) fn asking(
        origin: &str,
        ear: Ear,
        over: Over,
        headers: &Map<String, Value>,
        query: &str,
    ) -> Company {
        let over = match over {
            Over::Http1 => "http1",
            Over::Http2 => "http2",
        };
        let settings = json!({
            "origin": origin, "path": ear.path(), "query": query, "over": over,
            "headers": headers,
        });
        let mut child = programs::node("members.mjs")
            .arg(settings.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Company {
            commands: child.stdin.take().unwrap(),
            lines: programs::lines(child.stdout.take().unwrap()),
            child,
        }
    }

    /// Lets them play these parts, and leave; what came of it.
    pub(super) fn play(&mut self, parts: &Value) -> Vec<Told> {
        let told = self.stay(parts).unwrap_or_else(|words| panic!("{words}"));
        self.leave();
        told
    }

    /// Lets them play these parts, and go on listening; what came of it, or where they are stuck.
    pub(super) fn stay(&mut self, parts: &Value) -> Result<Vec<Told>, String> {
        // It reads until it ends, and if it has ended, waiting for it will tell why.
        let _ = writeln!(self.commands, "{parts}");
        let Ok(line) = self.lines.recv_timeout(PATIENCE) else {
            return Err(format!("no end of {parts}: {}", self.words()));
        };
        let told: Value = serde_json::from_str(&line).unwrap();
        Ok(told.as_array().unwrap().iter().map(Told::of).collect())
    }

    /// Lets them close their connections.
    pub(super) fn leave(&mut self) {
        writeln!(self.commands).unwrap();
        assert_eq!(self.lines.recv_timeout(PATIENCE).unwrap(), "left");
    }

    /// Ends the process; what it has to say.
    fn words(&mut self) -> String {
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        io::read_to_string(self.child.stderr.take().unwrap()).unwrap()
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Told {
    fn of(view: &Value) -> Told {
        Told {
            name: view["name"].as_str().unwrap().to_owned(),
            answers: view["answers"].as_array().unwrap().clone(),
            heard: view["heard"].as_array().unwrap().clone(),
            opened: usize::try_from(view["opened"].as_u64().unwrap()).unwrap(),
        }
    }
}

//! Agents at work on a desk of calls and chats, with npm's own `CometD` server behind it, directly and
//! through `antiphon record`: what they hear, and what the tape says that they did and heard and why.
//!
//! The desk itself logs the truth, with the operation that each message came of.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::agent::{Agent, Library, Pauses};
use crate::programs;
use crate::server::{PATIENCE, Server};

const CALLS: &str = "/api/v2/me/calls";
const CHATS: &str = "/api/v2/me/chats";
const DEVICES: &str = "/api/v2/me/devices";

/// The agents, by their login names.
const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// How long the desk waits for a silent agent, with its poll and its sweep, and some more.
const SILENCE: Duration = Duration::from_millis(3_500);

/// A running desk, which ends with this value.
struct Desk {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    origin: String,
    truth: Truth,
}

/// What the desk says that has happened.
#[derive(Default)]
struct Truth {
    operations: Vec<Value>,
    events: Vec<Value>,
}

/// What an agent did, and what it heard and why, in order.
#[derive(Debug, Default, PartialEq)]
struct Lane {
    /// Method, target and status.
    operations: Vec<(String, String, u64)>,
    events: Vec<Heard>,
}

/// Channel, data, and the operation that caused it.
type Heard = (String, Value, Option<Cause>);

/// An agent, and which of its operations, from 0.
type Cause = (String, usize);

type Lanes = BTreeMap<String, Lane>;

impl Desk {
    fn start() -> Desk {
        let mut child = programs::node("desk.mjs")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
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
    fn ring(&mut self, name: &str) {
        writeln!(self.commands, "{name}").unwrap();
    }

    /// Waits until the desk has sent so many messages to an agent in all.
    fn sent(&mut self, name: &str, count: usize) {
        let end = Instant::now() + PATIENCE;
        while self.truth.of(name).count() < count {
            let wait = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(wait).expect("more of the truth");
            self.truth.add(&line);
        }
    }

    /// All that it says, when everything is over.
    fn end(mut self) -> Truth {
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

    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Value> {
        self.events
            .iter()
            .filter(move |event| event["agent"] == name)
    }

    fn lanes(&self) -> Lanes {
        lanes(
            &self.operations,
            "agent",
            "number",
            &self.events,
            "agent",
            |event| event["cause"].as_u64().into_iter().collect(),
        )
    }
}

/// The lanes of operations and events, whose fields for session and number have these names.
fn lanes(
    operations: &[Value],
    of: &str,
    number: &str,
    events: &[Value],
    to: &str,
    causes: impl Fn(&Value) -> Vec<u64>,
) -> Lanes {
    let mut lanes = Lanes::new();
    let mut places = BTreeMap::new();
    for operation in operations {
        let name = operation[of].as_str().unwrap();
        let lane = lanes.entry(name.to_owned()).or_default();
        let text = |field: &str| operation[field].as_str().unwrap().to_owned();
        let id = operation[number].as_u64().unwrap();
        places.insert(id, (name.to_owned(), lane.operations.len()));
        let status = operation["status"].as_u64().unwrap();
        lane.operations
            .push((text("method"), text("target"), status));
    }
    for event in events {
        let name = event[to].as_str().unwrap();
        let causes = causes(event);
        assert!(causes.len() <= 1, "several causes: {event}");
        let cause = causes.first().map(|cause| places[cause].clone());
        let channel = event["channel"].as_str().unwrap().to_owned();
        let lane = lanes.entry(name.to_owned()).or_default();
        lane.events.push((channel, event["data"].clone(), cause));
    }
    lanes
}

/// The lanes of a tape.
fn taped(path: &Path) -> Lanes {
    let output = Command::new(env!("CARGO_BIN_EXE_antiphon"))
        .args(["show", "--json"])
        .arg(path)
        .output()
        .unwrap();
    assert!(output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let list = |name: &str| document[name].as_array().unwrap().clone();
    let (operations, events) = (list("operations"), list("notifications"));
    lanes(&operations, "session", "id", &events, "session", |event| {
        let after = event["after"].as_array().unwrap().iter();
        after.map(|cause| cause.as_u64().unwrap()).collect()
    })
}

/// The agents at their desks.
struct Shift<'a> {
    desk: &'a mut Desk,
    agents: Vec<Agent>,
    answers: Vec<usize>,
}

impl Shift<'_> {
    /// Logs the agents in where `origin` is, and lets them listen.
    fn begin<'a>(desk: &'a mut Desk, origin: &str, libraries: &[Library]) -> Shift<'a> {
        let channels: BTreeSet<String> = ["calls", "chats", "devices"]
            .map(|kind| format!("/v2/me/{kind}"))
            .into();
        let mut agents = Vec::new();
        for (name, library) in NAMES.iter().zip(libraries.iter().cycle()) {
            let mut agent = Agent::named(*library, origin, name, &Map::new(), &channels);
            agent.log_in(
                "/login",
                &format!("username={name}&password=secret-of-{name}"),
            );
            agent.join(Pauses::default());
            agent.until(|heard| heard.ready == 1);
            agents.push(agent);
        }
        Shift {
            desk,
            answers: vec![2; agents.len()],
            agents,
        }
    }

    fn place(name: &str) -> usize {
        NAMES.iter().position(|other| *other == name).unwrap()
    }

    /// Sends an operation and goes on at once.
    fn send(&mut self, name: &str, target: &str, operation: &str, fields: Value) {
        let mut body = json!({ "operationName": operation });
        let Value::Object(fields) = fields else {
            panic!("{fields} are no fields")
        };
        body.as_object_mut().unwrap().extend(fields);
        let place = Self::place(name);
        self.agents[place].request("POST", target, Some(&body.to_string()), 0);
        self.answers[place] += 1;
    }

    /// Waits for the last answer of an agent.
    fn answer(&mut self, name: &str) -> Value {
        let place = Self::place(name);
        let count = self.answers[place];
        let heard = self.agents[place].until(|heard| heard.answers.len() >= count);
        let content = heard.answers[count - 1]["content"].as_str().unwrap();
        serde_json::from_str(content).unwrap()
    }

    /// Sends an operation, and waits for its answer.
    fn call(&mut self, name: &str, target: &str, operation: &str, fields: Value) -> Value {
        self.send(name, target, operation, fields);
        self.answer(name)
    }

    fn read(&mut self, name: &str, target: &str) -> Value {
        let place = Self::place(name);
        self.agents[place].request("GET", target, None, 0);
        self.answers[place] += 1;
        self.answer(name)
    }

    /// Waits until every agent has heard all that the desk has sent it, at least so much.
    fn heard(&mut self, counts: [usize; 3]) {
        for (place, count) in counts.into_iter().enumerate() {
            self.desk.sent(NAMES[place], count);
            let count = self.desk.truth.of(NAMES[place]).count();
            self.agents[place].until(|heard| heard.messages.len() >= count);
        }
    }

    /// Lets everybody leave; what each has heard.
    fn end(mut self) -> Vec<Vec<Value>> {
        let leave = |agent: &mut Agent| {
            agent.leave();
            agent.take().messages
        };
        self.agents.iter_mut().map(leave).collect()
    }

    fn talk(&mut self) {
        let call = self.call("alice", CALLS, "Dial", json!({ "to": "bob" }));
        let call = format!("{CALLS}/{}", call["id"].as_str().unwrap());
        self.heard([1, 1, 0]);
        self.call("bob", &call, "Answer", json!({}));
        self.heard([2, 2, 0]);
        self.call("alice", &call, "Hold", json!({}));
        assert_eq!(self.read("bob", &call)["state"], "Held");
        self.call("alice", &call, "Retrieve", json!({}));
        self.heard([4, 4, 0]);
        // Both at once.
        self.send("alice", &call, "SendDtmf", json!({ "digits": "12#" }));
        self.send("bob", &call, "SendDtmf", json!({ "digits": "7" }));
        self.answer("alice");
        self.answer("bob");
        self.heard([6, 6, 0]);
        self.call("alice", &call, "Release", json!({}));
        self.heard([7, 7, 0]);
        // What is refused notifies nobody.
        let refused = self.call("bob", &call, "Release", json!({}));
        assert_eq!(refused["statusCode"], 2);
    }

    fn chat(&mut self) {
        // A call that is answered later, and much that happens meanwhile.
        let far = json!({ "after": 1_200, "number": "5550100" });
        let far = self.call("alice", CALLS, "Dial", far);
        let reference = |number: u32| json!({ "nickname": "Carol", "referenceId": number });
        let chat = self.call("carol", CHATS, "Create", reference(4_711));
        let chat = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
        self.heard([8, 7, 1]);
        self.call("carol", &chat, "Invite", json!({ "name": "bob" }));
        self.heard([8, 8, 2]);
        let text = json!({ "text": "good morning", "referenceId": 4_712 });
        self.call("bob", &chat, "SendMessage", text);
        self.heard([8, 9, 3]);
        let bob = self.read("bob", "/api/v2/me")["uri"].clone();
        self.call(
            "carol",
            &chat,
            "RemoveParticipantFromConference",
            json!({ "targetUri": bob }),
        );
        self.heard([8, 10, 4]);
        self.call("bob", DEVICES, "NotReady", json!({ "reason": "lunch" }));
        self.heard([8, 11, 4]);
        self.heard([9, 11, 4]);
        let far = format!("{CALLS}/{}", far["id"].as_str().unwrap());
        self.call("alice", &far, "Release", json!({}));
        self.heard([10, 11, 4]);
    }

    /// An agent whose process stands still is forgotten, and comes back.
    fn fall_silent(&mut self) {
        self.agents[0].signal("-STOP");
        thread::sleep(SILENCE);
        self.agents[0].signal("-CONT");
        self.agents[0].until(|heard| heard.unknown == 1 && heard.ready == 2);
        self.call("alice", DEVICES, "NotReady", json!({ "reason": "asleep" }));
        self.heard([11, 11, 4]);
    }

    /// A customer calls, and nobody has done anything for it.
    fn be_called(&mut self) {
        self.desk.ring("carol");
        self.heard([11, 11, 5]);
    }
}

/// A whole shift where `origin` is; what each agent heard.
fn work(desk: &mut Desk, origin: &str, libraries: &[Library]) -> Vec<Vec<Value>> {
    let mut shift = Shift::begin(desk, origin, libraries);
    shift.talk();
    shift.chat();
    shift.fall_silent();
    shift.be_called();
    shift.end()
}

/// A shift through a recorder: agents hear what they hear without it, and the tape says the truth.
fn record(libraries: &[Library]) {
    let mut desk = Desk::start();
    let origin = desk.origin.clone();
    let directly = work(&mut desk, &origin, libraries);
    drop(desk);

    let mut desk = Desk::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.tape");
    let recording = Server::record(&desk.origin, &path);
    let heard = work(&mut desk, &recording.origin.clone(), libraries);
    assert!(recording.terminate().success());
    let truth = desk.end().lanes();

    for (heard, directly) in heard.iter().zip(&directly) {
        // What both did at once may come in either order.
        assert_eq!(sorted(heard), sorted(directly));
    }
    for (name, heard) in NAMES.iter().zip(&heard) {
        let message = |(channel, data, _): &Heard| json!({ "channel": channel, "data": data });
        let sent: Vec<Value> = truth[*name].events.iter().map(message).collect();
        assert_eq!(*heard, sent, "{name}");
    }
    let taped = taped(&path);
    assert_eq!(
        taped.keys().collect::<Vec<_>>(),
        truth.keys().collect::<Vec<_>>()
    );
    for (name, lane) in &truth {
        assert_eq!(taped[name].operations, lane.operations, "{name}");
        assert_eq!(taped[name].events.len(), lane.events.len(), "{name}");
        for (taped, event) in taped[name].events.iter().zip(&lane.events) {
            assert_eq!(taped, event, "{name}");
        }
    }
}

fn sorted(messages: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = messages.iter().map(Value::to_string).collect();
    texts.sort();
    texts
}

#[test]
fn a_desk_of_three_libraries_is_recorded_as_it_was() {
    record(&[Library::Cometd9, Library::Cometd3, Library::Faye]);
}

#[test]
fn a_desk_of_three_libraries_in_other_seats_is_recorded_as_it_was() {
    record(&[Library::Faye, Library::Cometd9, Library::Cometd3]);
}

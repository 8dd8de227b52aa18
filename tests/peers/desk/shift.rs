//! A shift at the desk: what the agents do, one after the other or at once.

use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::agent::{Agent, Library, Pauses};

use super::part::{self, Call, Part};
use super::service::Desk;

const CALLS: &str = "/api/v2/me/calls";
const CHATS: &str = "/api/v2/me/chats";
pub(super) const DEVICES: &str = "/api/v2/me/devices";

/// The agents, by their login names.
pub(super) const NAMES: [&str; 3] = ["alice", "bob", "carol"];

/// How long the desk waits for a silent agent, with its poll and its sweep, and some more.
const SILENCE: Duration = Duration::from_millis(3_500);

/// The agents at their desks.
pub(super) struct Shift<'a> {
    /// The desk itself; none where a replay stands in for it.
    desk: Option<&'a mut Desk>,
    agents: Vec<Agent>,
    answers: Vec<usize>,
    calls: Vec<Vec<Call>>,
    /// How many messages each agent has waited for.
    awaited: [usize; 3],
}

/// How two agents press keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presses {
    /// Both at once, so that what comes of it may come in either order.
    AtOnce,
    InTurn,
}

impl Shift<'_> {
    /// Logs the agents in where `origin` is, and lets them listen.
    pub(super) fn begin<'a>(
        desk: Option<&'a mut Desk>,
        origin: &str,
        libraries: &[Library],
    ) -> Shift<'a> {
        let mut agents = Vec::new();
        for (name, library) in NAMES.iter().zip(libraries.iter().cycle()) {
            let mut agent = part::agent(*library, origin, name, &Map::new());
            part::log_in(&mut agent, name, 0);
            agent.join(Pauses::default());
            agent.until(|heard| heard.ready == 1);
            agents.push(agent);
        }
        Shift {
            desk,
            answers: vec![part::LOGIN_ANSWERS; agents.len()],
            calls: vec![Vec::new(); agents.len()],
            awaited: [0; 3],
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
        self.request(name, "POST", target, Some(body.to_string()));
    }

    fn request(&mut self, name: &str, method: &'static str, target: &str, content: Option<String>) {
        let place = Self::place(name);
        self.agents[place].request(method, target, content.as_deref(), 0);
        self.answers[place] += 1;
        self.calls[place].push(Call {
            method,
            target: target.to_owned(),
            content,
            heard: self.awaited[place],
        });
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
        self.request(name, "GET", target, None);
        self.answer(name)
    }

    /// Waits until every agent has heard so much, and all that the desk has sent it.
    fn heard(&mut self, counts: [usize; 3]) {
        self.awaited = counts;
        for (place, mut count) in counts.into_iter().enumerate() {
            if let Some(desk) = &mut self.desk {
                desk.sent(NAMES[place], count);
                count = desk.truth.of(NAMES[place]).count();
            }
            self.agents[place].until(|heard| heard.messages.len() >= count);
        }
    }

    /// The same where nothing more is due before the next call: what comes too early shows in the end.
    fn heard_no_more(&mut self, counts: [usize; 3]) {
        self.heard(counts);
        for (agent, count) in self.agents.iter_mut().zip(counts) {
            let heard = agent.until(|_| true);
            assert_eq!(heard.messages.len(), count, "{:?}", heard.messages);
        }
    }

    /// Lets everybody leave; the part that each has had in it.
    pub(super) fn end(mut self) -> Vec<Part> {
        let leave = |((agent, calls), name): ((&mut Agent, Vec<Call>), &&'static str)| {
            agent.leave();
            Part::of(name, calls, agent.take())
        };
        self.agents
            .iter_mut()
            .zip(self.calls)
            .zip(&NAMES)
            .map(leave)
            .collect()
    }

    pub(super) fn talk(&mut self, presses: Presses) {
        let call = self.call("alice", CALLS, "Dial", json!({ "to": "bob" }));
        let call = format!("{CALLS}/{}", call["id"].as_str().unwrap());
        self.heard_no_more([1, 1, 0]);
        self.call("bob", &call, "Answer", json!({}));
        self.heard_no_more([2, 2, 0]);
        self.call("alice", &call, "Hold", json!({}));
        assert_eq!(self.read("bob", &call)["state"], "Held");
        self.call("alice", &call, "Retrieve", json!({}));
        self.heard_no_more([4, 4, 0]);
        self.send("alice", &call, "SendDtmf", json!({ "digits": "12#" }));
        match presses {
            Presses::AtOnce => {}
            Presses::InTurn => self.heard([5, 5, 0]),
        }
        self.send("bob", &call, "SendDtmf", json!({ "digits": "7" }));
        self.answer("alice");
        self.answer("bob");
        self.heard_no_more([6, 6, 0]);
        self.call("alice", &call, "Release", json!({}));
        self.heard_no_more([7, 7, 0]);
        // What is refused notifies nobody.
        let refused = self.call("bob", &call, "Release", json!({}));
        assert_eq!(refused["statusCode"], 2);
    }

    pub(super) fn chat(&mut self) {
        // A call that is answered later, and much that happens meanwhile.
        let far = json!({ "after": 1_200, "number": "5550100" });
        let far = self.call("alice", CALLS, "Dial", far);
        let reference = |number: u32| json!({ "nickname": "Carol", "referenceId": number });
        let chat = self.call("carol", CHATS, "Create", reference(471_100_301));
        let chat = format!("{CHATS}/{}", chat["id"].as_str().unwrap());
        self.heard([8, 7, 1]);
        self.call(
            "carol",
            &chat,
            "Invite",
            json!({ "name": "bob", "referenceId": "inv-20c4-77f1" }),
        );
        self.heard([8, 8, 2]);
        let text = json!({ "text": "good morning", "referenceId": 471_200_856 });
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
    pub(super) fn fall_silent(&mut self) {
        self.agents[0].signal("-STOP");
        thread::sleep(SILENCE);
        self.agents[0].signal("-CONT");
        self.agents[0].until(|heard| heard.unknown == 1 && heard.ready == 2);
        self.call("alice", DEVICES, "NotReady", json!({ "reason": "asleep" }));
        self.heard([11, 11, 4]);
    }

    /// A customer calls, and nobody has done anything for it.
    pub(super) fn be_called(&mut self) {
        self.desk.as_mut().unwrap().ring("carol");
        self.heard([11, 11, 5]);
    }
}

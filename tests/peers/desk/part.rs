//! An agent's part in a recorded shift, so that it can be played again: alone, in company, faster or
//! slower, with other words.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::agent::{Agent, Heard, Library, Pauses};
use crate::random::Random;

/// How many answers a login comes to: the one to the form, and the page that it leads to.
pub(super) const LOGIN_ANSWERS: usize = 2;

/// What an agent did, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) name: &'static str,
    /// What it called after its login.
    pub(super) calls: Vec<Call>,
    pub(super) answers: Vec<Value>,
    pub(super) messages: Vec<Value>,
}

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) content: Option<String>,
    /// How many messages it waited for before.
    pub(super) heard: usize,
}

/// Recorded values, and what a client says instead.
pub(super) type Words = [(Value, Value)];

/// Whether an agent listens to the others before it does the next thing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Manner {
    /// It waits for what it had waited for when it was recorded.
    Listens,
    /// It only waits for the answers to what it calls.
    Rushes,
}

/// How an agent plays its part: times are in milliseconds.
#[derive(Clone, Debug)]
pub(super) struct Tempo {
    manner: Manner,
    login: u64,
    pauses: Pauses,
    /// Before each call; beyond the last there is none.
    waits: Vec<u64>,
}

impl Tempo {
    /// As it was recorded, without any wait.
    pub(super) fn plain() -> Tempo {
        Tempo {
            manner: Manner::Listens,
            login: 0,
            pauses: Pauses::default(),
            waits: Vec::new(),
        }
    }

    /// Anyhow, with waits up to the longest.
    pub(super) fn random(random: &mut Random, longest: u64, calls: usize) -> Tempo {
        Tempo {
            manner: random.one_of(&[Manner::Listens, Manner::Rushes]),
            login: random.wait(longest),
            pauses: Pauses {
                handshake: random.wait(longest),
                subscription: random.wait(longest),
            },
            waits: (0..calls).map(|_| random.wait(longest)).collect(),
        }
    }
}

/// Starts an agent of this name where `origin` is, whose requests carry these header fields.
pub(super) fn agent(
    library: Library,
    origin: &str,
    name: &str,
    headers: &Map<String, Value>,
) -> Agent {
    Agent::named(library, origin, name, headers, &channels())
}

/// The same, whose process another program starts.
pub(super) fn agent_by(by: &[&str], library: Library, origin: &str, name: &str) -> Agent {
    Agent::named_by(by, library, origin, name, &Map::new(), &channels())
}

/// Logs an agent in, after so many milliseconds.
pub(super) fn log_in(agent: &mut Agent, name: &str, after: u64) {
    let form = format!("username={name}&password=secret-of-{name}");
    agent.log_in("/login", &form, after);
}

impl Part {
    pub(super) fn of(name: &'static str, calls: Vec<Call>, heard: Heard) -> Part {
        Part {
            name,
            calls,
            answers: heard.answers,
            messages: heard.messages,
        }
    }

    /// This part where other words stand in the place of the recorded ones: in what is called, and in
    /// what comes of it.
    pub(super) fn with(&self, words: &Words) -> Part {
        let mut part = self.clone();
        for content in part
            .calls
            .iter_mut()
            .filter_map(|call| call.content.as_mut())
        {
            let mut value = serde_json::from_str(content).unwrap();
            put(words, &mut value);
            *content = value.to_string();
        }
        for message in &mut part.messages {
            put(words, message);
        }
        part
    }

    /// Makes an agent play this part from its login until it leaves. It must get what the part says,
    /// in that order, and nothing else.
    pub(super) fn play(&self, agent: &mut Agent, tempo: &Tempo) {
        log_in(agent, self.name, tempo.login);
        agent.join(tempo.pauses);
        for (place, call) in self.calls.iter().enumerate() {
            if let Manner::Listens = tempo.manner {
                agent.until(|heard| heard.ready == 1 && heard.messages.len() >= call.heard);
            }
            let wait = tempo.waits.get(place).copied().unwrap_or_default();
            agent.request(call.method, &call.target, call.content.as_deref(), wait);
            agent.until(|heard| heard.answers.len() > LOGIN_ANSWERS + place);
        }
        agent.until(|heard| heard.messages.len() >= self.messages.len());
        agent.leave();
        let heard = agent.take();
        assert_eq!(heard.messages, self.messages, "{}", self.name);
        assert_eq!(heard.answers, self.answers, "{}", self.name);
    }
}

/// What every agent subscribes to.
pub(super) fn channels() -> BTreeSet<String> {
    ["calls", "chats", "devices"]
        .map(|kind| format!("/v2/me/{kind}"))
        .into()
}

/// Puts words in the places of recorded ones, however deep these stand.
fn put(words: &Words, value: &mut Value) {
    if let Some((_, own)) = words.iter().find(|(recorded, _)| recorded == value) {
        *value = own.clone();
        return;
    }
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| put(words, value)),
        Value::Object(fields) => fields.values_mut().for_each(|value| put(words, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

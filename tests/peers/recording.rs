//! The embedded conversation through `antiphon record`: real clients on one side of it, a replay as
//! the service on the other.
//!
//! What the traffic of other services means is tested without them, in the recorder.

use serde_json::Value;

use crate::agent::{Agent, Identification, Library, Pauses};
use crate::conversation::{call_all, check, hear_all};
use crate::server::Server;
use crate::tape::{Session, Subscriptions, Tape};

/// How long the service holds a poll, in milliseconds.
const POLL: u32 = 500;

/// Plays the conversation through a recording. The agents must hear what they hear without it, and the
/// recorded tape must hold what the service's own tape does, in the same sessions, with the same causes.
fn record(libraries: &[Library]) {
    let tape = Tape::embedded();
    let service = Server::replay(POLL);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recorded.tape");
    let recording = Server::record(&service.origin, &path);
    let mut agents: Vec<Agent> = Vec::new();
    for (session, library) in tape.sessions.iter().zip(libraries.iter().cycle()) {
        let (by, to) = (Identification::Basic, Subscriptions::Siblings);
        let mut agent = Agent::start(*library, &recording.origin, session, by, to);
        agent.join(Pauses::default());
        agent.until(|heard| heard.ready == 1);
        agents.push(agent);
    }
    for (agent, session) in agents.iter_mut().zip(&tape.sessions) {
        call_all(agent, session, 0);
    }
    for (agent, session) in agents.iter_mut().zip(&tape.sessions) {
        hear_all(agent, session);
        agent.leave();
        check(agent, session);
    }
    recording.end_well();
    let recorded = Tape::read(&path);
    assert_eq!(recorded.sessions.len(), tape.sessions.len());
    for session in &tape.sessions {
        let same = |other: &&Session| other.name == session.name;
        let other = recorded.sessions.iter().find(same).expect(&session.name);
        assert_eq!(other.operations, session.operations, "{}", session.name);
        assert_eq!(other.messages(), session.messages(), "{}", session.name);
        assert_eq!(causes(other), causes(session), "{}", session.name);
    }
}

/// The numbers of the operations that each notification of a session waits for. Those of both tapes
/// begin at 1 with the first operation.
fn causes(session: &Session) -> Vec<&Value> {
    session
        .notifications
        .iter()
        .map(|notification| &notification["after"])
        .collect()
}

#[test]
fn cometd_9_and_faye_are_recorded() {
    record(&[Library::Cometd9, Library::Faye]);
}

#[test]
fn faye_and_cometd_3_are_recorded() {
    record(&[Library::Faye, Library::Cometd3]);
}

//! The embedded conversation, heard by real clients: each session is an agent in its own process.
//!
//! What clients on the wire may do beside this is tested without them, in `tests/it`.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::{Agent, Identification, Library, Pauses};
use crate::segments::segments;
use crate::server::Server;
use crate::tape::{Session, Subscriptions, Tape, verified};

/// How long a poll is held here, in milliseconds: long enough that what is sent meets a held poll,
/// and short enough to wait for a whole one.
const POLL: u32 = 500;

/// How long a recording may take to go on in another segment.
const PATIENCE: Duration = Duration::from_secs(10);

/// A replay and an agent for each session of its tape.
struct Scene {
    tape: Tape,
    replay: Server,
    agents: Vec<Agent>,
}

impl Scene {
    /// Starts the agents, whose libraries are these in turn.
    fn new(libraries: &[Library], by: Identification, to: Subscriptions) -> Scene {
        let replay = Server::replay(POLL);
        let origin = replay.origin.clone();
        Scene::behind(&origin, replay, libraries, by, to)
    }

    /// The same with agents that reach the replay by way of this origin.
    fn behind(
        origin: &str,
        replay: Server,
        libraries: &[Library],
        by: Identification,
        to: Subscriptions,
    ) -> Scene {
        let tape = Tape::embedded();
        let sessions = tape.sessions.iter().zip(libraries.iter().cycle());
        let agents = sessions
            .map(|(session, library)| Agent::start(*library, origin, session, by, to))
            .collect();
        Scene {
            tape,
            replay,
            agents,
        }
    }

    /// Lets the agents shake hands one after the other, in the order of the sessions.
    fn join(&mut self) {
        for agent in &mut self.agents {
            agent.join(Pauses::default());
            agent.until(|heard| heard.ready == 1);
        }
    }

    /// Makes every call of the tape, and waits for all that must come of it.
    fn play(&mut self) {
        for (agent, session) in self.agents.iter_mut().zip(&self.tape.sessions) {
            call_all(agent, session, 0);
        }
        for (agent, session) in self.agents.iter_mut().zip(&self.tape.sessions) {
            hear_all(agent, session);
        }
    }

    /// Lets the agents leave, and checks that each got exactly its own.
    fn leave(&mut self) {
        for (agent, session) in self.agents.iter_mut().zip(&self.tape.sessions) {
            agent.leave();
            check(agent, session);
        }
        assert_eq!(self.replay.transcript().0, self.tape.transcript());
    }
}

/// Makes an agent send all the calls of its session, after so many milliseconds.
pub(crate) fn call_all(agent: &mut Agent, session: &Session, after: u64) {
    for operation in &session.operations {
        agent.call(operation, after);
    }
}

/// Waits for as many answers and messages as the tape holds for an agent.
pub(crate) fn hear_all(agent: &mut Agent, session: &Session) {
    let (answers, messages) = (session.operations.len(), session.messages().len());
    agent.until(|heard| heard.answers.len() >= answers && heard.messages.len() >= messages);
}

/// Checks that an agent got what is on the tape for it, in that order, and nothing else.
pub(crate) fn check(agent: &mut Agent, session: &Session) {
    let heard = agent.take();
    assert_eq!(heard.messages, session.messages(), "{}", session.name);
    let answer = |answer: &Value| {
        let content = answer["content"].as_str().unwrap();
        let content = serde_json::from_str(content).unwrap_or_else(|_| json!(content));
        (answer["status"].as_u64().unwrap(), content)
    };
    let answers: Vec<(u64, Value)> = heard.answers.iter().map(answer).collect();
    let recorded = session.operations.iter();
    let recorded: Vec<(u64, Value)> = recorded
        .map(|operation| (operation.status, operation.response.clone()))
        .collect();
    assert_eq!(answers, recorded, "{}", session.name);
}

fn converse(libraries: &[Library], by: Identification, to: Subscriptions) {
    let mut scene = Scene::new(libraries, by, to);
    scene.join();
    scene.play();
    scene.leave();
}

/// A reset makes every client unknown; it shakes hands and subscribes anew, and hears the new run.
fn survive_a_reset(libraries: &[Library], by: Identification) {
    let mut scene = Scene::new(libraries, by, Subscriptions::Siblings);
    scene.join();
    scene.play();
    let (_, digest) = scene.replay.transcript();
    for (agent, session) in scene.agents.iter_mut().zip(&scene.tape.sessions) {
        check(agent, session);
    }
    scene.replay.reset();
    for agent in &mut scene.agents {
        let heard = agent.until(|heard| heard.ready == 1);
        assert_eq!(heard.unknown, 1);
    }
    scene.play();
    scene.leave();
    assert_eq!(scene.replay.transcript().1, digest);
}

#[test]
fn cometd_9_hears_its_own() {
    converse(
        &[Library::Cometd9],
        Identification::Header,
        Subscriptions::Siblings,
    );
}

#[test]
fn cometd_3_hears_its_own() {
    converse(
        &[Library::Cometd3],
        Identification::Header,
        Subscriptions::Names,
    );
}

#[test]
fn faye_hears_its_own() {
    converse(
        &[Library::Faye],
        Identification::Header,
        Subscriptions::Siblings,
    );
}

#[test]
fn different_libraries_hear_one_conversation() {
    let libraries = [Library::Cometd9, Library::Faye];
    converse(
        &libraries,
        Identification::Header,
        Subscriptions::Descendants,
    );
}

#[test]
fn clients_that_acknowledge_hear_each_message_once() {
    let libraries = Library::ACKNOWLEDGING;
    converse(&libraries, Identification::Header, Subscriptions::Siblings);
    survive_a_reset(&libraries, Identification::Header);
}

#[test]
fn agents_are_known_by_their_basic_user() {
    let libraries = [Library::Cometd3, Library::Cometd9];
    converse(&libraries, Identification::Basic, Subscriptions::Names);
    converse(
        &[Library::Faye],
        Identification::Basic,
        Subscriptions::Names,
    );
}

#[test]
fn agents_are_known_by_the_order_of_their_handshakes() {
    for library in Library::PLAIN {
        converse(&[library], Identification::Turn, Subscriptions::Siblings);
    }
}

#[test]
fn agents_are_known_by_their_cookie_when_they_come_back_in_another_order() {
    // A new client of Faye's begins without cookies.
    let libraries = [Library::Cometd9, Library::Cometd3];
    let mut scene = Scene::new(&libraries, Identification::Turn, Subscriptions::Siblings);
    scene.join();
    scene.play();
    scene.leave();
    scene.replay.reset();
    for agent in scene.agents.iter_mut().rev() {
        agent.join(Pauses::default());
        agent.until(|heard| heard.ready == 1);
    }
    scene.play();
    scene.leave();
}

#[test]
fn cometd_survives_a_reset() {
    let libraries = [Library::Cometd9, Library::Cometd3];
    survive_a_reset(&libraries, Identification::Header);
}

/// Of a long recording the oldest segments are removed, and with them what clients subscribed to.
#[test]
fn a_recording_plays_by_itself_wherever_it_begins() {
    let replay = Server::replay(POLL);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.tape");
    let recorder = Server::record_on(&replay.origin, &path, &["--rotate", "64MiB"]);
    let libraries = [Library::Cometd9, Library::Cometd3];
    let (by, to) = (Identification::Header, Subscriptions::Siblings);
    let mut scene = Scene::behind(&recorder.origin, replay, &libraries, by, to);
    scene.join();
    turn(&recorder, &path);
    scene.play();
    turn(&recorder, &path);
    for agent in &mut scene.agents {
        agent.take();
    }
    scene.replay.reset();
    for agent in &mut scene.agents {
        agent.until(|heard| heard.ready == 1);
    }
    scene.play();
    scene.leave();
    recorder.end_well();
    let segments = segments(&path);
    assert_eq!(segments.len(), 3);
    for first in segments {
        verified(&path);
        std::fs::remove_file(first).unwrap();
    }
}

/// Has a recording go on in another segment, and waits until it does.
fn turn(recorder: &Server, folder: &Path) {
    let before = segments(folder).len();
    let id = recorder.id().to_string();
    let sent = Command::new("kill").args(["-HUP", &id]).status().unwrap();
    assert!(sent.success());
    let begin = Instant::now();
    while segments(folder).len() == before {
        assert!(begin.elapsed() < PATIENCE, "it goes on in no other segment");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn faye_survives_a_reset() {
    survive_a_reset(&[Library::Faye], Identification::Header);
}

#[test]
fn clients_that_shake_hands_at_once_after_a_reset_keep_their_sessions_by_their_cookies() {
    for library in Library::PLAIN {
        survive_a_reset(&[library], Identification::Turn);
    }
}

#[test]
fn the_replay_ends_well_while_clients_are_connected() {
    for library in Library::PLAIN {
        let mut scene = Scene::new(&[library], Identification::Header, Subscriptions::Names);
        scene.join();
        scene.play();
        scene.replay.end_well();
    }
}

//! The desk on Faye's server, with agents on sockets: what passes on those is Bayeux, and stands on
//! the tape as if it had come by polling. They are replayed as recorded, to the same agents and to
//! those that come by another way.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::agent::{Agent, Library, Pauses};
use crate::random::Random;
use crate::server::{PATIENT, Server};

use super::part::{self, Part, Tempo};
use super::recorded::{Recorded, cast, play};
use super::service::Desk;
use super::shift::NAMES;
use super::{Heard, talk_and_chat, taped, told, verified};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 100;

/// Where agents publish.
pub(super) const CHATS: &str = "/v2/me/chats";

const RUNS: usize = 50;

/// How often agents publish.
const TURNS: usize = 4;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 16;

/// How often the tape opens a socket, and what it has of messages on sockets that are not Bayeux's.
fn sockets(tape: &Path) -> (usize, Vec<Value>) {
    let text = std::fs::read_to_string(tape).unwrap();
    let events = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let (mut opened, mut bare) = (0, Vec::new());
    for event in events {
        if event["response"]["status"] == 101 {
            opened += 1;
        } else if event["request"]["method"] == "SEND" || !event["on"].is_null() {
            bare.push(event);
        }
    }
    (opened, bare)
}

/// A shift at a desk that these arguments choose, recorded: each agent heard what it was sent, and the
/// tape tells the truth.
fn record(arguments: &[&str], libraries: &[Library], tape: &Path) -> Vec<Part> {
    let mut desk = Desk::by(arguments);
    let recording = Server::record(&desk.origin, tape);
    let parts = talk_and_chat(Some(&mut desk), &recording.origin, libraries);
    recording.end_well();
    let truth = told(&desk.end());
    let taped = taped(tape);
    for (name, part) in NAMES.iter().zip(&parts) {
        let message = |(channel, data, _): &Heard| json!({ "channel": channel, "data": data });
        let sent: Vec<Value> = truth[*name].events.iter().map(message).collect();
        assert_eq!(part.messages, sent, "{name}");
    }
    assert_eq!(taped, truth);
    verified(tape);
    parts
}

#[test]
fn agents_on_sockets_are_recorded_and_replayed_as_agents_that_poll() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("desk.tape");
    let parts = record(&["faye"], &Library::ON_SOCKETS, &tape);
    assert_eq!(sockets(&tape), (NAMES.len(), Vec::new()));
    let replay = Server::replay_of(&tape, POLL);
    let mut random = Random::seeded();
    let mut agents = cast(&parts, &replay.origin, &Library::ON_SOCKETS);
    let mut digests = BTreeSet::new();
    for run in 1..=RUNS {
        replay.reset();
        let tempos: Vec<Tempo> = parts
            .iter()
            .map(|part| Tempo::random(&mut random, LONGEST, part.calls.len()))
            .collect();
        println!("run {run}: {tempos:?}");
        play(&parts, &mut agents, &tempos);
        let report = replay.clean_report();
        digests.insert(report["digest"].as_str().unwrap().to_owned());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    replay.end_well();
}

/// The digest of a run of these libraries, in which everything was played as recorded.
fn digest(replay: &Server, parts: &[Part], libraries: &[Library]) -> Value {
    replay.reset();
    let mut agents = cast(parts, &replay.origin, libraries);
    play(parts, &mut agents, &vec![Tempo::plain(); parts.len()]);
    replay.clean_report()["digest"].clone()
}

#[test]
fn agents_recorded_on_sockets_may_come_by_polling() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("desk.tape");
    let parts = record(&["faye"], &Library::ON_SOCKETS, &tape);
    let replay = Server::replay_of(&tape, POLL);
    let on_sockets = digest(&replay, &parts, &Library::ON_SOCKETS);
    assert_eq!(digest(&replay, &parts, &Library::PLAIN), on_sockets);
    replay.end_well();
}

#[test]
fn agents_recorded_by_polling_may_come_on_sockets_that_are_offered() {
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let offer = [PATIENT, &["--offer-websocket"]].concat();
    let replay = Server::replay_with(&recorded.tape(), POLL, &offer);
    let polling = digest(&replay, parts, &Library::PLAIN);
    assert_eq!(digest(&replay, parts, &Library::ON_SOCKETS), polling);
    replay.end_well();
}

#[test]
fn agents_whose_sockets_are_refused_go_on_by_polling() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("desk.tape");
    let libraries = [
        Library::Cometd9OnAny,
        Library::FayeOnAny,
        Library::Cometd3OnAny,
    ];
    let parts = record(&["faye", "polling"], &libraries, &tape);
    assert_eq!(sockets(&tape), (0, Vec::new()));
    let replay = Server::replay_of(&tape, POLL);
    let first = digest(&replay, &parts, &libraries);
    assert_eq!(digest(&replay, &parts, &libraries), first);
    replay.end_well();
}

/// Two agents publish one after the other, so often; both hear it, but what is said at these turns is
/// forbidden.
fn publish(origin: &str, libraries: [Library; 2], forbidden: &[usize]) -> Vec<Part> {
    let join = |(name, library): (&'static str, Library)| {
        let mut agent = part::agent(library, origin, name, &Map::new());
        part::log_in(&mut agent, name, 0);
        agent.join(Pauses::default());
        agent.until(|heard| heard.ready == 1);
        agent
    };
    let mut agents: Vec<Agent> = NAMES.into_iter().zip(libraries).map(join).collect();
    for turn in 0..TURNS {
        let mut data =
            json!({ "text": format!("the {turn}th"), "referenceId": 471_300_100 + turn });
        if forbidden.contains(&turn) {
            data["forbidden"] = json!(true);
        }
        let said = (0..=turn).filter(|turn| !forbidden.contains(turn)).count();
        let publisher = &mut agents[turn % 2];
        publisher.request("PUBLISH", CHATS, Some(&data.to_string()), 0);
        publisher.until(|heard| heard.answers.len() > part::LOGIN_ANSWERS + turn / 2);
        for agent in &mut agents {
            agent.until(|heard| heard.messages.len() >= said);
        }
    }
    let leave = |(name, mut agent): (&'static str, Agent)| {
        agent.leave();
        Part::of(name, Vec::new(), agent.take())
    };
    NAMES.into_iter().zip(agents).map(leave).collect()
}

#[test]
fn what_agents_publish_on_sockets_is_recorded_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("desk.tape");
    let on_sockets = [Library::Cometd9OnSocket, Library::FayeOnAny];
    let desk = Desk::by(&["faye"]);
    let recording = Server::record(&desk.origin, &tape);
    let parts = publish(&recording.origin, on_sockets, &[]);
    recording.end_well();
    drop(desk);
    assert_eq!(parts[0].messages.len(), TURNS);
    assert_eq!(parts[0].messages, parts[1].messages);
    // An operation for each, and no message besides.
    let (opened, said) = sockets(&tape);
    assert_eq!((opened, said.len()), (2, TURNS));
    assert!(said.iter().all(|said| said["request"]["method"] == "SEND"));
    let lanes = taped(&tape);
    for (event, turn) in lanes["alice"].events.iter().zip(0..) {
        let (_, _, cause) = event;
        // After the login and the page come what it publishes itself.
        let publisher = NAMES[turn % 2].to_owned();
        assert_eq!(*cause, Some((publisher, 2 + turn / 2)), "{event:?}");
    }
    verified(&tape);
    let replay = Server::replay_of(&tape, POLL);
    assert_eq!(publish(&replay.origin, on_sockets, &[]), parts);
    let first = replay.clean_report();
    replay.reset();
    assert_eq!(
        publish(&replay.origin, [Library::Cometd9, Library::Faye], &[]),
        parts
    );
    assert_eq!(replay.clean_report()["digest"], first["digest"]);
    replay.end_well();
}

/// What agents publish whom the service refuses some of it, recorded from these libraries and replayed to
/// those, and to the same.
fn refused(recorded: [Library; 2], replayed: [Library; 2]) {
    const FORBIDDEN: &[usize] = &[0, 3];
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("desk.tape");
    let desk = Desk::by(&["faye"]);
    let recording = Server::record(&desk.origin, &tape);
    let parts = publish(&recording.origin, recorded, FORBIDDEN);
    recording.end_well();
    drop(desk);
    let answers = |part: &Part| part.answers[part::LOGIN_ANSWERS..].to_vec();
    let refusal = json!({ "successful": false, "error": "403:chats:not so loud" });
    let taken = json!({ "successful": true });
    let mut with_rule = refusal.clone();
    with_rule["ext"] = json!({ "rule": 7 });
    assert_eq!(answers(&parts[0]), [with_rule, taken.clone()]);
    assert_eq!(answers(&parts[1]), [taken, refusal]);
    assert_eq!(parts[0].messages.len(), TURNS - FORBIDDEN.len());
    verified(&tape);
    let replay = Server::replay_with(&tape, POLL, &[PATIENT, &["--offer-websocket"]].concat());
    assert_eq!(publish(&replay.origin, recorded, FORBIDDEN), parts);
    let first = replay.clean_report();
    replay.reset();
    assert_eq!(publish(&replay.origin, replayed, FORBIDDEN), parts);
    assert_eq!(replay.clean_report()["digest"], first["digest"]);
    replay.end_well();
}

#[test]
fn what_a_service_refuses_is_refused_by_its_replay() {
    let on_sockets = [Library::Cometd9OnSocket, Library::FayeOnAny];
    let polling = [Library::Cometd9, Library::Faye];
    refused(on_sockets, polling);
    refused(polling, on_sockets);
}

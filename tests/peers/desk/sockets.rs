//! The desk on Faye's server, with agents on sockets: what passes on those is Bayeux, and stands on
//! the tape as if it had come by polling. They are replayed as recorded, to the same agents and to
//! those that come by another way.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::agent::Library;
use crate::random::Random;
use crate::server::{PATIENT, Server};

use super::part::{Part, Tempo};
use super::recorded::{Recorded, cast, play};
use super::service::Desk;
use super::shift::NAMES;
use super::{Heard, talk_and_chat, taped, told, verified};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 100;

const RUNS: usize = 50;

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

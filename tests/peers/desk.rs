//! Agents at work on a desk of calls and chats, with npm's own `CometD` server behind it, directly and
//! through `antiphon record`: what they hear, and what the tape says that they did and heard and why.
//!
//! The desk itself logs the truth, with the operation that each message came of.

mod alone;
mod blotted;
mod choices;
mod compared;
mod copies;
mod direct;
mod guarded;
mod http2;
mod isolated;
mod part;
mod recorded;
mod runs;
mod service;
mod shift;
mod sockets;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::agent::Library;
use crate::server::Server;
use crate::tape::{shown, verified};
use crate::telling::Truth;

use part::Part;
use service::Desk;
use shift::{NAMES, Presses, Shift};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 500;

/// Where a socket for Bayeux is asked for.
const NOTIFICATIONS: &str = "/api/v2/notifications";

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

/// The lanes of the truth.
fn told(truth: &Truth) -> Lanes {
    lanes(
        &truth.operations,
        "agent",
        "number",
        &truth.events,
        "agent",
        |event| event["cause"].as_u64().into_iter().collect(),
    )
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

/// The lanes of a tape, without the requests for Bayeux sockets, which the desk does not count.
fn taped(path: &Path) -> Lanes {
    let (document, _) = shown(path);
    let list = |name: &str| document[name].as_array().unwrap().clone();
    let (mut operations, events) = (list("operations"), list("notifications"));
    operations
        .retain(|operation| operation["method"] != "GET" || operation["target"] != NOTIFICATIONS);
    lanes(&operations, "session", "id", &events, "session", |event| {
        let after = event["after"].as_array().unwrap().iter();
        after.map(|cause| cause.as_u64().unwrap()).collect()
    })
}

/// A whole shift where `origin` is; what each agent heard.
fn work(desk: &mut Desk, origin: &str, libraries: &[Library]) -> Vec<Vec<Value>> {
    let mut shift = Shift::begin(Some(desk), origin, libraries);
    shift.talk(Presses::AtOnce);
    shift.chat();
    shift.fall_silent();
    shift.be_called();
    let parts = shift.end();
    parts.into_iter().map(|part| part.messages).collect()
}

/// The part of a shift for which nobody else is needed.
fn talk_and_chat(desk: Option<&mut Desk>, origin: &str, libraries: &[Library]) -> Vec<Part> {
    let mut shift = Shift::begin(desk, origin, libraries);
    shift.talk(Presses::AtOnce);
    shift.chat();
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
    recording.end_well();
    let truth = told(&desk.end());

    for (heard, directly) in heard.iter().zip(&directly) {
        // What both did at once may come in either order.
        assert_eq!(sorted(heard), sorted(directly));
    }
    for (name, heard) in NAMES.iter().zip(&heard) {
        let message = |(channel, data, _): &Heard| json!({ "channel": channel, "data": data });
        let sent: Vec<Value> = truth[*name].events.iter().map(message).collect();
        assert_eq!(*heard, sent, "{name}");
    }
    verified(&path);
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

/// A shift is recorded, the desk goes home, and the same agents work at a replay of the tape: they
/// hear the same, in the same order, and the replay says that everything was played.
fn replay(libraries: &[Library], again: &[Library]) {
    let mut desk = Desk::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.tape");
    let recording = Server::record(&desk.origin, &path);
    let recorded = talk_and_chat(Some(&mut desk), &recording.origin, libraries);
    recording.end_well();
    drop(desk);
    verified(&path);
    let replay = Server::replay_of(&path, POLL);
    assert_eq!(talk_and_chat(None, &replay.origin, again), recorded);
    replay.end_well();
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

#[test]
fn agents_cannot_tell_a_replay_from_the_desk() {
    let libraries = [Library::Cometd9, Library::Cometd3, Library::Faye];
    replay(&libraries, &libraries);
}

#[test]
fn a_desk_may_be_replayed_to_other_libraries() {
    let other = [Library::Faye, Library::Cometd9, Library::Cometd3];
    replay(&Library::PLAIN, &other);
}

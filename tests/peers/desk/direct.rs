//! What a service sends straight to a client that never subscribes to its channel.

use serde_json::{Map, Value, json};

use crate::agent::{Library, Pauses};
use crate::server::Server;
use crate::tape::verified;

use super::POLL;
use super::part;
use super::service::Desk;
use super::shift::DEVICES;

/// What alice hears of what she does at a desk that is reached there.
fn whispered(library: Library, origin: &str) -> Vec<Value> {
    let mut alice = part::agent(library, origin, "alice", &Map::new());
    part::log_in(&mut alice, "alice", 0);
    alice.join(Pauses::default());
    alice.until(|heard| heard.ready == 1);
    for (number, (name, more)) in [
        ("Whisper", "text"),
        ("NotReady", "reason"),
        ("Whisper", "text"),
    ]
    .into_iter()
    .enumerate()
    {
        let content = json!({ "operationName": name, more: format!("{name} {number}") });
        alice.request("POST", DEVICES, Some(&content.to_string()), 0);
        alice.until(|heard| heard.messages.len() > number);
    }
    alice.leave();
    let heard = alice.take().messages;
    let channels: Vec<&Value> = heard.iter().map(|message| &message["channel"]).collect();
    assert_eq!(
        channels,
        ["/service/whispers", "/v2/me/devices", "/service/whispers"]
    );
    heard
}

#[test]
fn what_came_without_a_subscription_comes_again_without_one() {
    for library in [Library::Cometd3, Library::Cometd9] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whispers.tape");
        let desk = Desk::start();
        let recording = Server::record(&desk.origin, &path);
        let heard = whispered(library, &recording.origin);
        recording.end_well();
        verified(&path);
        let replay = Server::replay_of(&path, POLL);
        assert_eq!(whispered(library, &replay.origin), heard);
        replay.clean_report();
        replay.end_well();
    }
}

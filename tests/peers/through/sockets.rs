//! Sockets of npm's `ws` and of Chromium, compressed in the ways that they can agree on.

use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::programs::{self, need};
use crate::server::{PATIENCE, Server};

use super::INSTALL;
use super::chromium::{service, visit};

const PROGRAM: &str = "sockets.mjs";

/// What a client of npm's `ws` gets from this origin.
fn talk(origin: &str) -> Vec<Value> {
    let mut child = programs::node(PROGRAM)
        .arg(origin)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = programs::lines(child.stdout.take().unwrap());
    let mut told = Vec::new();
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        told.push(serde_json::from_str(&line).unwrap());
    }
    assert!(child.wait().unwrap().success(), "{told:?}");
    told
}

/// The messages that a tape has of clients and of the service.
fn messages(tape: &Path) -> (Vec<Value>, Vec<Value>) {
    let (mut said, mut heard) = (Vec::new(), Vec::new());
    for line in std::fs::read_to_string(tape).unwrap().lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        if event["request"]["method"] == "SEND" {
            said.push(event["request"]["body"].take());
        } else if event["kind"] == "notification" {
            heard.push(event["data"].take());
        }
    }
    (said, heard)
}

#[test]
fn clients_of_ws_get_the_same_through_a_recorder_and_its_tape_has_it_in_plain() {
    let service = service(PROGRAM);
    let directly = talk(&service.origin);
    let way = |extensions: &str| json!([extensions, true, "there?", 4000, "genug"]);
    let deflate = way("permessage-deflate");
    assert_eq!(
        directly,
        [way(""), deflate.clone(), deflate.clone(), deflate]
    );
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("ws.tape");
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(talk(&recording.origin), directly);
    recording.end_well();
    let (said, heard) = messages(&tape);
    assert_eq!(said.len(), 4 * 33);
    assert!(said == heard);
    assert_eq!(said[40]["json"]["n"], 5);
}

#[test]
fn a_page_in_chromium_has_the_same_socket_through_a_recorder() {
    need("chromium", INSTALL);
    let service = service(PROGRAM);
    let directly = visit(&service.origin);
    let expected = json!({
        "extensions": "permessage-deflate",
        "same": true,
        "closed": [4000, "genug", true],
    });
    assert_eq!(directly, expected);
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("chromium.tape");
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(visit(&recording.origin), directly);
    recording.end_well();
    let (said, heard) = messages(&tape);
    assert_eq!(said.len(), 4);
    assert_eq!(said[1]["text"], "ein Größenwert");
    assert!(said == heard);
}

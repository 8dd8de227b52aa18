//! Sockets of npm's `ws` and of Chromium, compressed in the ways that they can agree on.

use std::path::Path;
use std::process::Stdio;

use antiphon::exchange::{Body, Carrier, Form, Kind, OperationId};
use antiphon::tape::Tape;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

use crate::programs::{self, need};
use crate::server::{PATIENCE, Server};

use super::INSTALL;
use super::chromium::{service, service_by, visit};

const PROGRAM: &str = "sockets.mjs";

/// What a client of npm's `ws` gets from this origin.
fn talk(origin: &str, arguments: &[&str]) -> Vec<Value> {
    let mut child = programs::node(PROGRAM)
        .arg(origin)
        .args(arguments)
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
    let directly = talk(&service.origin, &[]);
    let way = |extensions: &str| json!([extensions, true, "there?", 4000, "genug"]);
    let deflate = way("permessage-deflate");
    assert_eq!(
        directly,
        [way(""), deflate.clone(), deflate.clone(), deflate]
    );
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("ws.tape");
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(talk(&recording.origin, &[]), directly);
    recording.end_well();
    let (said, heard) = messages(&tape);
    assert_eq!(said.len(), 4 * 33);
    assert!(said == heard);
    assert_eq!(said[40]["json"]["n"], 5);
}

#[test]
fn clients_of_ws_get_the_same_from_a_service_that_speaks_http_2() {
    let service = service(PROGRAM);
    let directly = talk(&service.origin, &[]);
    drop(service);
    let service = service_by(PROGRAM, &["http2"]);
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("ws.tape");
    let recording = Server::record_on(&service.origin, &tape, &["--upstream-http2"]);
    assert_eq!(talk(&recording.origin, &[]), directly);
    let flood = talk(&recording.origin, &["flood"]);
    assert!(flood.iter().all(|told| told["same"] == true), "{flood:?}");
    recording.end_well();
    let (said, heard) = messages(&tape);
    assert!(said == heard);
    assert_eq!(said[40]["json"]["n"], 5);
}

/// How many messages a tape has of clients, or of the service, and the SHA-1 of them all.
fn digest<'a>(messages: impl Iterator<Item = (Kind, &'a Body)>) -> (usize, String) {
    let (mut count, mut hash) = (0, Sha1::new());
    for (kind, body) in messages {
        let kind = match kind {
            Kind::Text => "t",
            Kind::Binary => "b",
        };
        assert_eq!(body.cut(), None);
        count += 1;
        hash.update(format!("{kind}{}:", body.bytes().len()));
        hash.update(body.bytes());
    }
    (count, BASE64.encode(hash.finalize()))
}

#[test]
fn ten_thousand_messages_and_some_of_16_mib_stand_on_the_tape_byte_for_byte() {
    let service = service(PROGRAM);
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("flood.tape");
    let recording = Server::record_on(&service.origin, &tape, &["--max-body", "33554432"]);
    let told = talk(&recording.origin, &["flood"]);
    recording.end_well();
    let tape = Tape::load(&tape).unwrap().tape;
    let streams = tape.operations().filter(|one| one.form.opens().is_some());
    let streams: Vec<OperationId> = streams.map(|one| one.id).collect();
    assert_eq!((streams.len(), told.len()), (2, 2));
    for (stream, told) in streams.iter().zip(&told) {
        assert_eq!(told["same"], true, "{told}");
        let count = usize::try_from(told["count"].as_u64().unwrap()).unwrap();
        let expected = (count, told["digest"].as_str().unwrap().to_owned());
        let said = tape.operations().filter_map(|one| match one.form {
            Form::Message(on) if on.stream == *stream => Some((on.kind, &one.request.body)),
            Form::Message(_) | Form::Exchange | Form::Opens(_) => None,
        });
        assert_eq!(digest(said), expected);
        let heard = tape.notifications().filter_map(|one| match &one.carrier {
            Carrier::Message(on) if on.stream == *stream => Some((on.kind, &one.data)),
            Carrier::Message(_) | Carrier::Bayeux | Carrier::Event(_) | Carrier::Line(_) => None,
        });
        assert_eq!(digest(heard), expected);
    }
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

//! The office in a page: Chromium's own `EventSource` hears from a replay what it heard through a recorder.

use serde_json::{Value, json};

use crate::programs::need;
use crate::server::{PATIENT, Server};
use crate::telling::Truth;
use crate::through::INSTALL;
use crate::through::chromium::visit;

use super::office::Office;
use super::{POLL, verified};

/// What the page must tell where this is the truth.
fn expected(truth: &Truth) -> Value {
    let heard = truth.events.iter();
    let heard: Value = heard
        .map(|event| json!([event["type"], event["id"], event["data"]]))
        .collect();
    json!({ "heard": heard, "opened": 2 })
}

#[test]
fn a_page_in_chromium_hears_from_a_replay_what_its_office_sent() {
    need("chromium", INSTALL);
    let office = Office::open();
    let directly = visit(&office.origin);
    assert_eq!(directly, expected(&office.close()));

    let office = Office::open();
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("office.tape");
    let recording = Server::record(&office.origin, &tape);
    assert_eq!(visit(&recording.origin), directly);
    recording.end_well();
    drop(office);
    verified(&tape);

    let replay = Server::replay_with(&tape, POLL, PATIENT);
    assert_eq!(visit(&replay.origin), directly);
    let first = replay.clean_report();
    replay.reset();
    assert_eq!(visit(&replay.origin), directly);
    assert_eq!(replay.clean_report()["digest"], first["digest"]);
    replay.end_well();
}

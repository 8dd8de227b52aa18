//! A room on sockets of npm's `ws`, recorded and replayed: its members say and post what all hear, as
//! text and as bytes, compressed where it was recorded.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::programs::{self, need};
use crate::random::Random;
use crate::server::{PATIENT, Server};
use crate::tape::verified;

use super::INSTALL;
use super::chromium::{service, visit};

pub(super) const PROGRAM: &str = "room.mjs";
const TAPE: &str = "room.tape";

/// How the members tell who they are.
pub(super) const BY: [&str; 2] = ["--session-by", "header:X-Member"];

const RUNS: usize = 50;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 16;

/// How long a replay would hold a poll, in milliseconds.
const POLL: u32 = 100;

/// The parts of the members, of whom the last begins: all that is said comes in one order. The waits
/// are what this makes of the longest.
pub(super) fn members(mut wait: impl FnMut() -> u64) -> Value {
    json!([
        { "name": "carol", "join": wait(), "total": 10, "steps": [
            { "after": 4, "wait": wait(), "post": "90d1f7a3c6cc" },
        ]},
        { "name": "bob", "join": wait(), "total": 10, "steps": [
            { "after": 2, "wait": wait(), "say": "b7c3e51f02bb" },
            { "after": 8, "wait": wait(), "post": "c5518e0b27ee" },
        ]},
        { "name": "alice", "join": wait(), "total": 11, "steps": [
            { "after": 0, "wait": wait(), "say": "4f2a81c9d0aa" },
            { "after": 6, "wait": wait(), "bytes": [1, 2, 3] },
            { "after": 7, "wait": wait(), "say": "e09a6d4412dd" },
        ]},
    ])
}

/// What the members of these companies hear where `origin` is.
pub(super) fn talk(origin: &str, joins: &str, companies: &Value) -> Value {
    let settings = json!({ "origin": origin, "joins": joins, "companies": companies });
    let output = programs::node(PROGRAM)
        .arg(settings.to_string())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A recorded talk: the folder with its tape, and what was heard.
fn recorded() -> (TempDir, Value) {
    let service = service(PROGRAM);
    let company = json!([{ "members": members(|| 0) }]);
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join(TAPE);
    let recording = Server::record_on(&service.origin, &tape, &BY);
    let talked = talk(&recording.origin, "in turn", &company);
    recording.end_well();
    assert_eq!(talked[2]["heard"].as_array().unwrap().len(), 11);
    assert_eq!(talked[2]["protocol"], "room.v1");
    (folder, talked)
}

fn replay(tape: &Path, arguments: &[&str]) -> Server {
    Server::replay_with(tape, POLL, &[&BY[..], arguments].concat())
}

#[test]
fn fifty_runs_of_a_room_have_one_transcript() {
    let mut random = Random::seeded();
    let (folder, talked) = recorded();
    let tape = folder.path().join(TAPE);
    verified(&tape);
    let replay = replay(&tape, PATIENT);
    let mut digests = BTreeSet::new();
    for _ in 0..RUNS {
        replay.reset();
        let company = json!([{ "members": members(|| random.wait(LONGEST)) }]);
        assert_eq!(talk(&replay.origin, "at once", &company), talked);
        let report = replay.clean_report();
        digests.insert(report["digest"].as_str().unwrap().to_owned());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    replay.end_well();
}

#[test]
fn a_member_alone_hears_what_it_does_in_company() {
    let (folder, talked) = recorded();
    let replay = replay(&folder.path().join(TAPE), &["--absent-after", "0.2"]);
    let all = members(|| 0);
    for (member, heard) in all
        .as_array()
        .unwrap()
        .iter()
        .zip(talked.as_array().unwrap())
    {
        replay.reset();
        let alone = json!([{ "members": [member] }]);
        assert_eq!(talk(&replay.origin, "at once", &alone)[0], *heard);
        let report = replay.clean_report();
        assert!(
            report["played"]["by_themselves"].as_u64().unwrap() > 0,
            "{report}"
        );
    }
    replay.end_well();
}

#[test]
fn companies_at_once_have_a_room_each() {
    let (folder, talked) = recorded();
    let arguments = [PATIENT, &["--spare-sessions", "fork"]].concat();
    let replay = replay(&folder.path().join(TAPE), &arguments);
    let company =
        |name: &str| json!({ "headers": { "Antiphon-Copy": name }, "members": members(|| 0) });
    let both = json!([company("one"), company("other")]);
    let heard = talk(&replay.origin, "at once", &both);
    let heard: Vec<Value> = heard.as_array().unwrap().clone();
    let (one, other) = heard.split_at(3);
    assert_eq!(json!(one), talked);
    assert_eq!(json!(other), talked);
    let report = replay.clean_report();
    assert_eq!(report["copies"][0]["digest"], report["digest"]);
    replay.end_well();
}

#[test]
fn a_page_in_chromium_cannot_tell_a_replayed_socket_from_its_service() {
    need("chromium", INSTALL);
    let directly = visit(&service(PROGRAM).origin);
    assert_eq!(
        directly["closed"],
        json!([4000, "genug", true]),
        "{directly}"
    );
    let service = service(PROGRAM);
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join(TAPE);
    let recording = Server::record(&service.origin, &tape);
    assert_eq!(visit(&recording.origin), directly);
    recording.end_well();
    drop(service);
    let replay = Server::replay_of(&tape, POLL);
    assert_eq!(visit(&replay.origin), directly);
    let first = replay.clean_report();
    replay.reset();
    assert_eq!(visit(&replay.origin), directly);
    assert_eq!(replay.clean_report()["digest"], first["digest"]);
    replay.end_well();
}

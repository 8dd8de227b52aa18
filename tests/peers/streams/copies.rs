//! Streams at a replay where not everybody comes, where several companies come at once, and where time
//! passes as it was recorded.

use std::slice;
use std::thread;

use serde_json::{Map, Value, json};

use crate::random::Random;
use crate::server::{PATIENT, Server};

use super::company::{Company, Ear, Over, Told};
use super::runs::got;
use super::script::NAMES;
use super::{POLL, Recorded};

/// How many companies come at once.
const COPIES: usize = 3;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 20;

/// The digest of what one session exchanged.
fn digest_of(replay: &Server, name: &str) -> Value {
    let document = replay.admin("transcript");
    let mut sessions = document["sessions"].as_array().unwrap().iter();
    let session = sessions.find(|session| session["session"] == name);
    session.unwrap_or_else(|| panic!("{document}"))["digest"].clone()
}

#[test]
fn a_member_alone_hears_what_it_does_in_company() {
    let mut random = Random::seeded();
    for ear in [Ear::Events, Ear::Lines] {
        let recorded = Recorded::new(ear, Over::Http1);
        let replay = Server::replay_with(&recorded.tape(), POLL, PATIENT);
        let told = Company::at(&replay.origin, ear, Over::Http1).play(&recorded.day.in_turn());
        assert_eq!(told, recorded.told);
        let company = replay.clean_report();
        let digests = NAMES.map(|name| digest_of(&replay, name));
        replay.end_well();

        let replay = Server::replay_with(&recorded.tape(), POLL, &["--absent-after", "0.2"]);
        let mut members = Company::at(&replay.origin, ear, Over::Http1);
        for (told, digest) in got(recorded.told.clone()).iter().zip(&digests) {
            replay.reset();
            let name = told.name.as_str();
            let parts = recorded.day.at_once(&mut random, LONGEST, &[name]);
            println!("{name}: {parts}");
            assert_eq!(got(members.play(&parts)), slice::from_ref(told));
            let alone = replay.clean_report();
            assert_eq!(digest_of(&replay, name), *digest, "{name}");
            let played = |report: &Value, what: &str| report["played"][what].as_u64().unwrap();
            assert!(played(&alone, "by_themselves") > 0, "{alone}");
            assert_eq!(
                played(&alone, "operations") + played(&alone, "by_themselves"),
                played(&company, "operations"),
                "{alone}"
            );
        }
        replay.end_well();
    }
}

#[test]
fn companies_that_come_at_once_have_streams_of_their_own() {
    let mut random = Random::seeded();
    let recorded = Recorded::new(Ear::Events, Over::Http1);
    let arguments = [PATIENT, &["--spare-sessions", "fork"]].concat();
    let replay = Server::replay_with(&recorded.tape(), POLL, &arguments);
    let expected = got(recorded.told.clone());
    let parts: Vec<Value> = (0..COPIES)
        .map(|_| recorded.day.at_once(&mut random, LONGEST, &NAMES))
        .collect();
    thread::scope(|scope| {
        for (place, parts) in parts.iter().enumerate() {
            let name = json!(format!("company {place}"));
            let headers = Map::from_iter([("Antiphon-Copy".to_owned(), name)]);
            let (replay, expected) = (&replay, &expected);
            scope.spawn(move || {
                let origin = &replay.origin;
                let mut company = Company::named(origin, Ear::Events, Over::Http1, &headers);
                let told: Vec<Told> = got(company.play(parts));
                assert_eq!(told, *expected);
            });
        }
    });
    let report = replay.clean_report();
    let copies = report["copies"].as_array().unwrap();
    assert_eq!(copies.len(), COPIES - 1, "{report}");
    for copy in copies {
        assert_eq!(copy["clean"], true, "{copy}");
        assert_eq!(copy["digest"], report["digest"]);
    }
    replay.end_well();
}

#[test]
fn the_recorded_pace_changes_nothing_but_the_time() {
    let recorded = Recorded::new(Ear::Events, Over::Http1);
    let digest = |arguments: &[&str]| {
        let arguments = [PATIENT, arguments].concat();
        let replay = Server::replay_with(&recorded.tape(), POLL, &arguments);
        let mut company = Company::at(&replay.origin, Ear::Events, Over::Http1);
        assert_eq!(company.play(&recorded.day.in_turn()), recorded.told);
        let digest = replay.clean_report()["digest"].clone();
        replay.end_well();
        digest
    };
    assert_eq!(digest(&["--pace", "recorded"]), digest(&[]));
}

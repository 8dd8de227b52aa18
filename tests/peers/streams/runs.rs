//! A recorded day replayed many times, with random delays and lost connections: all runs have one
//! transcript.
//!
//! The delays come from a seed, which every run of these tests prints; what the machine adds to them is
//! nobody's to repeat.

use std::collections::BTreeSet;

use crate::random::Random;
use crate::server::{PATIENT, Server};

use super::company::{Company, Ear, Over, Told};
use super::script::NAMES;
use super::{POLL, Recorded, play_all};

const RUNS: usize = 50;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 12;

/// What members got, but for how often their streams were opened.
pub(super) fn got(told: Vec<Told>) -> Vec<Told> {
    let but = |told| Told { opened: 0, ..told };
    told.into_iter().map(but).collect()
}

fn many_runs(ear: Ear) {
    let mut random = Random::seeded();
    let recorded = Recorded::new(ear, Over::Http1);
    let expected = got(recorded.told.clone());
    let replay = Server::replay_with(&recorded.tape(), POLL, PATIENT);
    let mut company = Company::at(&replay.origin, ear, Over::Http1);
    assert_eq!(got(company.play(&recorded.day.in_turn())), expected);
    let digest = replay.clean_report()["digest"].clone();
    let mut digests = BTreeSet::from([digest.to_string()]);
    let mut reopened = 0;
    for run in 1..=RUNS {
        replay.reset();
        let parts = recorded.day.at_once(&mut random, LONGEST, &NAMES);
        println!("run {run}: {parts}");
        let (told, digest) = play_all(&mut company, &replay, &parts);
        let opened: usize = told.iter().map(|told| told.opened).sum();
        let recorded: usize = recorded.told.iter().map(|told| told.opened).sum();
        reopened += opened - recorded;
        assert_eq!(got(told), expected, "run {run}");
        digests.insert(digest.to_string());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    // Lines have no identifiers by which a client could say what it has seen.
    assert_eq!(reopened > 0, ear != Ear::Lines);
    replay.end_well();
}

#[test]
fn fifty_runs_of_events_have_one_transcript_however_often_connections_are_lost() {
    many_runs(Ear::Events);
}

#[test]
fn fifty_runs_of_lines_have_one_transcript() {
    many_runs(Ear::Lines);
}

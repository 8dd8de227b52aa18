//! The recorded desk replayed many times to its real clients, with random delays and random libraries:
//! all runs have one transcript.
//!
//! The delays come from a seed, which every run of this test prints; what the machine adds to them
//! is nobody's to repeat.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Map;

use crate::agent::{Agent, Library};
use crate::random::Random;
use crate::server::Server;

use super::part::{self, Tempo};
use super::recorded::{Recorded, play};

const RUNS: usize = 100;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 16;

/// How long a poll is held, in milliseconds: each run waits for a whole one.
const POLL: u32 = 60;

#[test]
fn a_hundred_runs_of_the_desk_have_one_transcript() {
    let mut random = Random::seeded();
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let replay = Server::replay_of(&recorded.tape(), POLL);
    let libraries = [&Library::PLAIN[..], &Library::ACKNOWLEDGING].concat();
    let mut waiting: BTreeMap<(&'static str, Library), Agent> = BTreeMap::new();
    let mut digests = BTreeSet::new();
    for run in 1..=RUNS {
        replay.reset();
        let seats: Vec<(&'static str, Library)> = parts
            .iter()
            .map(|part| (part.name, random.one_of(&libraries)))
            .collect();
        let tempos: Vec<Tempo> = parts
            .iter()
            .map(|part| Tempo::random(&mut random, LONGEST, part.calls.len()))
            .collect();
        println!("run {run}: {seats:?} {tempos:?}");
        let start = |&(name, library)| {
            let waits = waiting.remove(&(name, library));
            waits.unwrap_or_else(|| part::agent(library, &replay.origin, name, &Map::new()))
        };
        let mut agents: Vec<Agent> = seats.iter().map(start).collect();
        play(parts, &mut agents, &tempos);
        waiting.extend(seats.into_iter().zip(agents));
        let report = replay.clean_report();
        digests.insert(report["digest"].as_str().unwrap().to_owned());
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
    replay.end_well();
}

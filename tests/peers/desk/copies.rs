//! Several companies of the same agents at one replay at once, as parallel tests are: each gets the
//! whole conversation for itself.

use std::thread;

use serde_json::{Map, Value, json};

use crate::agent::{Agent, Library};
use crate::random::Random;
use crate::server::{PATIENT, Server};

use super::choices;
use super::part::{self, Part, Tempo};
use super::recorded::{Recorded, play};

/// How long a replay holds a poll, in milliseconds.
const POLL: u32 = 200;

/// How many conversations are played at once.
const COPIES: usize = 3;

/// The longest random wait, in milliseconds.
const LONGEST: u64 = 50;

/// Starts a replay that begins a copy for whoever finds no place in the others.
fn replay(recorded: &Recorded) -> Server {
    let arguments = [PATIENT, &["--spare-sessions", "fork"]].concat();
    Server::replay_with(&recorded.tape(), POLL, &arguments)
}

/// The agents of a company, whose requests carry these header fields.
fn company(
    replay: &Server,
    parts: &[Part],
    first: usize,
    headers: &Map<String, Value>,
) -> Vec<Agent> {
    let libraries = Library::PLAIN.iter().cycle().skip(first);
    let seats = parts.iter().zip(libraries);
    seats
        .map(|(part, library)| part::agent(*library, &replay.origin, part.name, headers))
        .collect()
}

fn tempos(random: &mut Random, parts: &[Part]) -> Vec<Tempo> {
    let tempo = |part: &Part| Tempo::random(random, LONGEST, part.calls.len());
    parts.iter().map(tempo).collect()
}

/// Lets several companies play at once.
fn play_all(companies: &mut [(Vec<Part>, Vec<Agent>, Vec<Tempo>)]) {
    thread::scope(|scope| {
        for (parts, agents, tempos) in companies {
            scope.spawn(move || play(parts, agents, tempos));
        }
    });
}

/// The report of each copy, after a run in which everything was played in all of them. Their
/// transcripts are the same.
fn reports(replay: &Server) -> Vec<Value> {
    let report = replay.clean_report();
    let others = report["copies"].as_array().unwrap();
    assert_eq!(others.len(), COPIES - 1, "{report}");
    for (number, copy) in (1..).zip([&report].into_iter().chain(others)) {
        assert_eq!(copy["clean"], true, "copy {number}: {copy}");
        assert_eq!(copy["repeats"]["total"], 0, "copy {number}: {copy}");
        assert_eq!(copy["played"], report["played"], "copy {number}");
        let transcript = replay.admin(&format!("transcript?copy={number}"));
        assert_eq!(transcript["digest"], report["digest"], "copy {number}");
    }
    let mut reports = others.clone();
    reports.insert(0, report);
    reports
}

#[test]
fn companies_that_come_at_once_get_a_conversation_each() {
    let mut random = Random::seeded();
    let recorded = Recorded::new();
    let parts = recorded.parts;
    let replay = replay(&recorded);
    let mut companies: Vec<_> = (0..COPIES)
        .map(|first| {
            let agents = company(&replay, parts, first, &Map::new());
            (parts.to_vec(), agents, tempos(&mut random, parts))
        })
        .collect();
    // Who is first in which copy is for the machine to say.
    play_all(&mut companies);
    let forked = reports(&replay)[0]["digest"].clone();
    // The next run is of one company alone, in the same replay.
    replay.reset();
    let (parts, agents, tempos) = &mut companies[0];
    play(parts, agents, tempos);
    let alone = replay.clean_report();
    assert_eq!(alone["digest"], forked);
    assert_eq!(alone.get("copies"), None, "{alone}");
    replay.end_well();
}

#[test]
fn a_company_that_names_its_copy_hears_its_own_words_alone() {
    let mut random = Random::seeded();
    let recorded = Recorded::new();
    let replay = replay(&recorded);
    let mut spoken = Vec::new();
    let mut companies = Vec::new();
    for first in 0..COPIES {
        let words = choices::words(&mut random, recorded.parts);
        let parts: Vec<Part> = recorded
            .parts
            .iter()
            .map(|part| part.with(&words))
            .collect();
        let name = json!(format!("test {first}"));
        let headers = Map::from_iter([("Antiphon-Copy".to_owned(), name)]);
        let agents = company(&replay, &parts, first, &headers);
        let tempos = tempos(&mut random, &parts);
        companies.push((parts, agents, tempos));
        spoken.push(words);
    }
    play_all(&mut companies);
    // A copy's number is its turn, which is for the machine to say.
    let mut chosen: Vec<_> = spoken.iter().map(|words| choices::chosen(words)).collect();
    let mut listed: Vec<_> = reports(&replay).iter().map(choices::listed).collect();
    chosen.sort();
    listed.sort();
    assert_eq!(listed, chosen);
    replay.end_well();
}

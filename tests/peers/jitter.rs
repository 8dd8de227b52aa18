//! Many runs with random delays and random libraries have one transcript.
//!
//! The delays come from a seed, which every run of this test prints; what the machine adds to them
//! is nobody's to repeat.

use std::collections::{BTreeMap, BTreeSet};

use crate::agent::{Agent, Identification, Library, Pauses};
use crate::conversation::{call_all, check, hear_all};
use crate::random::Random;
use crate::server::Server;
use crate::tape::{Subscriptions, Tape};

/// How many runs.
const RUNS: usize = 50;

/// The longest random wait, in milliseconds: long enough that a handshake, a subscription, a poll and a
/// call of different agents pass each other in every order.
const LONGEST: u64 = 60;

/// How long a poll is held, in milliseconds: each run waits for a whole one.
const POLL: u32 = 100;

#[test]
fn runs_with_random_delays_have_one_transcript() {
    let mut random = Random::seeded();
    let tape = Tape::embedded();
    let replay = Server::replay(POLL);
    let mut agents: BTreeMap<(usize, Library, Subscriptions), Agent> = BTreeMap::new();
    let libraries = [&Library::PLAIN[..], &Library::ACKNOWLEDGING].concat();
    let mut digests = BTreeSet::new();
    for run in 1..=RUNS {
        replay.reset();
        let cast: Vec<_> = (0..tape.sessions.len())
            .map(|place| {
                let library = random.one_of(&libraries);
                (place, library, random.one_of(&Subscriptions::ALL))
            })
            .collect();
        println!("run {run}: {cast:?}");
        for &(place, library, to) in &cast {
            let session = &tape.sessions[place];
            let by = Identification::Header;
            let agent = agents
                .entry((place, library, to))
                .or_insert_with(|| Agent::start(library, &replay.origin, session, by, to));
            agent.join(Pauses {
                handshake: random.wait(LONGEST),
                subscription: random.wait(LONGEST),
            });
            // It waits for nobody: neither for its own handshake nor for the others'.
            call_all(agent, session, random.wait(LONGEST));
        }
        for part in &cast {
            hear_all(agents.get_mut(part).unwrap(), &tape.sessions[part.0]);
        }
        for part in &cast {
            let agent = agents.get_mut(part).unwrap();
            agent.leave();
            check(agent, &tape.sessions[part.0]);
        }
        let (sessions, digest) = replay.transcript();
        assert_eq!(sessions, tape.transcript());
        digests.insert(digest);
    }
    assert_eq!(digests.len(), 1, "{digests:?}");
}

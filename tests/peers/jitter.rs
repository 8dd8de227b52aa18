//! Many runs with random delays and random libraries have one transcript.
//!
//! The delays come from a seed, which every run of this test prints; what the machine adds to them
//! is nobody's to repeat.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, RandomState};

use crate::agent::{Agent, Identification, Library, Pauses};
use crate::conversation::{call_all, check, hear_all};
use crate::server::Server;
use crate::tape::{Subscriptions, Tape};

/// How many runs.
const RUNS: usize = 50;

/// The longest random wait, in milliseconds: long enough that a handshake, a subscription, a poll and a
/// call of different agents pass each other in every order.
const LONGEST: u64 = 60;

/// How long a poll is held, in milliseconds: each run waits for a whole one.
const POLL: u32 = 100;

/// The variable that sets the seed.
const SEED: &str = "ANTIPHON_PEERS_SEED";

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, and good enough to spread delays.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// No wait half of the time, else one up to the longest.
    fn wait(&mut self) -> u64 {
        match self.next() % 2 {
            0 => 0,
            _ => self.next() % (LONGEST + 1),
        }
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = u64::try_from(choices.len()).unwrap();
        choices[usize::try_from(self.next() % count).unwrap()]
    }
}

#[test]
fn runs_with_random_delays_have_one_transcript() {
    let seed = match std::env::var(SEED) {
        Ok(seed) => seed
            .parse()
            .unwrap_or_else(|_| panic!("{SEED}: {seed:?} is no number")),
        Err(_) => RandomState::new().hash_one("delays"),
    };
    println!("to repeat the delays: {SEED}={seed}");
    let mut random = Random(seed);
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
                handshake: random.wait(),
                subscription: random.wait(),
            });
            // It waits for nobody: neither for its own handshake nor for the others'.
            call_all(agent, session, random.wait());
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

#[test]
fn the_random_numbers_are_those_of_their_authors() {
    let mut random = Random(1_234_567);
    let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
    assert_eq!(
        first,
        [
            6_457_827_717_110_365_317,
            3_203_168_211_198_807_973,
            9_817_491_932_198_370_423
        ]
    );
}

//! Random numbers that a seed repeats: each test that uses them prints its own.

use std::hash::{BuildHasher as _, RandomState};

/// The variable that sets the seed.
const SEED: &str = "ANTIPHON_PEERS_SEED";

/// `SplitMix64` (Steele, Lea and Flood, 2014): small, and good enough to spread delays.
pub(crate) struct Random(u64);

impl Random {
    /// Begins with the seed that the environment sets, else with a new one, and says which.
    pub(crate) fn seeded() -> Random {
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed
                .parse()
                .unwrap_or_else(|_| panic!("{SEED}: {seed:?} is no number")),
            Err(_) => RandomState::new().hash_one("a seed"),
        };
        println!("to repeat the random numbers: {SEED}={seed}");
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below this one.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// No wait half of the time, else one up to the longest.
    pub(crate) fn wait(&mut self, longest: u64) -> u64 {
        match self.below(2) {
            0 => 0,
            _ => self.below(longest + 1),
        }
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        let count = u64::try_from(choices.len()).unwrap();
        choices[usize::try_from(self.below(count)).unwrap()]
    }
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

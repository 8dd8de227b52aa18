//! The identifiers that are remembered, each by a number: a table of numbers takes a part of the memory that one of texts
//! does, and leaves no holes behind when what was known long ago is forgotten.

use std::hash::{BuildHasher as _, Hash, Hasher, RandomState};

use crate::recorder::understanding::recent::Numbered;

use super::known::{Known, Origin};

/// How many identifiers are remembered: two hundred bytes each, and a busy hour of calls and chats
/// mints fewer.
const MAX_TOKENS: usize = 65_536;

/// The identifiers, with what is known of each.
#[derive(Debug)]
pub(super) struct Tokens {
    known: Numbered<Print, Known>,
    /// What the numbers begin with, which no stranger knows.
    seeds: [RandomState; 2],
}

/// The number of a text. It has 128 bits, so that two texts have the same by a chance that nobody lives to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print([u64; 2]);

impl Hash for Print {
    /// Either half of it is a hash already.
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Print([half, _]) = self;
        half.hash(state);
    }
}

impl Tokens {
    /// None yet.
    pub(super) fn new() -> Tokens {
        Tokens {
            known: Numbered::new(MAX_TOKENS),
            seeds: Default::default(),
        }
    }

    /// What is known of an identifier, if anything is.
    pub(super) fn get(&self, text: &str) -> Option<&Known> {
        self.known.get(&self.print(text))
    }

    /// The same, to learn more of it; where it is first seen here, that is its origin.
    pub(super) fn entry(&mut self, text: &str, origin: Origin) -> &mut Known {
        self.known.entry(self.print(text), || Known::new(origin))
    }

    fn print(&self, text: &str) -> Print {
        Print(self.seeds.each_ref().map(|seed| seed.hash_one(text)))
    }
}

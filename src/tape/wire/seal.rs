//! The trailer of a tape, and how its digest comes about while events pass.

use serde::Deserialize;

use super::Kind;

/// The last object of a tape.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::tape) struct Trailer {
    #[serde(rename = "kind")]
    _kind: Kind,
    pub(super) events: u64,
    pub(super) digest: String,
}

/// How much is digested at one time: of so much many parts are at once, which takes a sixth of what it takes to
/// digest them one by one.
const DIGESTED: usize = 64 * 1024;

/// Counts and digests events as they pass, for the trailer.
#[derive(Debug, Default)]
pub(in crate::tape) struct Seal {
    hasher: blake3::Hasher,
    /// What is not digested yet.
    gathered: Vec<u8>,
    events: u64,
}

impl Seal {
    /// Adds an event, given in compact form.
    pub(in crate::tape) fn add(&mut self, compact: &str) {
        self.gather(compact.as_bytes());
        self.gather(b"\n");
        self.events += 1;
    }

    /// Adds so many events, each in compact form on a line of its own.
    pub(in crate::tape) fn add_lines(&mut self, lines: &[u8], events: u64) {
        self.gather(lines);
        self.events += events;
    }

    fn gather(&mut self, bytes: &[u8]) {
        if self.gathered.len() + bytes.len() > DIGESTED {
            self.hasher.update(&self.gathered);
            self.gathered.clear();
        }
        if bytes.len() < DIGESTED {
            self.gathered.extend_from_slice(bytes);
        } else {
            self.hasher.update(bytes);
        }
    }

    /// How many events were added.
    pub(in crate::tape) fn events(&self) -> u64 {
        self.events
    }

    /// The trailer that fits what was added.
    pub(in crate::tape) fn trailer(&self) -> Trailer {
        let mut hasher = self.hasher.clone();
        Trailer::of(self.events, hasher.update(&self.gathered).finalize())
    }
}

impl Trailer {
    /// That of so many events with this digest.
    pub(in crate::tape) fn of(events: u64, digest: blake3::Hash) -> Trailer {
        Trailer {
            _kind: Kind,
            events,
            digest: format!("blake3:{}", digest.to_hex()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_digest_is_that_of_all_lines_however_long_they_are_and_whenever_it_is_asked_for(
            lengths in proptest::collection::vec(
                prop_oneof![0..300_usize, DIGESTED - 3..DIGESTED + 3, 0..3 * DIGESTED],
                1..20,
            ),
        ) {
            let (mut seal, mut all) = (Seal::default(), String::new());
            for (events, length) in (1..).zip(lengths) {
                let line = "x".repeat(length);
                if events % 2 == 0 {
                    seal.add(&line);
                } else {
                    seal.add_lines(format!("{line}\n").as_bytes(), 1);
                }
                all = all + &line + "\n";
                prop_assert_eq!(seal.trailer(), Trailer::of(events, blake3::hash(all.as_bytes())));
            }
        }
    }
}

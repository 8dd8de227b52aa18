//! A running digest that is small as long as little has been added to it: a tape has thousands of sessions
//! that each do little, and the state of the hash function alone takes two kilobytes.

/// How many bytes are kept as they are where no more came: as much as the hash function itself takes at once.
const MAX_KEPT: usize = 1_024;

/// How many bytes are hashed together where more come: four pieces, side by side, in the time of one. A power of
/// two, as the function wants it.
const TOGETHER: usize = 4 * MAX_KEPT;

/// The BLAKE3 digest of everything that was added so far.
#[derive(Clone, Debug)]
pub(super) struct Running(State);

#[derive(Clone, Debug)]
enum State {
    /// All that was added.
    Kept(Vec<u8>),
    Hashed(Box<Hashed>),
}

/// Much that was added.
#[derive(Clone, Debug)]
struct Hashed {
    hasher: blake3::Hasher,
    /// What is not in it yet.
    rest: Vec<u8>,
}

impl Default for Running {
    fn default() -> Self {
        Running(State::Kept(Vec::new()))
    }
}

impl Running {
    /// Adds bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Kept(kept) if kept.len() + bytes.len() <= MAX_KEPT => {
                kept.extend_from_slice(bytes);
            }
            State::Kept(kept) => {
                let mut hashed = Box::new(Hashed {
                    hasher: blake3::Hasher::new(),
                    rest: Vec::with_capacity(TOGETHER),
                });
                hashed.add(kept);
                hashed.add(bytes);
                self.0 = State::Hashed(hashed);
            }
            State::Hashed(hashed) => hashed.add(bytes),
        }
    }

    /// Whether nothing was added.
    pub(super) fn is_empty(&self) -> bool {
        match &self.0 {
            State::Kept(kept) => kept.is_empty(),
            State::Hashed(_) => false,
        }
    }

    /// The digest so far.
    pub(super) fn digest(&self) -> blake3::Hash {
        match &self.0 {
            State::Kept(kept) => blake3::hash(kept),
            State::Hashed(hashed) => {
                let mut all = hashed.hasher.clone();
                all.update(&hashed.rest).finalize()
            }
        }
    }
}

impl Hashed {
    fn add(&mut self, mut bytes: &[u8]) {
        while let Some((now, later)) = bytes.split_at_checked(TOGETHER - self.rest.len()) {
            self.rest.extend_from_slice(now);
            self.hasher.update(&self.rest);
            self.rest.clear();
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_all_that_was_added_however_much_that_is() {
        let mut running = Running::default();
        let mut hasher = blake3::Hasher::new();
        assert!(running.is_empty());
        for number in 0..=200_u8 {
            assert_eq!(running.digest(), hasher.finalize(), "{number}");
            running.add(&[number; 32]);
            hasher.update(&[number; 32]);
            assert!(!running.is_empty());
        }
        for many in [5_000, 3_000, TOGETHER, 2 * TOGETHER, 1] {
            let many = vec![7; many];
            running.add(&many);
            assert_eq!(running.digest(), hasher.update(&many).finalize());
        }
    }
}

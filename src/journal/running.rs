//! A running digest that is small as long as little has been added to it: a tape has thousands of sessions
//! that each do little, and the state of the hash function alone takes two kilobytes.

/// How many bytes are kept as they are: as much as the hash function itself takes at once.
const MAX_KEPT: usize = 1_024;

/// The BLAKE3 digest of everything that was added so far.
#[derive(Clone, Debug)]
pub(super) struct Running(State);

#[derive(Clone, Debug)]
enum State {
    /// All that was added.
    Kept(Vec<u8>),
    Hashed(Box<blake3::Hasher>),
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
                let mut hasher = Box::new(blake3::Hasher::new());
                hasher.update(kept).update(bytes);
                self.0 = State::Hashed(hasher);
            }
            State::Hashed(hasher) => {
                hasher.update(bytes);
            }
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
            State::Hashed(hasher) => hasher.finalize(),
        }
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
        running.add(&[0; 5_000]);
        assert_eq!(running.digest(), hasher.update(&[0; 5_000]).finalize());
    }
}

//! The digest of what stands in a file, put together from those of its pieces, which several threads read.
//!
//! What the digest is compared with is not known here.

use blake3::Hash;
use blake3::hazmat::{
    ChainingValue, HasherExt as _, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

/// What is known of the digest of one piece. All pieces but the last must be as long as one another, and that a
/// power of two of at least 1024 bytes: so each is a subtree of BLAKE3's tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// It is all there is.
    All(Hash),
    /// It is one of several.
    One(ChainingValue),
}

/// The digest of pieces that come in order.
#[derive(Debug, Default)]
pub(super) struct Joined {
    all: Option<Hash>,
    /// The subtrees so far, the largest first: each is twice the next or more, but for the last two.
    subtrees: Vec<ChainingValue>,
    pieces: u64,
}

impl Part {
    /// That of a piece which begins at this byte of so many.
    pub(super) fn of(piece: &[u8], begin: u64, length: u64) -> Part {
        if piece.len() as u64 == length {
            return Part::All(blake3::hash(piece));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.set_input_offset(begin).update(piece);
        Part::One(hasher.finalize_non_root())
    }
}

impl Joined {
    /// Adds the next piece.
    pub(super) fn add(&mut self, part: Part) {
        match part {
            Part::All(hash) => self.all = Some(hash),
            Part::One(next) => {
                // What is whole is joined only when more comes: the root is joined in another way.
                while self.subtrees.len() as u64 > u64::from(self.pieces.count_ones()) {
                    let last = self.subtrees.pop();
                    self.join(last);
                }
                self.subtrees.push(next);
                self.pieces += 1;
            }
        }
    }

    /// The digest of all of them.
    pub(super) fn digest(mut self) -> Hash {
        if let Some(all) = self.all {
            return all;
        }
        while let Some(last) = self.subtrees.pop() {
            if let [only] = self.subtrees.as_slice() {
                return merge_subtrees_root(only, &last, Mode::Hash);
            }
            self.join(Some(last));
        }
        blake3::hash(b"")
    }

    /// Joins the last subtree with the one that was last before it was taken.
    fn join(&mut self, last: Option<ChainingValue>) {
        if let (Some(before), Some(last)) = (self.subtrees.pop(), last) {
            let joined = merge_subtrees_non_root(&before, &last, Mode::Hash);
            self.subtrees.push(joined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_the_pieces_is_that_of_the_whole() {
        const PIECE: usize = 1024;
        let whole: Vec<u8> = (0..=u8::MAX).cycle().take(70 * PIECE).collect();
        let lengths = (0..70).flat_map(|pieces| [0, 1, 1023].map(|more| pieces * PIECE + more));
        for length in lengths {
            let bytes = &whole[..length];
            let mut joined = Joined::default();
            for (number, piece) in bytes.chunks(PIECE).enumerate() {
                joined.add(Part::of(piece, (number * PIECE) as u64, length as u64));
            }
            assert_eq!(joined.digest(), blake3::hash(bytes), "{length}");
        }
    }
}

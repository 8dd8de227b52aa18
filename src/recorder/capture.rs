//! The beginning of a body while it passes: its first bytes, and the length and digest of the whole.
//!
//! What it keeps is bounded for each body and for all of them together; what it says of the whole is
//! exact in either case.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use crate::exchange::{Body, Cut, Headers};

/// A body up to this size is kept whole until it was understood, even where the tape will keep less
/// of it: a reply that carries notifications must be read to its end.
pub(super) const READ_WHOLE: usize = 4 * 1024 * 1024;

/// How much of all bodies under way is kept unless the user chooses. Beyond it a body is cut where it
/// stands, so that many large ones at once cannot fill the memory.
pub const DEFAULT_MAX_HELD: usize = 256 * 1024 * 1024;

/// How much room is made at once for a body that is said to be so long, before any of it has come: what
/// common bodies take, and no more than a client that sends nothing may cost.
const MAX_EXPECTED: usize = 64 * 1024;

/// How much of the bodies under way is kept, all together.
#[derive(Debug)]
pub(super) struct Budget {
    most: usize,
    held: AtomicUsize,
}

impl Budget {
    pub(super) fn new(most: usize) -> Budget {
        Budget {
            most,
            held: AtomicUsize::new(0),
        }
    }

    pub(super) fn take(&self, bytes: usize) -> Grant {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) <= self.most {
            return Grant::Given;
        }
        self.held.fetch_sub(bytes, Ordering::Relaxed);
        Grant::Refused
    }

    pub(super) fn give_back(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// How much is kept now.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    Given,
    Refused,
}

/// A body while it passes.
#[derive(Debug)]
pub(super) struct Capture {
    kept: Vec<u8>,
    budget: Arc<Budget>,
    /// How many bytes the tape will keep.
    max: usize,
    length: u64,
    /// The digest of all that passed, once there was more than can be kept.
    hasher: Option<Box<blake3::Hasher>>,
}

/// Whether a body came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It did.
    Whole,
    /// Its sender broke off, or was answered before.
    Broken,
}

impl Capture {
    pub(super) fn new(max: usize, budget: Arc<Budget>) -> Self {
        Capture {
            kept: Vec::new(),
            budget,
            max,
            length: 0,
            hasher: None,
        }
    }

    /// Takes the next bytes of a body to which this head belongs. Where they are not the first, there is room
    /// made for as many as it is said to have; most bodies come at once, and need no more than that.
    pub(super) fn push_of(&mut self, headers: &Headers, data: &[u8]) {
        if !self.kept.is_empty() && self.kept.len() == self.kept.capacity() {
            let value = headers.get("content-length");
            let length = value.and_then(|it| std::str::from_utf8(it).ok()?.trim().parse().ok());
            let expected = length.map_or(0, |length: usize| MAX_EXPECTED.min(length));
            let more = expected.saturating_sub(self.kept.len());
            self.kept.reserve_exact(more);
        }
        self.push(data);
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, data: &[u8]) {
        self.length = self.length.saturating_add(data.len() as u64);
        if let Some(hasher) = &mut self.hasher {
            hasher.update(data);
            return;
        }
        let room = self.max.max(READ_WHOLE);
        if self.kept.len() + data.len() <= room && self.budget.take(data.len()) == Grant::Given {
            if self.kept.is_empty() {
                self.kept.reserve_exact(data.len());
            }
            self.kept.extend_from_slice(data);
            return;
        }
        let mut hasher = Box::new(blake3::Hasher::new());
        hasher.update(&self.kept);
        hasher.update(data);
        self.hasher = Some(hasher);
        if self.kept.len() > self.max {
            self.budget.give_back(self.kept.len() - self.max);
            self.kept.truncate(self.max);
        } else {
            let rest = data.len().min(self.max - self.kept.len());
            if self.budget.take(rest) == Grant::Given {
                self.kept
                    .extend_from_slice(data.get(..rest).unwrap_or_default());
            }
        }
    }

    /// What came of it.
    pub(super) fn finish(&mut self, ending: Ending) -> Body {
        self.budget.give_back(self.kept.len());
        let bytes = Bytes::from(std::mem::take(&mut self.kept));
        match (ending, &self.hasher) {
            (Ending::Broken, _) => Body::beginning(bytes, Cut::Unseen),
            (Ending::Whole, None) => Body::new(bytes),
            (Ending::Whole, Some(hasher)) => {
                let cut = passed(self.length, &hasher.finalize());
                Body::beginning(bytes, cut)
            }
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.budget.give_back(self.kept.len());
    }
}

/// Keeps as much of a body as the tape does: the first `max` bytes, of text only whole characters.
pub(super) fn limit(body: &mut Body, max: usize) {
    if body.bytes().len() > max {
        *body = beginning(body, max);
    }
}

fn beginning(body: &Body, max: usize) -> Body {
    let cut = match body.cut() {
        Some(cut) => cut.clone(),
        None => passed(body.bytes().len() as u64, &blake3::hash(body.bytes())),
    };
    let first = body.bytes().slice(..max);
    let whole_characters = match std::str::from_utf8(&first) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Ok(_) | Err(_) => max,
    };
    Body::beginning(first.slice(..whole_characters), cut)
}

fn passed(length: u64, digest: &blake3::Hash) -> Cut {
    Cut::Passed {
        length,
        digest: format!("blake3:{}", digest.to_hex()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(chunks: &[&[u8]], max: usize) -> Body {
        let budget = Arc::new(Budget::new(DEFAULT_MAX_HELD));
        let mut capture = Capture::new(max, Arc::clone(&budget));
        for chunk in chunks {
            capture.push(chunk);
        }
        let mut body = capture.finish(Ending::Whole);
        drop(capture);
        assert_eq!(budget.held(), 0);
        limit(&mut body, max);
        body
    }

    fn whole(bytes: &[u8]) -> Cut {
        passed(bytes.len() as u64, &blake3::hash(bytes))
    }

    #[test]
    fn a_body_within_the_limit_is_kept_whole() {
        assert_eq!(capture(&[], 5), Body::default());
        assert_eq!(capture(&[b"ab", b"", b"cde"], 5), Body::new("abcde"));
    }

    #[test]
    fn of_a_larger_body_the_beginning_is_kept_and_the_digest_of_all() {
        for max in [0, 1, 3, 5] {
            let expected = Body::beginning(b"abcdef"[..max].to_vec(), whole(b"abcdef"));
            assert_eq!(capture(&[b"ab", b"cdef"], max), expected, "{max}");
        }
    }

    #[test]
    fn a_body_too_large_to_read_whole_is_cut_while_it_passes() {
        let chunk = vec![b'x'; 1_000_000];
        let chunks = [chunk.as_slice(); 9];
        let all = vec![b'x'; 9_000_000];
        for max in [0, 3, 3_500_000, READ_WHOLE, 6_000_001, 9_000_000] {
            let body = capture(&chunks, max);
            assert_eq!(body.bytes().len(), max);
            let cut = (max < all.len()).then(|| whole(&all));
            assert_eq!(body.cut(), cut.as_ref(), "{max}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        let text = "aé€";
        for (max, kept) in [(1, "a"), (2, "a"), (3, "aé"), (4, "aé"), (5, "aé")] {
            let body = capture(&[text.as_bytes()], max);
            assert_eq!(body.text(), Some(kept), "{max}");
        }
        let octets = capture(&[b"a\xff\xff\xff"], 2);
        assert_eq!(octets.bytes().as_ref(), b"a\xff");
    }

    #[test]
    fn a_body_that_broke_off_says_so() {
        let mut capture = Capture::new(9, Arc::new(Budget::new(DEFAULT_MAX_HELD)));
        capture.push(b"abc");
        let expected = Body::beginning("abc", Cut::Unseen);
        assert_eq!(capture.finish(Ending::Broken), expected);
    }

    #[test]
    fn bodies_under_way_share_one_budget() {
        let budget = Arc::new(Budget::new(DEFAULT_MAX_HELD));
        assert_eq!(budget.take(DEFAULT_MAX_HELD - 4), Grant::Given);
        let mut capture = Capture::new(100, Arc::clone(&budget));
        capture.push(b"abc");
        capture.push(b"de");
        let expected = Body::beginning("abc", whole(b"abcde"));
        assert_eq!(capture.finish(Ending::Whole), expected);
    }
}

//! Gathers the content of one message: the beginning, and of a long one the length and digest.

use bytes::BytesMut;

use crate::exchange::{Body, Cut, Kind};

use super::Fault;
use super::utf8::{NotUtf8, Utf8};

/// The content of a message, as it arrives.
#[derive(Debug)]
pub(super) struct Gather {
    kept: BytesMut,
    keep: usize,
    length: u64,
    /// The digest of all of it, once it is longer than what is kept.
    hasher: Option<Box<blake3::Hasher>>,
    /// Checks text.
    utf8: Option<Utf8>,
}

impl Gather {
    /// For a message of this kind, of which so many bytes are kept.
    pub(super) fn new(kind: Kind, keep: usize) -> Gather {
        Gather {
            kept: BytesMut::new(),
            keep,
            length: 0,
            hasher: None,
            utf8: (kind == Kind::Text).then(Utf8::default),
        }
    }

    /// How long it is so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// How much of it is kept so far.
    pub(super) fn held(&self) -> usize {
        self.kept.len()
    }

    /// Keeps no more than what is kept so far, and of that at most so many bytes.
    pub(super) fn cut(&mut self, most: usize) {
        if self.kept.len() > most {
            self.digest();
            // A shorter copy: truncated, it would take as much as before.
            self.kept = BytesMut::from(self.kept.get(..most).unwrap_or_default());
        }
        self.keep = self.kept.len();
    }

    /// Takes the next bytes.
    pub(super) fn push(&mut self, piece: &[u8]) -> Result<(), Fault> {
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(piece)?;
        }
        self.length = self.length.saturating_add(piece.len() as u64);
        let room = self.keep - self.kept.len();
        if piece.len() > room {
            self.digest();
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        let first = piece.get(..room.min(piece.len())).unwrap_or_default();
        self.kept.extend_from_slice(first);
        Ok(())
    }

    /// From now on, what is kept is only the beginning.
    fn digest(&mut self) {
        if self.hasher.is_none() {
            let mut hasher = Box::new(blake3::Hasher::new());
            hasher.update(&self.kept);
            self.hasher = Some(hasher);
        }
    }

    /// What came of it.
    pub(super) fn finish(self) -> Result<Body, Fault> {
        if let Some(utf8) = &self.utf8 {
            utf8.end()?;
        }
        let mut kept = self.kept.freeze();
        let Some(hasher) = self.hasher else {
            return Ok(Body::new(kept));
        };
        if self.utf8.is_some()
            && let Err(cut_in_two) = std::str::from_utf8(&kept)
        {
            kept.truncate(cut_in_two.valid_up_to());
        }
        let cut = Cut::Passed {
            length: self.length,
            digest: format!("blake3:{}", hasher.finalize().to_hex()),
        };
        Ok(Body::beginning(kept, cut))
    }
}

impl From<NotUtf8> for Fault {
    fn from(_: NotUtf8) -> Fault {
        Fault::Text
    }
}

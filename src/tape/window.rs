//! A part of a file that is read from its beginning to its end, where that is not to be in memory as a whole.
//!
//! What the bytes are, and how many of them belong together, is for those who use them up.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// How much is read at once: it fits in the caches. In unit tests it is so little that everything comes to stand
/// across an edge.
const PIECE: u64 = if cfg!(test) { 64 } else { 1024 * 1024 };

/// As much of a file as was read and is not yet used up.
pub(super) struct Window<'f> {
    file: &'f File,
    /// How long the file was when this was made; what is added meanwhile is not looked at.
    length: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// Whether a file has more than what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    More,
    Nothing,
}

impl<'f> Window<'f> {
    /// The beginning of a file, of which nothing was read.
    pub(super) fn new(file: &'f File) -> io::Result<Window<'f>> {
        Ok(Window {
            file,
            length: file.metadata()?.len(),
            start: 0,
            bytes: Vec::new(),
        })
    }

    /// How long the file is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Where in the file the bytes begin.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// What was read and is not used up.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets so many bytes, which were used up, and reads more. Where the bytes that are left were not
    /// enough, it is as much again: so each byte is looked at twice in all, however long what it belongs to is.
    pub(super) fn advance(&mut self, used: usize) -> io::Result<Rest> {
        self.bytes.drain(..used.min(self.bytes.len()));
        self.start += used as u64;
        let before = self.bytes.len();
        let from = self.start + before as u64;
        let more = PIECE.max(before as u64);
        let to = self.length.min(from.saturating_add(more));
        let length = usize::try_from(to.saturating_sub(from))
            .ok()
            .and_then(|more| before.checked_add(more))
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.resize(length, 0);
        let added = self.bytes.get_mut(before..).unwrap_or_default();
        self.file.read_exact_at(added, from)?;
        Ok(if to < self.length {
            Rest::More
        } else {
            Rest::Nothing
        })
    }
}

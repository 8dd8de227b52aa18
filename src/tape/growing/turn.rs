//! Turning to the next segment: the file that was written is left with its trailer, and another goes on.
//!
//! The new file is there before the old one is left. So nothing is lost where the program is killed in
//! between, or the new file cannot be made.

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
// a test may stop at the first thing that is not as it should be
mod tests;

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::tape::error::TapeError;
use crate::tape::packing::{self, Packing};
use crate::tape::segment::{self, Segment};
use crate::tape::store::Locked;
use crate::tape::wire::{self, Seal};
use crate::tape::{Closed, Header};

use super::{FULL, FileEnd, Growing, cannot_write};

/// What is known of the segment that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealing {
    /// It holds what was flushed.
    Certain,
    /// The disk may have lost what it was given: the segment is left as it stands and gets no trailer.
    Uncertain,
}

/// What became of the segment that was left.
#[derive(Debug)]
pub struct Turned {
    /// The segment's file.
    pub path: PathBuf,
    /// How it was left.
    pub closed: Closed,
    /// Why it has no trailer, where it should have one.
    pub trouble: Option<io::Error>,
}

/// What there was to do about a file whose name may have been given to another.
#[derive(Debug)]
pub enum Reopened {
    /// Nothing: it is still called so.
    Same,
    /// It was left, and another is written under its name.
    Turned(Turned),
}

/// Where the segments of a recording stand.
#[derive(Debug)]
pub(super) enum Home {
    /// Beside this file, which is the first.
    Beside(PathBuf),
    /// In this folder, which is locked against other writers.
    Folder { folder: PathBuf, _lock: Locked },
}

impl Home {
    pub(super) fn place(&self) -> &Path {
        match self {
            Home::Beside(path) | Home::Folder { folder: path, .. } => path,
        }
    }

    fn path(&self, number: u64, packing: Packing) -> PathBuf {
        match self {
            Home::Beside(first) => segment::beside(first, number),
            Home::Folder { folder, .. } => segment::within(folder, number, packing),
        }
    }
}

impl Growing {
    /// Leaves the file and goes on in the next segment. What waits is written to the old file if that is
    /// certain, and else to the new one.
    ///
    /// Where this fails nothing has changed, and the old file is still the one that is written.
    pub fn turn(&mut self, sealing: Sealing) -> Result<Turned, TapeError> {
        let path = self.home.path(self.number() + 1, self.packing);
        self.turn_to(path, sealing)
    }

    /// Goes on in another file under the same name, where the file that is written was given a new name or
    /// deleted: as programs are asked to that rotate logs. Segments in a folder turn.
    pub fn reopen(&mut self) -> Result<Reopened, TapeError> {
        match &self.home {
            Home::Folder { .. } => self.turn(Sealing::Certain).map(Reopened::Turned),
            Home::Beside(_) if self.is_at_its_path() => Ok(Reopened::Same),
            Home::Beside(_) => {
                let path = self.path.clone();
                // Whoever renamed the file may have put an empty one in its place.
                if std::fs::metadata(&path).is_ok_and(|file| file.len() == 0) {
                    std::fs::remove_file(&path).map_err(|source| cannot_write(&path, source))?;
                }
                self.turn_to(path, Sealing::Certain).map(Reopened::Turned)
            }
        }
    }

    /// The number of the segment that is written.
    pub fn number(&self) -> u64 {
        let segment = self.header.segment.as_ref();
        segment.map_or(1, |segment| segment.number)
    }

    /// The file that is written.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes are in it.
    pub fn size(&self) -> u64 {
        self.whole
    }

    /// Whether what comes belongs into another segment, whatever was chosen: a tape has a largest size, which is
    /// that of its text where it is packed.
    pub fn is_full(&self) -> bool {
        self.grown >= FULL
    }

    /// Has it be taken for full.
    #[cfg(test)]
    pub(crate) fn fill(&mut self) {
        self.grown = FULL;
    }

    /// How many events are in it or wait to be.
    pub fn events(&self) -> u64 {
        self.seal.events() + self.events_waiting
    }

    fn is_at_its_path(&self) -> bool {
        let there = std::fs::metadata(&self.path);
        let ours = self.file.file().metadata();
        matches!((there, ours), (Ok(there), Ok(ours))
            if (there.dev(), there.ino()) == (ours.dev(), ours.ino()))
    }

    fn turn_to(&mut self, path: PathBuf, sealing: Sealing) -> Result<Turned, TapeError> {
        if sealing == Sealing::Certain {
            self.flush()
                .map_err(|source| cannot_write(&self.path, source))?;
        }
        let header = self.next_header();
        let first = format!("{}\n", wire::write_header(&header));
        let (content, packer) = packing::packed(&first, self.packing);
        let file = segment::begin(&path, &content)?;
        let (closed, trouble) = self.leave(sealing);
        let old = std::mem::replace(&mut self.file, file);
        if self.replaced.is_none() && matches!(self.home, Home::Beside(_)) {
            // Whoever looks whether the tape is being written looks at the first file.
            self.replaced = Some(old);
        }
        let left = std::mem::replace(&mut self.path, path);
        self.header = header;
        self.whole = content.len() as u64;
        self.grown = first.len() as u64;
        self.packer = packer;
        self.end = FileEnd::Clean;
        self.unsynced = 0;
        self.seal = Seal::default();
        Ok(Turned {
            path: left,
            closed,
            trouble,
        })
    }

    fn next_header(&self) -> Header {
        let recording = segment::recording(&self.header);
        let number = self.number() + 1;
        Header {
            segment: Some(Segment { recording, number }),
            ..self.header.clone()
        }
    }

    /// Leaves the file, with its trailer if nothing speaks against it. A trailer that may not have reached
    /// the disk is taken off again.
    fn leave(&mut self, sealing: Sealing) -> (Closed, Option<io::Error>) {
        if sealing == Sealing::Uncertain {
            return (Closed::Unsealed, None);
        }
        let whole = self.whole;
        match self.seal() {
            Ok(()) => (Closed::Sealed, None),
            Err(error) => {
                self.waiting.clear();
                // Where this fails too, the trailer that stands there is one that fits.
                let _ = self.file.file().set_len(whole);
                (Closed::Unsealed, Some(error))
            }
        }
    }
}

//! How many segments of a recording stay: the oldest are deleted, whole.
//!
//! Only what says itself that it is a segment of this very recording is deleted, and never the one that is
//! being written.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::tape::error::{FolderFault, TapeError};
use crate::tape::segment::{self, Belongs};
use crate::tape::store;

use super::turn::Home;
use super::{Growing, cannot_write};

/// What stays of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    #[default]
    All,
    /// So many segments, with the one that is being written.
    Segments(u64),
    /// As many of the last segments as have together at most so many bytes, with the one that is being
    /// written.
    Bytes(u64),
    /// The segments that were written to within this time.
    For(Duration),
}

/// A segment that may have to go.
struct Old {
    number: u64,
    path: PathBuf,
    bytes: u64,
    written: SystemTime,
}

impl Growing {
    /// Deletes the oldest segments beyond what is to be kept, as of this time by the wall clock; returns
    /// what was deleted. A recording that is no folder of segments keeps everything.
    pub fn prune(&self, keep: Keep, now: SystemTime) -> Result<Vec<PathBuf>, TapeError> {
        let Home::Folder { folder, .. } = &self.home else {
            return Ok(Vec::new());
        };
        if keep == Keep::All {
            return Ok(Vec::new());
        }
        let old = self.older(folder)?;
        let mut left = old.len() as u64 + 1;
        let mut bytes = old
            .iter()
            .fold(self.whole, |sum, old| sum.saturating_add(old.bytes));
        let mut deleted = Vec::new();
        for old in old {
            let goes = match keep {
                Keep::All => false,
                Keep::Segments(most) => left > most,
                Keep::Bytes(most) => bytes > most,
                // A file from the future, or a clock that was set back: it is not old.
                Keep::For(age) => now
                    .duration_since(old.written)
                    .is_ok_and(|since| since > age),
            };
            if !goes {
                break;
            }
            self.delete(&old)?;
            left -= 1;
            bytes = bytes.saturating_sub(old.bytes);
            deleted.push(old.path);
        }
        Ok(deleted)
    }

    /// The segments before the one that is written, the oldest first.
    fn older(&self, folder: &Path) -> Result<Vec<Old>, TapeError> {
        let segments = segment::list(folder)?.into_iter();
        let older = segments.filter(|(number, _)| *number < self.number());
        let known = older.map(|(number, path)| {
            let known = fs::metadata(&path).and_then(|file| Ok((file.len(), file.modified()?)));
            match known {
                Ok((bytes, written)) => Ok(Old {
                    number,
                    path,
                    bytes,
                    written,
                }),
                Err(source) => Err(TapeError::Read { path, source }),
            }
        });
        known.collect()
    }

    fn delete(&self, old: &Old) -> Result<(), TapeError> {
        let Some(header) = store::header(&old.path)? else {
            return Err(FolderFault::Stranger.at(&old.path));
        };
        let mut belongs = Belongs::default();
        belongs.check(&self.header, self.number(), &self.path)?;
        belongs.check(&header, old.number, &old.path)?;
        fs::remove_file(&old.path).map_err(|source| cannot_write(&old.path, source))
    }
}

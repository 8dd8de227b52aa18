//! The segments of a long recording: where they stand, and what they are called.
//!
//! A recording in segments is a **folder** that is called as the tape, with a file for each segment:
//! `recordings/desk.tape/000001.tape`, `000002.tape` and so on (`000001.tape.zst` where they are
//! compressed). Numbers only grow, so the names sort as the segments follow each other, also where the
//! oldest have been deleted. Each segment is a tape with a header and a trailer of its own; its header
//! names the recording and the number, so that a file that was copied elsewhere, or a stranger in the
//! folder, cannot be taken for another. Operations, notifications and times are numbered on through all of
//! them, and a notification may name a cause in any.
//!
//! A recording in **one file** that had to be left in the middle goes on beside it: `desk.tape`,
//! `desk.000002.tape`. What follows names as its recording the digest of the first file's header.
//!
//! It does not read events; that is for `joined`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::error::{FolderFault, TapeError};
use super::packing::Packing;
use super::store::{self, Locked};
use super::{Header, wire};

/// How many digits a number has at least, so that names sort.
const DIGITS: usize = 6;

/// What tapes are called; the second where they are compressed.
const SUFFIXES: [&str; 2] = [".tape.zst", ".tape"];

/// Who may read and write a tape: the one whose program made it. It may hold what nobody else should see.
pub(super) const FILE_MODE: u32 = 0o600;

/// The same for a folder.
const FOLDER_MODE: u32 = 0o700;

/// Which part of which recording a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The recording: a name that no other has.
    pub recording: String,
    /// The number of the segment, from 1.
    pub number: u64,
}

/// Checks that files are the segments of one recording.
#[derive(Debug, Default)]
pub(super) struct Belongs {
    recording: Option<String>,
}

impl Belongs {
    /// Takes the next file, which is called by this number.
    pub(super) fn check(
        &mut self,
        header: &Header,
        number: u64,
        path: &Path,
    ) -> Result<(), TapeError> {
        let says = header.segment.as_ref().map_or(1, |segment| segment.number);
        if says != number {
            return Err(FolderFault::OtherNumber(says).at(path));
        }
        let recording = recording(header);
        match &self.recording {
            Some(before) if *before != recording => Err(FolderFault::OtherRecording.at(path)),
            _ => {
                self.recording = Some(recording);
                Ok(())
            }
        }
    }
}

/// The name of the recording that begins with this header, where that does not name it itself.
pub(super) fn recording(header: &Header) -> String {
    match &header.segment {
        Some(segment) => segment.recording.clone(),
        None => blake3::hash(wire::write_header(header).as_bytes())
            .to_hex()
            .chars()
            .take(32)
            .collect(),
    }
}

/// The file of a segment in the folder of its recording.
pub(super) fn within(folder: &Path, number: u64, packing: Packing) -> PathBuf {
    let [packed, plain] = SUFFIXES;
    let suffix = match packing {
        Packing::Plain => plain,
        Packing::Zstd => packed,
    };
    folder.join(format!("{number:0DIGITS$}{suffix}"))
}

/// The file of a later segment beside that of the first.
pub(super) fn beside(first: &Path, number: u64) -> PathBuf {
    let name = name_of(first);
    let (stem, suffix) = split(&name);
    first.with_file_name(format!("{stem}.{number:0DIGITS$}{suffix}"))
}

/// The segments in a folder, by their numbers. Whatever else is called as a tape is a mistake; other files
/// are nobody's business.
pub(super) fn list(folder: &Path) -> Result<BTreeMap<u64, PathBuf>, TapeError> {
    let failed = |source| TapeError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut segments = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = name_of(&path);
        let (stem, suffix) = split(&name);
        if suffix.is_empty() || name.starts_with('.') {
            continue;
        }
        let Some(number) = number(stem) else {
            return Err(FolderFault::Stranger.at(&path));
        };
        if segments.insert(number, path.clone()).is_some() {
            return Err(FolderFault::Twice(number).at(&path));
        }
    }
    Ok(segments)
}

/// The files that stand beside the first of a recording and go on with it, by their numbers. Of files that
/// are called so, only those count that say so themselves: others are left over from another recording.
pub(super) fn followers(
    first: &Path,
    header: &Header,
) -> Result<BTreeMap<u64, PathBuf>, TapeError> {
    let mut found = BTreeMap::new();
    let own = header.segment.as_ref().map_or(1, |segment| segment.number);
    let recording = recording(header);
    for number in own + 1.. {
        let path = beside(first, number);
        if !path.is_file() {
            break;
        }
        let Some(segment) = store::header(&path)?.and_then(|header| header.segment) else {
            break;
        };
        if segment.recording != recording || segment.number != number {
            break;
        }
        found.insert(number, path);
    }
    Ok(found)
}

/// Makes the folder of a recording where it is not there, and locks it.
pub(super) fn folder(path: &Path) -> Result<Locked, TapeError> {
    let failed = |source| TapeError::Write {
        path: path.to_owned(),
        source,
    };
    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !path.is_dir() {
                return Err(FolderFault::NoFolder.at(path));
            }
        }
        Err(error) => return Err(failed(error)),
    }
    store::lock(File::open(path).map_err(failed)?, path)
}

/// Begins a segment's file: it appears under its name with its header in it, or not at all. Whoever calls
/// has seen to it that nobody else makes it.
pub(super) fn begin(path: &Path, content: &[u8]) -> Result<Locked, TapeError> {
    let failed = |source| TapeError::Write {
        path: path.to_owned(),
        source,
    };
    if path.exists() {
        return Err(TapeError::Exists {
            path: path.to_owned(),
        });
    }
    let temporary = store::beside(path).map_err(failed)?;
    // One that is left over was made by a program that had our number, and was killed.
    let _ = fs::remove_file(&temporary);
    let made = fill(&temporary, content)
        .map_err(failed)
        .and_then(|file| store::lock(file, path))
        .and_then(|file| {
            fs::rename(&temporary, path).map_err(failed)?;
            Ok(file)
        });
    if made.is_err() {
        // The first error is the one to report; a leftover file is the lesser trouble.
        let _ = fs::remove_file(&temporary);
    }
    let file = made?;
    store::sync_folder(path).map_err(failed)?;
    Ok(file)
}

fn fill(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    Ok(file)
}

/// The number that a segment's file is called by.
fn number(stem: &str) -> Option<u64> {
    let digits = stem.len() >= DIGITS && stem.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| stem.parse().ok()).flatten()
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(OsStr::to_string_lossy)
        .unwrap_or_default()
        .into_owned()
}

/// A file's name without what says that it is a tape, and that.
fn split(name: &str) -> (&str, &str) {
    let found = SUFFIXES
        .iter()
        .find_map(|suffix| Some((name.strip_suffix(suffix)?, *suffix)));
    found.unwrap_or((name, ""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;

    #[test]
    fn segments_are_called_so_that_they_sort() {
        let folder = Path::new("r/desk.tape");
        for (number, packing, name) in [
            (1, Packing::Plain, "000001.tape"),
            (12, Packing::Zstd, "000012.tape.zst"),
            (1_000_000, Packing::Plain, "1000000.tape"),
        ] {
            assert_eq!(within(folder, number, packing), folder.join(name));
        }
        for (first, name) in [
            ("r/desk.tape", "r/desk.000002.tape"),
            ("r/desk.tape.zst", "r/desk.000002.tape.zst"),
            ("r/desk", "r/desk.000002"),
        ] {
            assert_eq!(beside(Path::new(first), 2), Path::new(name));
        }
    }

    #[test]
    fn a_folder_holds_segments_and_whatever_is_no_tape() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| fs::write(folder.path().join(name), "").unwrap();
        for name in [
            "000002.tape",
            "000010.tape.zst",
            "notes.txt",
            ".000003.tape.7.tmp",
        ] {
            make(name);
        }
        let numbers: Vec<u64> = list(folder.path()).unwrap().into_keys().collect();
        assert_eq!(numbers, [2, 10]);
        make("000002.tape.zst");
        let error = list(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("two files are segment 2"), "{error}");
        fs::remove_file(folder.path().join("000002.tape.zst")).unwrap();
        make("chat.tape");
        let error = list(folder.path()).unwrap_err().to_string();
        assert!(error.contains("chat.tape: "), "{error}");
    }
}

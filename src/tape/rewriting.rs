//! The files of one recording, to be written again one by one.
//!
//! A folder is locked meanwhile, so that no recording goes on in it. What changes in the files, others decide.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::error::TapeError;
use super::packing::{self, Packing};
use super::store::{self, Locked};
use super::{Header, Layout, Segment, Tape, segment};

/// How much of a tape's text is looked at for the end of its first line: longer than headers are.
const MAX_LINE: u64 = 64 * 1024;

/// How much of a file is looked at for that: two blocks of a zstd frame (RFC 8878 §3.1.1.2.4).
const MAX_BEGINNING: u64 = 256 * 1024;

/// The files of a recording, in their order.
#[derive(Debug)]
pub struct Whole {
    files: Vec<PathBuf>,
    kind: Kind,
}

/// How the files of a recording stand.
#[derive(Debug)]
enum Kind {
    /// In a folder, which is locked.
    Folder { _lock: Locked },
    /// One file, and those beside it that go on with it.
    File,
}

/// How a tape stands in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How its text is laid out.
    pub layout: Layout,
    /// How the text is packed.
    pub packing: Packing,
}

impl Whole {
    /// All files of the recording at a path: the segments in a folder, or a file with what goes on beside it.
    pub fn open(path: &Path) -> Result<Whole, TapeError> {
        if path.is_dir() {
            let folder = File::open(path).map_err(|source| TapeError::Read {
                path: path.to_owned(),
                source,
            })?;
            let lock = store::lock(folder, path)?;
            return Ok(Whole {
                files: files(path)?,
                kind: Kind::Folder { _lock: lock },
            });
        }
        Ok(Whole {
            files: files(path)?,
            kind: Kind::File,
        })
    }

    /// The files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Where the files are to be written for a recording at another path, in which none may stand yet.
    pub fn elsewhere(&self, path: &Path) -> Result<Vec<PathBuf>, TapeError> {
        match &self.kind {
            Kind::File => {
                let first = self.files.first();
                let number =
                    |file: &PathBuf| store::header(file).map(|header| number_of(header.as_ref()));
                let files = self.files.iter().map(|file| match first {
                    Some(first) if first == file => Ok(path.to_owned()),
                    _ => Ok(segment::beside(path, number(file)?)),
                });
                files.collect()
            }
            Kind::Folder { .. } => {
                let _lock = segment::folder(path)?;
                if let Some(there) = segment::list(path)?.into_values().next() {
                    return Err(TapeError::Exists { path: there });
                }
                let names = self.files.iter().filter_map(|file| file.file_name());
                Ok(names.map(|name| path.join(name)).collect())
            }
        }
    }

    /// Has the first of several files keep the name that the others call their recording by. Where it has
    /// none of its own, that is the digest of its header as it stands, which is to become another.
    pub fn name(&self, header: &mut Header) {
        if self.files.len() > 1 && header.segment.is_none() {
            header.segment = Some(Segment {
                recording: segment::recording(header),
                number: 1,
            });
        }
    }
}

impl Style {
    /// How the tape stands in the file at a path.
    pub(super) fn of_file(path: &Path) -> Result<Style, TapeError> {
        let mut beginning = Vec::new();
        let read =
            File::open(path).and_then(|file| file.take(MAX_BEGINNING).read_to_end(&mut beginning));
        read.map_err(|source| TapeError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Style::of(&beginning))
    }

    /// How the tape with this content stands in its file: pretty ones have their first object on several lines.
    pub fn of(bytes: &[u8]) -> Style {
        let text = packing::beginning(bytes, MAX_LINE);
        let first = text.split(|byte| *byte == b'\n').next();
        let layout = if first.is_some_and(|line| line.trim_ascii_end().ends_with(b"}")) {
            Layout::Lines
        } else {
            Layout::Pretty
        };
        Style {
            layout,
            packing: Packing::of(bytes),
        }
    }
}

impl Tape {
    /// Writes the tape to a file in this style, sealed. A file that is there is replaced in one step.
    pub fn save_as(&self, path: &Path, style: Style) -> Result<(), TapeError> {
        let text = self.write(style.layout);
        store::save(path, |_| packing::sealed(&text, style.packing))
    }
}

/// All files of the recording at a path: the segments in a folder, or a file with what goes on beside it.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, TapeError> {
    let mut files = super::parts(path)?;
    if !path.is_dir()
        && let Some(header) = store::header(path)?
    {
        files.extend(segment::followers(path, &header)?.into_values());
    }
    Ok(files)
}

/// The number of the segment that begins with this header.
fn number_of(header: Option<&Header>) -> u64 {
    let segment = header.and_then(|header| header.segment.as_ref());
    segment.map_or(1, |segment| segment.number)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;

    const TAPE: &str = "{\"kind\":\"header\",\"antiphon\":1,\"title\":\"t\",\"source\":\"s\"}\n";

    #[test]
    fn a_tape_keeps_its_layout_and_packing() {
        let tape = Tape::read(TAPE.as_bytes()).unwrap().tape;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tape");
        for layout in [Layout::Lines, Layout::Pretty] {
            for packing in [Packing::Plain, Packing::Zstd] {
                let style = Style { layout, packing };
                tape.save_as(&path, style).unwrap();
                let bytes = store::file(&path).unwrap();
                assert_eq!(Style::of(&bytes), style);
                assert_eq!(Tape::read(&bytes).unwrap().tape, tape);
            }
        }
    }
}

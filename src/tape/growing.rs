//! A tape's file while a recording writes it: events go to its end, one object a line, and a trailer
//! closes it.
//!
//! It keeps the file a tape at every moment: what could not be written whole is taken back. When to
//! write, and what to do about a disk that does not take it, is the recorder's to decide.

mod before;
mod keep;
mod turn;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::exchange::OperationId;

use super::error::TapeError;
use super::packing::{self, Packer, Packing};
use super::segment::FILE_MODE;
use super::store::{self, Locked};
use super::wire::{self, Seal};
use super::{Event, Header, Layout, Tape};

use before::Account;
pub use before::Before;
pub use keep::Keep;
use turn::Home;
pub use turn::{Reopened, Sealing, Turned};

/// How large a tape may grow: as large as one that can be read, with room left for its trailer.
const MAX_GROWN: u64 = store::MAX_TAPE_BYTES - 1024;

/// A tape with so much text is full: what may wait at a time (64 MiB unless the user chose more) still finds
/// room in it.
const FULL: u64 = 896 * 1024 * 1024;

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the recording is refused.
    #[default]
    Refuse,
    /// The recording goes on after its last event.
    Append,
    /// It is lost.
    Replace,
}

/// A tape's file, open for writing, and locked against other writers.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    /// Where the other segments are.
    home: Home,
    /// The header of the file, and so of those that follow.
    header: Header,
    file: Locked,
    /// The file that this one took the place of; its lock is held on, for a program that had opened
    /// it before.
    replaced: Option<Locked>,
    /// How many bytes of the file are whole objects.
    whole: u64,
    /// How many bytes of text they are.
    grown: u64,
    packer: Packer,
    /// How the segments are packed that follow.
    packing: Packing,
    end: FileEnd,
    seal: Seal,
    /// Lines that are not in the file yet.
    waiting: String,
    events_waiting: u64,
    account: Account,
    /// How many events were written since the disk last said that it has all.
    unsynced: u64,
}

/// What is known of the file behind its whole objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileEnd {
    /// Nothing stands there.
    Clean,
    /// Something may: a write failed halfway.
    Doubtful,
}

/// How a tape was left by a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// With its trailer.
    Sealed,
    /// Without one, since events are missing from it.
    Unsealed,
}

impl Growing {
    /// Opens the file at `path` for a recording. A new one gets `header`; of one that goes on, what
    /// it held is returned too. A header that names a segment asks for a folder of segments, and a folder
    /// that is there already for the next one in it.
    pub fn open(
        path: &Path,
        header: &Header,
        existing: Existing,
    ) -> Result<(Growing, Option<Before>), TapeError> {
        Self::open_packed(path, header, existing, Packing::Plain)
    }

    /// As [`Growing::open`]. A file that goes on stays packed as it is; files that are made are packed so.
    pub fn open_packed(
        path: &Path,
        header: &Header,
        existing: Existing,
        packing: Packing,
    ) -> Result<(Growing, Option<Before>), TapeError> {
        let opened = if header.segment.is_some() || path.is_dir() {
            Self::open_folder(path, header, existing, packing)
        } else {
            Self::open_file(path, header, existing, packing)
        };
        let (mut growing, before) = opened?;
        growing.packing = packing;
        Ok((growing, before))
    }

    fn open_file(
        path: &Path,
        header: &Header,
        existing: Existing,
        packing: Packing,
    ) -> Result<(Growing, Option<Before>), TapeError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).mode(FILE_MODE);
        match existing {
            Existing::Refuse => options.create_new(true),
            Existing::Append | Existing::Replace => options.create(true),
        };
        let file = store::no_link(&mut options).open(path).map_err(|source| {
            if store::is_link(&source) {
                TapeError::Link {
                    path: path.to_owned(),
                }
            } else if source.kind() == io::ErrorKind::AlreadyExists {
                TapeError::Exists {
                    path: path.to_owned(),
                }
            } else {
                cannot_write(path, source)
            }
        })?;
        let file = store::lock(file, path)?;
        if existing == Existing::Append {
            let bytes = store::content(file.file(), path)?;
            // A recording that was killed before its first write leaves an empty file.
            if !bytes.is_empty() {
                return Self::go_on_in(file, path, &bytes, header)
                    .map(|(growing, before)| (growing, Some(before)));
            }
        }
        file.file()
            .set_len(0)
            .map_err(|source| cannot_write(path, source))?;
        let packer = Packer::new(packing, Vec::new());
        let mut growing = Self::of(file, path, header.clone(), Seal::default(), packer);
        growing.line(&wire::write_header(header));
        growing
            .flush()
            .and_then(|()| growing.file.file().sync_all())
            .map_err(|source| cannot_write(path, source))?;
        Ok((growing, None))
    }

    /// Adds an event, and says how it will stand in the file. It waits for the next
    /// [`Growing::flush`].
    pub fn push(&mut self, event: &Event) -> &str {
        let begin = self.waiting.len();
        self.waiting = wire::append_event(event, std::mem::take(&mut self.waiting));
        let end = self.waiting.len();
        self.waiting.push('\n');
        self.events_waiting += 1;
        self.account.note([event]);
        self.waiting.get(begin..end).unwrap_or_default()
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many events wait.
    pub fn events_waiting(&self) -> u64 {
        self.events_waiting
    }

    /// Whether an operation is on the tape, or waits to be.
    pub fn holds(&self, operation: OperationId) -> bool {
        self.account.operations.contains(operation.0)
    }

    /// Whether a notification on the tape names this operation, which is not on it yet.
    pub fn owes(&self, operation: OperationId) -> bool {
        self.account.owed.contains(&operation)
    }

    /// Writes what waits. Where that fails the file is as it was before, and all of it still waits.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.end == FileEnd::Doubtful {
            self.file.file().set_len(self.whole)?;
            self.end = FileEnd::Clean;
        }
        if self.waiting.is_empty() {
            return Ok(());
        }
        let grown = self.grown.saturating_add(self.waiting.len() as u64);
        if grown > MAX_GROWN && self.events_waiting > 0 {
            let full = format!("a tape has at most {MAX_GROWN} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, full));
        }
        let (content, frames) = self.packer.pack(self.waiting.as_bytes());
        if let Err(error) = self.file.file().write_all(&content) {
            self.end = FileEnd::Doubtful;
            if self.file.file().set_len(self.whole).is_ok() {
                self.end = FileEnd::Clean;
            }
            return Err(error);
        }
        self.whole += content.len() as u64;
        self.grown = grown;
        self.packer.wrote(frames);
        if self.events_waiting > 0 {
            // Only now: what is given up is no part of the tape.
            self.seal
                .add_lines(self.waiting.as_bytes(), self.events_waiting);
        }
        self.unsynced += self.events_waiting;
        self.waiting.clear();
        self.events_waiting = 0;
        Ok(())
    }

    /// Waits until what was flushed survives a power cut. Where that fails nobody knows what of it
    /// does, and to try again would tell nothing: the system may have dropped it meanwhile.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.file().sync_data()?;
        self.unsynced = 0;
        Ok(())
    }

    /// What waits until the disk has all that was flushed before, while more is flushed: for another thread.
    /// Where it fails that means what it means of [`Growing::sync`], which does not hear of it again.
    pub fn syncing(&self) -> io::Result<impl FnOnce() -> io::Result<()> + Send + use<>> {
        let file = self.file.file().try_clone()?;
        Ok(move || file.sync_data())
    }

    /// How many events were flushed since the last [`Growing::sync`] that went well.
    pub fn unsynced(&self) -> u64 {
        self.unsynced
    }

    /// Gives up what waits, and says how many events that were. Whoever does it owes the tape a gap
    /// ([`Event::Gap`]) that says so.
    pub fn give_up(&mut self) -> u64 {
        let lost = self.events_waiting;
        self.waiting = String::new();
        self.events_waiting = 0;
        lost
    }

    /// Writes what waits and the trailer.
    pub fn close(mut self) -> Result<Closed, TapeError> {
        let path = self.path.clone();
        let failed = |source| cannot_write(&path, source);
        self.flush().map_err(failed)?;
        // Of segments the reader strikes such causes out; the notification may stand in an earlier one.
        // And where there is a gap, it strikes out what was lost in it and says so.
        if !self.account.owed.is_empty()
            && !self.account.gaps.is_loss()
            && self.header.segment.is_none()
        {
            return self.strike();
        }
        self.seal().map_err(failed)?;
        Ok(Closed::Sealed)
    }

    /// Writes the trailer, which is a frame of its own where the tape is compressed, and what follows it.
    fn seal(&mut self) -> io::Result<()> {
        let trailer = wire::write_trailer(&self.seal.trailer());
        self.line(&trailer);
        self.flush()?;
        self.file.file().write_all(&self.packer.table())?;
        self.file.file().sync_all()
    }

    /// Seals a tape on which a notification names an operation that never came to its end: without
    /// a trailer the reader strikes such causes out, and what it read is written anew.
    fn strike(self) -> Result<Closed, TapeError> {
        let tape = Tape::load(&self.path)?.tape;
        let (content, _) = packing::packed(&tape.write(Layout::Lines), self.packer.packing);
        store::replace(&self.path, &content).map_err(|source| cannot_write(&self.path, source))?;
        Ok(Closed::Sealed)
    }

    fn of(file: Locked, path: &Path, header: Header, seal: Seal, packer: Packer) -> Growing {
        Growing {
            path: path.to_owned(),
            home: Home::Beside(path.to_owned()),
            header,
            file,
            replaced: None,
            whole: 0,
            grown: 0,
            packing: packer.packing,
            packer,
            end: FileEnd::Clean,
            seal,
            waiting: String::new(),
            events_waiting: 0,
            account: Account::default(),
            unsynced: 0,
        }
    }

    fn line(&mut self, object: &str) {
        self.waiting.push_str(object);
        self.waiting.push('\n');
    }
}

fn cannot_write(path: &Path, source: io::Error) -> TapeError {
    TapeError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may stop at the first thing that is not as it should be
mod tests {
    use super::*;
    use crate::exchange::{Fact, Gap, Micros, Session, What};
    use crate::tape::Notice;

    #[test]
    fn a_tape_does_not_grow_larger_than_one_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.tape");
        let header = Header {
            title: "t".into(),
            source: "s".into(),
            ..Header::default()
        };
        let event = Event::Fact(Fact {
            session: Session::new("a"),
            at: Micros(0),
            what: What::Disconnect,
        });
        let (mut growing, _) = Growing::open(&path, &header, Existing::Refuse).unwrap();
        growing.push(&event);
        growing.flush().unwrap();
        let grown = std::mem::replace(&mut growing.grown, MAX_GROWN);
        growing.push(&event);
        let error = growing.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        growing.grown = grown;
        assert_eq!(growing.give_up(), 1);
        let gap = Event::Gap(Gap {
            events: 1,
            ..Gap::default()
        });
        growing.push(&gap);
        assert_eq!(growing.close().unwrap(), Closed::Sealed);
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.notices, [Notice::Gaps(loaded.tape.gaps_in_all())]);
        assert_eq!(loaded.tape.events, [event, gap]);
    }
}

//! A tape's file while a recording writes it: events go to its end, one object a line, and a trailer
//! closes it.
//!
//! It keeps the file a tape at every moment: what could not be written whole is taken back. When to
//! write, and what to do about a disk that does not take it, is the recorder's to decide.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::exchange::OperationId;

use super::error::TapeError;
use super::numbers::Numbers;
use super::read::{self, Resumed};
use super::redaction::{Extent, Redaction};
use super::store::{self, Locked};
use super::wire::{self, Seal};
use super::{Event, Header, Layout, Loaded, Notice, Tape, Trust};

/// How large a tape may grow: as large as one that can be read, with room left for its trailer.
const MAX_GROWN: u64 = store::MAX_TAPE_BYTES - 1024;

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
    file: Locked,
    /// The file that this one took the place of; its lock is held on, for a program that had opened
    /// it before.
    _replaced: Option<Locked>,
    /// How many bytes of the file are whole objects.
    whole: u64,
    end: FileEnd,
    seal: Seal,
    /// Lines that are not in the file yet.
    waiting: Vec<u8>,
    events_waiting: u64,
    /// The operations that are on the tape.
    operations: Numbers,
    /// Those that are not, and that a notification on the tape names as its cause.
    owed: BTreeSet<OperationId>,
    lost: u64,
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
    /// it held is returned too.
    pub fn open(
        path: &Path,
        header: &Header,
        existing: Existing,
    ) -> Result<(Growing, Option<Loaded>), TapeError> {
        let mut options = OpenOptions::new();
        options.read(true).append(true);
        match existing {
            Existing::Refuse => options.create_new(true),
            Existing::Append | Existing::Replace => options.create(true),
        };
        let file = options.open(path).map_err(|source| {
            if source.kind() == io::ErrorKind::AlreadyExists {
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
                return Self::resume(file, path, &bytes, header);
            }
        }
        file.file()
            .set_len(0)
            .map_err(|source| cannot_write(path, source))?;
        let mut growing = Self::of(file, path, Seal::default(), 0);
        growing.line(&wire::write_header(header));
        growing
            .flush()
            .and_then(|()| growing.file.file().sync_all())
            .map_err(|source| cannot_write(path, source))?;
        Ok((growing, None))
    }

    /// Adds an event, and says how it will stand in the file. It waits for the next
    /// [`Growing::flush`].
    pub fn push(&mut self, event: &Event) -> String {
        let object = wire::write_event(event);
        self.seal.add(&object);
        self.line(&object);
        self.events_waiting += 1;
        self.note(event);
        object
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
        self.operations.contains(operation.0)
    }

    /// Whether a notification on the tape names this operation, which is not on it yet.
    pub fn owes(&self, operation: OperationId) -> bool {
        self.owed.contains(&operation)
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
        let grown = self.whole.saturating_add(self.waiting.len() as u64);
        if grown > MAX_GROWN && self.events_waiting > 0 {
            let full = format!("a tape has at most {MAX_GROWN} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, full));
        }
        if let Err(error) = self.file.file().write_all(&self.waiting) {
            self.end = FileEnd::Doubtful;
            if self.file.file().set_len(self.whole).is_ok() {
                self.end = FileEnd::Clean;
            }
            return Err(error);
        }
        self.whole += self.waiting.len() as u64;
        self.waiting.clear();
        self.events_waiting = 0;
        Ok(())
    }

    /// Waits until what was flushed survives a power cut.
    pub fn sync(&self) -> io::Result<()> {
        self.file.file().sync_data()
    }

    /// Counts an event that there should be and is not. The tape will not be sealed.
    pub fn miss(&mut self) {
        self.lost += 1;
    }

    /// Gives up what waits, and says how many events that were. The tape will not be sealed.
    pub fn give_up(&mut self) -> u64 {
        let lost = self.events_waiting;
        self.lost += lost;
        self.waiting = Vec::new();
        self.events_waiting = 0;
        lost
    }

    /// Writes what waits and the trailer. A tape that lacks events which it should have is left
    /// without a trailer, so that whoever reads it is told.
    pub fn close(mut self) -> Result<Closed, TapeError> {
        let path = self.path.clone();
        let failed = |source| cannot_write(&path, source);
        self.flush().map_err(failed)?;
        if self.lost > 0 {
            self.file.file().sync_all().map_err(failed)?;
            return Ok(Closed::Unsealed);
        }
        if !self.owed.is_empty() {
            return self.strike();
        }
        let trailer = wire::write_trailer(&self.seal.trailer());
        self.line(&trailer);
        self.flush()
            .and_then(|()| self.file.file().sync_all())
            .map_err(failed)?;
        Ok(Closed::Sealed)
    }

    /// Seals a tape on which a notification names an operation that never came to its end: without
    /// a trailer the reader strikes such causes out, and what it read is written anew.
    fn strike(self) -> Result<Closed, TapeError> {
        let tape = Tape::load(&self.path)?.tape;
        store::replace(&self.path, &tape.write(Layout::Lines))
            .map_err(|source| cannot_write(&self.path, source))?;
        Ok(Closed::Sealed)
    }

    /// Goes on with a tape that was read from the file: its trailer and what is torn go away. Its
    /// header gets the mark of what comes from nobody knows whom.
    fn resume(
        file: Locked,
        path: &Path,
        bytes: &[u8],
        header: &Header,
    ) -> Result<(Growing, Option<Loaded>), TapeError> {
        let Resumed {
            mut loaded,
            seal,
            end,
        } = read::resume(bytes).map_err(|error| error.named(path))?;
        let struck = |notice: &Notice| matches!(notice, Notice::CauseLost { .. });
        let marked = mark(&mut loaded, header);
        let mut growing = if marked == Marks::Changed || loaded.notices.iter().any(struck) {
            Self::rewritten(file, path, &loaded.tape)?
        } else {
            file.file()
                .set_len(end as u64)
                .map_err(|source| cannot_write(path, source))?;
            let mut growing = Self::of(file, path, seal, end as u64);
            growing.waiting.push(b'\n');
            growing
        };
        for event in &loaded.tape.events {
            growing.note(event);
        }
        growing
            .flush()
            .map_err(|source| cannot_write(path, source))?;
        Ok((growing, Some(loaded)))
    }

    /// Goes on with a tape whose events the reader had to change, or whose header changes: it is
    /// written anew, so that the trailer will fit.
    fn rewritten(old: Locked, path: &Path, tape: &Tape) -> Result<Growing, TapeError> {
        let failed = |source| cannot_write(path, source);
        let mut seal = Seal::default();
        let mut text = wire::write_header(&tape.header);
        text.push('\n');
        for event in &tape.events {
            let object = wire::write_event(event);
            seal.add(&object);
            text.push_str(&object);
            text.push('\n');
        }
        store::replace(path, &text).map_err(failed)?;
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).open(path).map_err(failed)?;
        Ok(Growing {
            _replaced: Some(old),
            ..Self::of(store::lock(file, path)?, path, seal, text.len() as u64)
        })
    }

    fn of(file: Locked, path: &Path, seal: Seal, whole: u64) -> Growing {
        Growing {
            path: path.to_owned(),
            file,
            _replaced: None,
            whole,
            end: FileEnd::Clean,
            seal,
            waiting: Vec::new(),
            events_waiting: 0,
            operations: Numbers::default(),
            owed: BTreeSet::new(),
            lost: 0,
        }
    }

    fn line(&mut self, object: &str) {
        self.waiting.extend_from_slice(object.as_bytes());
        self.waiting.push(b'\n');
    }

    /// Keeps count of which operations are there and which are named.
    fn note(&mut self, event: &Event) {
        match event {
            Event::Contract(_) | Event::Fact(_) => {}
            Event::Operation(operation) => {
                self.operations.insert(operation.id.0);
                self.owed.remove(&operation.id);
            }
            Event::Notification(notification) => {
                for cause in &notification.after {
                    if !self.holds(*cause) {
                        self.owed.insert(*cause);
                    }
                }
            }
        }
    }
}

/// Whether the header of a tape that goes on says something else than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marks {
    Same,
    Changed,
}

/// Has the header say what holds for all of the tape: that some of it comes from nobody knows whom, and
/// whether all of its secrets are pseudonyms.
fn mark(loaded: &mut Loaded, header: &Header) -> Marks {
    let is_empty = loaded.tape.events.is_empty();
    let ours = &mut loaded.tape.header;
    let before = ours.clone();
    if header.trust == Trust::Insecure {
        ours.trust = header.trust;
    }
    ours.redaction = match (&before.redaction, &header.redaction) {
        (_, redaction) if is_empty => redaction.clone(),
        (Some(earlier), Some(now)) => Some(earlier.and(now)),
        (None, None) => None,
        (Some(redaction), None) | (None, Some(redaction)) => {
            loaded.notices.push(match before.redaction {
                Some(_) => Notice::SecretsFollow,
                None => Notice::SecretsBefore,
            });
            Some(Redaction {
                extent: Extent::Part,
                ..redaction.clone()
            })
        }
    };
    if *ours == before {
        Marks::Same
    } else {
        Marks::Changed
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
    use crate::exchange::{Fact, Micros, Session, What};

    #[test]
    fn a_tape_does_not_grow_larger_than_one_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.tape");
        let header = Header {
            title: "t".into(),
            source: "s".into(),
            started: None,
            endpoint: None,
            trust: Trust::Checked,
            redaction: None,
        };
        let event = Event::Fact(Fact {
            session: Session::new("a"),
            at: Micros(0),
            what: What::Disconnect,
        });
        let (mut growing, _) = Growing::open(&path, &header, Existing::Refuse).unwrap();
        growing.push(&event);
        growing.flush().unwrap();
        let whole = std::mem::replace(&mut growing.whole, MAX_GROWN);
        growing.push(&event);
        let error = growing.flush().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        growing.whole = whole;
        assert_eq!(growing.give_up(), 1);
        assert_eq!(growing.close().unwrap(), Closed::Unsealed);
        let loaded = Tape::load(&path).unwrap();
        assert_eq!(loaded.tape.events, [event]);
        assert_eq!(loaded.notices, [Notice::Unclosed]);
    }
}
